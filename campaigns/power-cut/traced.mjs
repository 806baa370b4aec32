/**
 * What a process did to its files, recorded by strace: opens, writes, truncations, syncs, renames and removals, in order.
 *
 * An event is `{ kind, path, ... }`; kinds: `make`, `write` (at, data), `truncate` (size), `sync`, `syncNames`, `rename` (to),
 * `remove`, and `told` (text) for what the process said.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { nodeArguments } from '../library.mjs';

const writer = fileURLToPath(new URL('./writer.mjs', import.meta.url));
const traced = 'trace=openat,close,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink';

export async function recordByTrace(task, directory) {
  const log = join(directory, 'trace');
  const node = [process.execPath, ...nodeArguments, writer, JSON.stringify(task)];
  const { status, stderr } = spawnSync('strace', ['-f', '-qq', '-xx', '-s', '100000', '-o', log, '-e', traced, ...node], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`The writer ended with ${status}: ${stderr}`);
  const files = new Map();
  const unfinished = new Map();
  const events = [];
  for await (const line of createInterface({ input: createReadStream(log) })) {
    const call = callOf(line, unfinished);
    const event = call && eventOf(call, files);
    if (event?.kind === 'sync' && event.path === dirname(task.path)) events.push({ ...event, kind: 'syncNames' });
    else if (event?.path === `${task.path}-told`) events.push({ kind: 'told', path: event.path, text: String(event.data ?? '') });
    else if (event?.path.startsWith(task.path) === true) events.push(event);
  }
  return events;
}

/** One call with its result; of one that another thread's call came into, the parts put together. */
function callOf(line, unfinished) {
  const [, thread, text] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
  if (text === undefined) return undefined;
  const begun = /^(.*) <unfinished \.\.\.>$/.exec(text);
  if (begun !== null) {
    unfinished.set(thread, begun[1]);
    return undefined;
  }
  const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
  const whole = resumed === null ? text : `${unfinished.get(thread)}${resumed[1]}`;
  const [, name, args, result] = /^(\w+)\((.*)\)\s+=\s+(-?\d+)/.exec(whole) ?? [];
  return name === undefined || Number(result) < 0 ? undefined : { name, args, result: Number(result) };
}

const bytesOf = (text) => Buffer.from(text.replaceAll('\\x', ''), 'hex');
const quoted = (args) => [...args.matchAll(/"([^"]*)"/g)].map(([, text]) => bytesOf(text));

function eventOf({ name, args, result }, files) {
  const fd = Number.parseInt(args, 10);
  const path = files.get(fd) ?? '';
  const [data, other] = quoted(args);
  switch (name) {
    case 'openat':
      files.set(result, data.toString());
      return args.includes('O_CREAT') ? { kind: 'make', path: data.toString() } : undefined;
    case 'close':
      files.delete(fd);
      return undefined;
    case 'write':
      return { kind: 'append', path, data };
    case 'pwrite64':
      return { kind: 'write', path, at: Number(args.slice(args.lastIndexOf(',') + 1)), data: data.subarray(0, result) };
    case 'ftruncate':
      return { kind: 'truncate', path, size: Number(args.slice(args.lastIndexOf(',') + 1)) };
    case 'rename':
      return { kind: 'rename', path: data.toString(), to: other.toString() };
    case 'unlink':
      return { kind: 'remove', path: data.toString() };
    default:
      return { kind: 'sync', path };
  }
}
