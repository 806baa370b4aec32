/**
 * The same record without strace, and coarser: files are looked at before and after each commit, and what has changed in them
 * counts as written in sectors and, after a commit that syncs, as synced. What an open and a close do, the emptying of the log
 * among it, counts as done at once: the order of those writes and syncs cannot be seen from outside.
 */
import { existsSync, readFileSync } from 'node:fs';

import { writeBatches } from './work.mjs';

const sector = 512;

export async function recordBySteps(task) {
  const events = [];
  const seen = new Map();
  const pathOf = (name) => `${task.path}${name}`;
  const look = (name) => lookAt(pathOf(name), { events, seen });
  const settled = (name) => {
    const path = pathOf(name);
    const data = existsSync(path) ? readFileSync(path) : undefined;
    if (data === undefined) seen.delete(path);
    else seen.set(path, data);
    return { path, data };
  };
  const attend = (moment, journal) => {
    if (moment === 'closing') {
      // A log is synced before any of it goes into the file.
      look('-wal');
      events.push({ kind: 'sync', path: pathOf('-wal') });
      return;
    }
    // In which order these came to be, nobody sees here; strace does.
    events.push({ kind: 'settle', path: '', files: ['', '-wal', '-mark'].map(settled) });
    if (moment !== 'open') return;
    journal.writer.store.onStep = (step) => {
      if (step === 'begin') look('-mark');
      if (step !== 'mark') return;
      look('-wal');
      if (task.durability === 'full') events.push({ kind: 'sync', path: pathOf('-wal') });
    };
  };
  await writeBatches({ ...task, checkpoints: false }, { tell: (text) => events.push({ kind: 'told', path: '', text }), attend });
  return events;
}

function lookAt(path, { events, seen }) {
  if (!existsSync(path)) return;
  const now = readFileSync(path);
  const before = seen.get(path);
  if (before === undefined) events.push({ kind: 'make', path });
  if (before !== undefined && now.length < before.length) events.push({ kind: 'truncate', path, size: now.length });
  for (let at = 0; at < now.length; at += sector) {
    const data = now.subarray(at, at + sector);
    if (before === undefined || !data.equals(before.subarray(at, at + sector))) events.push({ kind: 'write', path, at, data });
  }
  seen.set(path, now);
}
