/** What is done to the hub: each kind sends about so many messages as it is asked for, and ends what it began. */
import { setTimeout as wait } from 'node:timers/promises';

import { between, oneOf } from '../chance.mjs';
import { nested, packets, refusable, unauthorized } from './payloads.mjs';
import { Wire } from './wire.mjs';

const namespaces = ['/engine', '/queue', '/pool', '/health'];

/** A connection that is in a namespace. */
async function entered(place, kind, { namespace = '/engine', role = 'client' } = {}) {
  const wire = await Wire.open(place, kind);
  if (wire === undefined) return undefined;
  if (await wire.enter(namespace, { token: place.tokens[role] })) return wire;
  if (wire.isOpen) place.tally.fault(`${kind}: ${role} is not let into ${namespace}: ${wire.heard.at(-1)?.slice(0, 200)}`);
  return undefined;
}

/** Requests that have to be refused, and each of them in words. */
async function requests(place, times) {
  const { chance } = place;
  const role = oneOf(chance, ['client', 'client', 'observer']);
  const wire = await entered(place, 'requests', { role });
  for (let at = 0; at < times && wire?.isOpen; at++) {
    const message = role === 'observer' && chance() < 0.3 ? unauthorized(chance) : refusable(chance);
    // Numbers may come twice, and need not be small.
    const number = chance() < 0.02 ? oneOf(chance, [0, 5, 999_999_999_999_999]) : wire.number;
    wire.ask('/engine', message, number);
    if (at % 50 === 49) await wire.settle();
  }
  await wire?.settle();
  await wire?.end({ isAbrupt: chance() < 0.5 });
}

/** What is no packet at all, before and after a connection has said who it is. */
async function noPackets(place, times) {
  const { chance } = place;
  let wire;
  for (let at = 0; at < times; at++) {
    if (wire?.isOpen !== true) {
      const isKnown = chance() < 0.5;
      wire = isKnown ? await entered(place, 'no packets') : await Wire.open(place, 'no packets');
      if (wire === undefined) return;
      wire.asksNothing = true;
    }
    wire.send(packets(chance));
    if (chance() < 0.2) await wait(0);
  }
  await wire?.end({ isAbrupt: true });
}

/** Bytes on a WebSocket that are none of its frames, and frames that never end. */
async function noFrames(place, times) {
  const { chance } = place;
  for (let at = 0; at < times; at++) {
    const wire = chance() < 0.5 ? await entered(place, 'no frames') : await Wire.open(place, 'no frames');
    if (wire === undefined) return;
    place.tally.count('no frames');
    wire.raw.write(
      oneOf(chance, [
        Buffer.from(Array.from({ length: between(chance, 1, 200) }, () => between(chance, 0, 255))),
        // Reserved bits; an unmasked text; a text that says it is 2^62 bytes; text that is no UTF-8; a fragment that is never continued.
        Buffer.from([0xf1, 0x81, 0, 0, 0, 0, 0x34]),
        Buffer.from([0x81, 0x02, 0x34, 0x30]),
        Buffer.from([0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]),
        Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x34]),
        Buffer.concat(Array.from({ length: 2_000 }, () => Buffer.from([0x89, 0x80, 0, 0, 0, 0]))),
        Buffer.concat([
          Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x34]),
          ...Array.from({ length: 3_000 }, () => Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x20])),
        ]),
      ]),
    );
    await wait(between(chance, 0, 20));
    await wire.end({ isAbrupt: true });
  }
}

/** Messages of 20 MB, which break the connection, and of 16 KB from somebody who has not said who he is. */
async function oversized(place, times) {
  const { chance } = place;
  for (let at = 0; at < times; at++) {
    const isKnown = chance() < 0.3;
    const wire = isKnown ? await entered(place, 'oversized') : await Wire.open(place, 'oversized');
    if (wire === undefined) return;
    const size = isKnown ? 20 * 2 ** 20 : oneOf(chance, [100_000, 2 ** 20, 20 * 2 ** 20]);
    wire.send(`42/engine,1["workflow:submit",{"yaml":"${'x'.repeat(size)}"}]`);
    await Promise.race([wire.end(), wait(200)]);
    await wire.end({ isAbrupt: true });
  }
}

