import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { controlAddress, makeSocketFolder } from '../../../src/control/address.ts';
import { askOwner } from '../../../src/control/client.ts';
import { maxLineBytes, protocolVersion } from '../../../src/control/protocol.ts';
import { engineOn, gate, placeForJournal, until } from './places.ts';

/** Sends what it is given, and gives back all that comes until the other side ends. */
function say(address: string, act: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect({ path: address, allowHalfOpen: true }, () => act(socket));
    socket.setEncoding('utf8').on('data', (part: string) => {
      heard += part;
    });
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(heard));
  });
}

const codeIn = (answer: string) => (JSON.parse(answer) as { readonly error?: { readonly code: string } }).error?.code;
const request = (command: string, data: unknown, version = protocolVersion) => `${JSON.stringify({ version, command, data })}\n`;

describe('the ear of an engine', { timeout: 30_000 }, () => {
  it('is open to its user only', async () => {
    const { ear } = await engineOn(placeForJournal(), gate());
    expect(statSync(ear.address).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(ear.address)).mode & 0o777).toBe(0o700);
  });

  it('refuses a request that is not UTF-8', async () => {
    const { ear } = await engineOn(placeForJournal(), gate());
    const line = Buffer.from(request('cancel', { workflowId: 'gr\u00fcn' }), 'latin1');
    const answer = await say(ear.address, (socket) => socket.write(line));
    expect([codeIn(answer), answer]).toEqual(['INVALID_REQUEST', expect.stringContaining('is not UTF-8: byte 0xfc')]);
  });

  it.each(['its folder', 'its socket'])('is reached again after a cleaner has taken %s away, and leaves nothing behind', async (what) => {
    const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-ear-'));
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true, force: true });
    });
    const path = placeForJournal();
    const { ear } = await engineOn(path, gate());
    rmSync(what === 'its socket' ? ear.address : dirname(ear.address), { recursive: true });
    expect((await askOwner(path, { command: 'hello', data: {} })).isHeard).toBe(false);
    await until(async () => (await askOwner(path, { command: 'hello', data: {} })).isHeard);
    expect([statSync(ear.address).mode & 0o777, statSync(dirname(ear.address)).mode & 0o777]).toEqual([0o600, 0o700]);
    await ear.close();
    expect(statSync(ear.address, { throwIfNoEntry: false })).toBeUndefined();
  });

  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const workflowOf = (definition: unknown) => ({ definition, impliedProtocols: [] });
  it.each<[string, string, string]>([
    ['no JSON', 'hello\n', 'INVALID_REQUEST'],
    ['an empty line', '\n', 'INVALID_REQUEST'],
    ['JSON that is no request', '[1]\n', 'INVALID_REQUEST'],
    ['bytes that are no text', '\u0000\ud800\n', 'INVALID_REQUEST'],
    ['another version', request('hello', {}, 99), 'INVALID_REQUEST'],
    ['an unknown command', request('toString', {}), 'INVALID_REQUEST'],
    ['a command named like a prototype', request('__proto__', {}), 'INVALID_REQUEST'],
    ['data of another command', request('cancel', { taskId: 'a' }), 'INVALID_PARAMS'],
    ['data beyond what it takes', request('cancel', { workflowId: 'w', more: 1 }), 'INVALID_PARAMS'],
    ['an id as long as a book', request('cancel', { workflowId: 'x'.repeat(5_000) }), 'INVALID_PARAMS'],
    ['a workflow that is not there', request('cancel', { workflowId: 'w' }), 'WORKFLOW_NOT_FOUND'],
    ['a workflow that is none', request('submit', { workflow: 7, id: 'w' }), 'INVALID_PARAMS'],
    ['a definition that is none', request('submit', { workflow: workflowOf({ tasks: 'none' }), id: 'w' }), 'INVALID_PARAMS'],
    [
      'an id that is none',
      request('submit', { workflow: workflowOf({ name: 'n', failurePolicy: 'fail_fast', tasks: [] }), id: 'a/b' }),
      'INVALID_PARAMS',
    ],
    [
      'a name that every object answers to',
      request('submit', { workflow: workflowOf({ name: 'constructor', failurePolicy: 'fail_fast', tasks: [] }), id: 'w' }),
      'WORKFLOW_VALIDATION_FAILED',
    ],
    ['a workflow deeper than any', `{"version":${protocolVersion},"command":"submit","data":{"id":"w","workflow":${deep}}}\n`, 'PARSE_ERROR'],
    [
      'an input deeper than any',
      `{"version":${protocolVersion},"command":"submit","data":{"id":"w","workflow":${JSON.stringify(workflowOf({ name: 'n', failurePolicy: 'fail_fast', tasks: [] }))},"input":${deep}}}\n`,
      'INVALID_PARAMS',
    ],
  ])('answers %s with a failure, and goes on', async (_, line, code) => {
    const path = placeForJournal();
    const { ear, system } = await engineOn(path, gate());
    expect(codeIn(await say(ear.address, (socket) => socket.write(line)))).toBe(code);
    expect(await askOwner(path, { command: 'hello', data: {} })).toMatchObject({ isHeard: true });
    expect([system.phase, await system.list()]).toEqual(['running', []]);
  });

  it('takes a request in pieces, and minds nothing after it', async () => {
    const { ear } = await engineOn(placeForJournal(), gate());
    const answer = await say(ear.address, async (socket) => {
      for (const part of request('hello', {})) {
        socket.write(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.write('and more\n'.repeat(1_000));
    });
    expect(JSON.parse(answer)).toEqual({ ok: true, value: { pid: process.pid, phase: 'running', storage: null, wallAheadMs: expect.any(Number) } });
  });

  it('survives clients that go without a word, in the middle of one, or before the answer', async () => {
    const path = placeForJournal();
    const { ear } = await engineOn(path, gate());
    await Promise.all([
      say(ear.address, (socket) => socket.destroy()),
      say(ear.address, (socket) => socket.write('{"ver', () => socket.destroy())),
      say(ear.address, (socket) => socket.write(request('hello', {}), () => socket.destroy())),
    ]);
    expect(codeIn(await say(ear.address, (socket) => socket.end('{"version"')))).toBe('INVALID_REQUEST');
    expect(await askOwner(path, { command: 'hello', data: {} })).toMatchObject({ isHeard: true });
  });

  it('waits for no client for ever, and holds no more than a request may have', async () => {
    const path = placeForJournal();
    const { ear } = await engineOn(path, gate(), { requestTimeoutMs: 50 });
    expect(codeIn(await say(ear.address, () => undefined))).toBe('INVALID_REQUEST');
    const huge = Buffer.alloc(maxLineBytes + 1, 'x');
    const other = await engineOn(placeForJournal(), gate());
    expect(codeIn(await say(other.ear.address, (socket) => socket.write(huge)))).toBe('INVALID_REQUEST');
    expect(await askOwner(path, { command: 'hello', data: {} })).toMatchObject({ isHeard: true });
  });

  it('serves many at once, and turns away more than it may hold', async () => {
    const path = placeForJournal();
    const { ear } = await engineOn(path, gate(), { maxConnections: 2 });
    const held: Socket[] = [];
    for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => held.push(connect(ear.address, resolve)));
    await expect(askOwner(path, { command: 'hello', data: {} })).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    for (const socket of held) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await askOwner(path, { command: 'hello', data: {} })).toMatchObject({ isHeard: true });
  });

  it('takes the place of a socket that an engine left behind when it was killed', async () => {
    const path = placeForJournal();
    makeSocketFolder();
    writeFileSync(controlAddress(path), '');
    expect(await askOwner(path, { command: 'hello', data: {} })).toEqual({ isHeard: false });
    await engineOn(path, gate());
    expect(await askOwner(path, { command: 'hello', data: {} })).toMatchObject({ isHeard: true });
  });
});

describe('asking', () => {
  const speaking = async (act: (socket: Socket) => void): Promise<string> => {
    const path = placeForJournal();
    makeSocketFolder();
    const server = createServer(act);
    await new Promise<void>((resolve) => server.listen(controlAddress(path), resolve));
    onTestFinished(() => void server.close());
    return path;
  };

  it.each<[string, (socket: Socket) => void, string]>([
    ['says nothing and goes', (socket) => socket.destroy(), 'CONNECTION_LOST'],
    ['says half of it and goes', (socket) => socket.end('{"ok":true'), 'CONNECTION_LOST'],
    ['says what is no answer', (socket) => socket.end('{"ok":"maybe"}\n'), 'INTERNAL_ERROR'],
    ['says nothing at all', () => undefined, 'CONNECTION_TIMEOUT'],
  ])('somebody who %s is an error with a code', async (_, act, code) => {
    const path = await speaking(act);
    await expect(askOwner(path, { command: 'hello', data: {} }, { timeoutMs: 200 })).rejects.toMatchObject({ code });
  });
});
