/** What comes over HTTP, and what is not even that: requests, long polling, heads that never end. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import { between, oneOf } from '../chance.mjs';
import { nested, packets, refusable } from './payloads.mjs';
import { localAddress } from './wire.mjs';

/** @returns status and text; nothing where the connection broke */
function ask({ url }, path, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve) => {
    const asked = request(`${url}${path}`, { method, headers, localAddress, agent: false, timeout: 20_000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
      answer.on('error', () => resolve(undefined));
    });
    asked.on('error', () => resolve(undefined));
    asked.on('timeout', () => asked.destroy());
    asked.end(body);
  });
}

/** Paths that are none, tokens that are wrong, bodies that cannot be read: 4xx, and said why. */
async function requests(place, times) {
  const { chance, tally, tokens } = place;
  for (let at = 0; at < times; at++) {
    const isKnown = chance() < 0.6;
    const headers = {
      ...(isKnown
        ? { authorization: `Bearer ${tokens.client}` }
        : chance() < 0.5 && { authorization: oneOf(chance, ['Bearer', 'Bearer x', 'Basic eDp5', 'x'.repeat(5_000)]) }),
      'content-type': oneOf(chance, ['application/json', 'application/yaml', 'text/plain', 'multipart/form-data', '']),
      ...(chance() < 0.1 && { origin: 'https://evil.example' }),
    };
    const path = oneOf(chance, [
      '/api/workflows',
      '/api/workflows',
      '/api/workflows',
      '/api/workflows/nobody',
      '/api/workflows/%00',
      '/api/workflows/..%2f..%2fetc',
      '/api/workflows/a/cancel',
      '/__proto__',
      '/api/%ff',
      `/${'x'.repeat(4_000)}`,
      '/socket.io/?EIO=3&transport=polling',
      '/socket.io/?EIO=4&transport=carrier-pigeon',
      '/socket.io/?EIO=4&transport=polling&sid=nobody',
      '/socket.io/?EIO=4&transport=polling&j=1',
      '/socket.io/?EIO=x',
    ]);
    const body = oneOf(chance, [
      '{',
      '[]',
      'null',
      '{"definition":{}}',
      '{"__proto__":{"a":1},"yaml":"x"}',
      nested(chance, 100_000),
      `{"yaml":"${'x'.repeat(100_000)}"}`,
      refusable(chance)[0].slice(0, 2_000_000),
      Buffer.from([0xff, 0xfe, 0x00]),
    ]);
    tally.count('http');
    const answer = await ask(place, path, { method: oneOf(chance, ['POST', 'POST', 'PUT', 'DELETE', 'PATCH', 'POST']), headers, body });
    // Where the body is not read to its end, the connection may break before the answer is.
    tally.code(answer === undefined ? 'broken' : answer.status);
    if (answer !== undefined && (answer.status < 400 || answer.status >= 500)) {
      const isPassing = answer.status === 503 && /RESOURCE_EXHAUSTED|SYSTEM_/.test(answer.text);
      if (!isPassing) tally.fault(`http: ${answer.status} for ${path}: ${answer.text.slice(0, 200)} (${String(body).slice(0, 100)})`);
    }
  }
}

/** TCP connections that say what is no HTTP. */
async function noHttp(place, times) {
  const { chance, port, tally } = place;
  for (let at = 0; at < times; at++) {
    tally.count('no http');
    const said = oneOf(chance, [
      'GET\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'GET / HTTP/9.9\r\n\r\n',
      'POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      'POST /api/workflows HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\n',
      'POST /api/workflows HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx',
      `GET / HTTP/1.1\r\nHost: ${'x'.repeat(20_000)}\r\n\r\n`,
      `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(3_000)}\r\n`,
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 1\r\n\r\n',
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n',
      'GET /elsewhere HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
      'GET http://evil.example/ HTTP/1.1\r\nHost: \xff\r\n\r\n',
      'GET //[::1 HTTP/1.1\r\nHost: [\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n',
      'CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n',
      'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n',
      Buffer.from(Array.from({ length: between(chance, 1, 500) }, () => between(chance, 0, 255))),
    ]);
    await new Promise((resolve) => {
      const raw = connect({ port, host: '127.0.0.1', localAddress });
      raw.on('error', resolve).on('close', resolve);
      raw.on('data', () => undefined);
      raw.write(said);
      setTimeout(() => raw.destroy(), between(chance, 1, 30));
    });
  }
}

/** Long polling: packets that are none, payloads of many, more than may be read, two that poll at a time. */
async function polling(place, times) {
  const { chance, tally } = place;
  const path = '/socket.io/?EIO=4&transport=polling';
  for (let sent = 0; sent < times; ) {
    const hello = await ask(place, path);
    tally.count('polling');
    sent++;
    const sid = /"sid":"([^"]+)"/.exec(hello?.text ?? '')?.[1];
    if (sid === undefined) return;
    const own = `${path}&sid=${sid}`;
    const isKnown = chance() < 0.7;
    if (isKnown) await ask(place, own, { method: 'POST', body: `40/engine,${JSON.stringify({ token: place.tokens.client })}` });
    for (let round = between(chance, 1, 5); round > 0; round--) {
      const many = Array.from({ length: between(chance, 1, 20) }, () =>
        isKnown && chance() < 0.7 ? `42/engine,1${refusable(chance)[0].slice(0, 10_000)}` : String(packets(chance)),
      );
      tally.count('polling', many.length);
      sent += many.length;
      const body = chance() < 0.05 ? 'x'.repeat(2 ** 21) : many.join('\x1e');
      await ask(place, own, {
        method: 'POST',
        body,
        headers: { 'content-type': oneOf(chance, ['text/plain', 'application/octet-stream', 'application/x-www-form-urlencoded']) },
      });
      if (chance() < 0.5) await Promise.race([Promise.all([ask(place, own), chance() < 0.3 && ask(place, own)]), wait(50)]);
    }
    // The others are left as they are: nobody polls any more.
    if (chance() * 100 >= place.deserters) await ask(place, own, { method: 'POST', body: '1' });
  }
}

/** Heads that come letter by letter, handshakes that go no further: held until they are closed. */
export function held(place, times) {
  const { chance, port, tally } = place;
  const starts = ['', 'G', 'POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{', 'GET / HTTP/1.1\r\nHost: x\r\nA: '];
  const upgrade =
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
  const raws = Array.from({ length: times }, () => {
    tally.count('held');
    const raw = connect({ port, host: '127.0.0.1', localAddress });
    raw.on('error', () => undefined).on('data', () => undefined);
    raw.write(chance() < 0.3 ? upgrade : oneOf(chance, starts));
    const timer = setInterval(() => raw.writable && raw.write('x'), between(chance, 200, 2_000));
    raw.on('close', () => clearInterval(timer));
    return raw;
  });
  return () => {
    for (const raw of raws) raw.destroy();
  };
}

export const httpKinds = [
  { weight: 10, times: 40, act: requests },
  { weight: 6, times: 20, act: noHttp },
  { weight: 8, times: 60, act: polling },
];