/** Tokens that are wrong, and guessed at; namespaces that there are not; the wrong role. */
async function strangers(place, times) {
  const { chance, tokens } = place;
  const guess = () =>
    oneOf(chance, [
      undefined,
      null,
      '',
      'x',
      tokens.client.slice(0, -1),
      `${tokens.client} `,
      'y'.repeat(3_000),
      7,
      {},
      [tokens.client],
      { toString: 1 },
      nested(chance, 50),
    ]);
  let wire;
  for (let at = 0; at < times; at++) {
    if (wire?.isOpen !== true) wire = await Wire.open(place, 'strangers');
    if (wire === undefined) return;
    if (await wire.enter(oneOf(chance, [...namespaces, '/', '/admin', '/engine/..']), { token: guess() }))
      place.tally.fault('strangers: somebody was let in');
    const said = wire.heard.at(-1) ?? '';
    place.tally.code(/"message":"([A-Z_]+)"/.exec(said)?.[1] ?? 'closed');
    if (chance() < 0.05) await wire.end();
  }
  await wire?.end();
  const worker = await Wire.open(place, 'strangers');
  if (await worker?.enter('/engine', { token: tokens.worker })) place.tally.fault('strangers: a worker was let into /engine');
  await worker?.end();
}

/** Subscriptions that replace each other, from the start of everything on, by somebody who reads now and then, or never. */
async function subscriptions(place, times) {
  const { chance } = place;
  const namespace = oneOf(chance, ['/engine', '/engine', '/pool', '/queue', '/health']);
  const wire = await entered(place, 'subscriptions', { namespace, role: oneOf(chance, ['client', 'observer']) });
  if (wire === undefined) return;
  wire.mayEnd = true;
  for (let at = 0; at < times && wire.isOpen; at++) {
    const filters = Array.from({ length: between(chance, 1, 100) }, (_, each) => ({ types: ['*'], correlationId: `good-${each}` }));
    wire.send(`42${namespace},["subscribe",${JSON.stringify(chance() < 0.5 ? { types: ['*'], fromSeq: 0 } : { anyOf: filters, fromSeq: 0 })}]`);
    if (at === times >> 1) wire.raw.pause();
    if (chance() < 0.1) await wait(1);
  }
  await wait(between(chance, 0, 200));
  wire.raw.resume();
  await wire.end({ isAbrupt: true });
}

/** Come and go: before there is a WebSocket, right after it, in and out of namespaces. */
async function comings(place, times) {
  const { chance } = place;
  for (let at = 0; at < times; at += 4) {
    const wire = await Wire.open(place, 'comings and goings');
    if (wire === undefined) return;
    wire.mayEnd = true;
    const namespace = oneOf(chance, namespaces);
    for (const packet of [`40${namespace},${JSON.stringify({ token: place.tokens.client })}`, `41${namespace},`, `40${namespace},{}`])
      wire.send(packet);
    const isLong = chance() < 0.3;
    if (isLong) await wait(between(chance, 0, 5));
    else if (chance() < 0.5) wire.raw.destroy();
    await wire.end({ isAbrupt: true });
  }
}

/** Waits for results of what never ends, and goes. */
async function waiters(place, times) {
  const wire = await entered(place, 'waiters');
  if (wire === undefined) return;
  wire.mayEnd = true;
  for (let at = 0; at < times; at++) wire.send(`42/engine,${wire.number}["workflow:result",{"workflowId":"never"}]`);
  await wait(5);
  await wire.end({ isAbrupt: place.chance() < 0.5 });
}

export const socketKinds = [
  { weight: 40, times: 300, act: requests },
  { weight: 20, times: 100, act: noPackets },
  { weight: 4, times: 10, act: noFrames },
  { weight: 1, times: 3, act: oversized },
  { weight: 8, times: 60, act: strangers },
  { weight: 8, times: 100, act: subscriptions },
  { weight: 8, times: 60, act: comings },
  { weight: 4, times: 200, act: waiters },
];
