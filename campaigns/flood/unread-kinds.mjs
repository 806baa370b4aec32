/** Those who ask and do not read, and those who connect and say nothing: what is held for them is bounded, and others get in. */
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import { between, oneOf } from '../chance.mjs';
import { localAddress, Wire } from './wire.mjs';

function opened({ port }, count) {
  return Array.from({ length: count }, () => {
    const raw = connect({ port, host: '127.0.0.1', localAddress });
    raw.on('error', () => undefined);
    return raw;
  });
}

/** Connections over which nothing is sent. */
async function silent(place, times) {
  place.tally.count('silent', times);
  const raws = opened(place, times);
  await wait(between(place.chance, 50, 500));
  for (const raw of raws) raw.destroy();
}

/** Requests, several by each connection, whose answers nobody reads. */
async function unread(place, times) {
  const { chance, tally, tokens } = place;
  const path = oneOf(chance, ['/metrics', '/api/workflows?limit=1000', '/api/workflows/never/trace', '/api/workflows/never']);
  const asked = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.client}\r\n\r\n`;
  const raws = opened(place, times);
  for (const raw of raws) {
    const many = between(chance, 1, 20);
    tally.count('unread', many);
    raw.pause().write(asked.repeat(many));
  }
  await wait(between(chance, 50, 500));
  for (const raw of raws) raw.destroy();
}

/** WebSockets that never say who they are. */
async function nameless(place, times) {
  const wires = await Promise.all(Array.from({ length: times }, () => Wire.open(place, 'nameless')));
  place.tally.count('nameless', times);
  await wait(between(place.chance, 50, 500));
  for (const wire of wires) await wire?.end({ isAbrupt: true });
}

export const unreadKinds = [
  { weight: 2, times: 300, act: silent },
  { weight: 2, times: 30, act: unread },
  { weight: 2, times: 60, act: nameless },
];
