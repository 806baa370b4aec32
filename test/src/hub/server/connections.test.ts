/** Connections that say nothing, say nothing of who they are, or ask for what there is not. */
import { connect, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { connectionsWithin, descriptorLimit } from '../../../../src/hub/server/descriptors.ts';
import { Newcomers } from '../../../../src/hub/server/newcomers.ts';
import { connected, hubOf, until } from './places.ts';
import { raw } from './raw.ts';

describe('newcomers', () => {
  function newcomers(most: number, perAddress: number) {
    const ended: string[] = [];
    const all = new Newcomers<string>({ most, perAddress, isSilent: (one) => one.startsWith('silent'), end: (one) => ended.push(one) });
    return { all, ended };
  }

  it('make way for one more: the silent ones first, then those that have been there longest', () => {
    const { all, ended } = newcomers(3, 3);
    for (const one of ['a', 'silent-1', 'b', 'c', 'd']) all.add(one, `10.0.0.${one.length}${ended.length}`);
    expect([ended, all.size]).toEqual([['silent-1', 'a'], 3]);
  });

  it.each([
    ['of an address', '192.0.2.1', '192.0.2.1'],
    ['of a network of IPv6', '2001:db8:0:7::1', '2001:db8:0:7:ffff::2'],
  ])('%s make way for each other only', (_, first, second) => {
    const { all, ended } = newcomers(10, 2);
    all.add('other', '198.51.100.1');
    for (const [one, from] of [
      ['a', first],
      ['b', second],
      ['c', first],
    ] as const)
      all.add(one, from);
    expect(ended).toEqual(['a']);
    all.add('d', '2001:db8:0:8::1');
    expect(ended).toEqual(['a']);
  });

  it('are none any more once they are known', () => {
    const { all, ended } = newcomers(2, 2);
    all.add('a', 'x');
    all.remove('a');
    for (const one of ['b', 'c', 'd']) all.add(one, 'x');
    expect([ended, all.makeRoom(), all.makeRoom(), all.makeRoom()]).toEqual([['b', 'c', 'd'], true, true, false]);
  });
});

describe('descriptors', () => {
  it('are kept for the journal, commands and files', () => {
    expect([100, 256, 1_024, 65_536, Number.POSITIVE_INFINITY].map(connectionsWithin)).toEqual([36, 192, 768, 64_512, Number.POSITIVE_INFINITY]);
    expect(connectionsWithin(10)).toBe(8);
    expect(descriptorLimit()).toBeGreaterThan(100);
  });
});

/** Connections over which nothing is sent. */
function silent(port: number, count: number): readonly Socket[] {
  return Array.from({ length: count }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    return socket;
  });
}

const few = { connections: 3, newcomers: 6, newcomersPerAddress: 6 };

describe('who says who it is', () => {
  it('gets in, however many are there who do not', async () => {
    const { hub } = await hubOf({ limits: few, token: 'all' });
    const first = await connected(hub.url, '/engine', { auth: { token: 'all' } });
    const silents = silent(hub.port, 20);
    await until(() => silents.filter(({ closed }) => closed).length >= 14);
    const sockets = await Promise.allSettled(Array.from({ length: 12 }, () => raw(hub.url)));
    expect(sockets.length).toBe(12);
    for (let at = 0; at < 12; at++) await (await fetch(`${hub.url}/socket.io/?EIO=4&transport=polling`)).text();
    expect(hub.connections().length).toBeLessThanOrEqual(1 + few.newcomers);
    for (let at = 1; at < few.connections; at++) await connected(hub.url, '/engine', { auth: { token: 'all' } });
    expect(first.connected).toBe(true);
    const refused = await fetch(`${hub.url}/socket.io/?EIO=4&transport=polling`);
    expect([refused.status, await refused.json()]).toMatchObject([503, { ok: false, error: { code: 'RESOURCE_EXHAUSTED' } }]);
    expect((await fetch(`${hub.url}/healthz`)).status).toBe(200);
  });
});

/** Writes to a connection of its own, and resolves with everything that came until it was closed. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (part: string) => {
      heard += part;
    });
    socket.on('error', () => undefined).on('close', () => resolve(heard));
    onTestFinished(() => void socket.destroy());
  });
}

const statusesIn = (heard: string): number[] => [...heard.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));

describe('a request that asks for another protocol', () => {
  const h2c = 'Host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n';
  const last = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  const body = JSON.stringify({ id: 'upgraded', definition: { name: 'x', tasks: [{ id: 'a', method: 'core/echo' }] } });
  const post = `POST /api/workflows HTTP/1.1\r\n${h2c}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const socket =
    'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

  it.each<[string, string, readonly number[]]>([
    ['GET', `GET /healthz HTTP/1.1\r\n${h2c}\r\n${last}`, [200, 200]],
    ['GET again and again', `GET /healthz HTTP/1.1\r\n${h2c}\r\n`.repeat(12) + last, Array.from({ length: 13 }, () => 200)],
    ['POST', `${post}${last}`, [202, 200]],
    ['after another one', `${last.replace('Connection: close\r\n', '')}${post}GET /healthz HTTP/1.1\r\n${h2c}\r\n${last}`, [200, 202, 200, 200]],
    ['for a WebSocket elsewhere', `GET /elsewhere HTTP/1.1\r\n${socket}\r\n${last}`, [404, 200]],
    ['of a poll', `GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n${h2c}\r\n${last}`, [200, 200]],
  ])('is answered as it is: %s', async (_, text, statuses) => {
    const { hub, system } = await hubOf();
    expect(statusesIn(await exchange(hub.port, text))).toEqual(statuses);
    if (text.includes(post)) expect((await system.result('upgraded')).status).toBe('completed');
  });

  it('is refused in words where its page may not connect', async () => {
    const { hub } = await hubOf({ token: 'all' });
    const heard = await exchange(hub.port, `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n${socket}Origin: https://evil.example.com\r\n\r\n`);
    expect(statusesIn(heard)).toEqual([403]);
    expect(JSON.parse(heard.split('\r\n\r\n')[1] ?? '')).toMatchObject({ ok: false, error: { code: 'AUTHORIZATION_FAILED' } });
  });
});
