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
  const settle = (name) => {
    const path = pathOf(name);
    if (existsSync(path)) {
      const data = readFileSync(path);
      seen.set(path, data);
      events.push({ kind: 'make', path }, { kind: 'settle', path, data });
    } else if (seen.delete(path)) events.push({ kind: 'remove', path });
  };
  const attend = (moment, journal) => {
    if (moment === 'closing') {
      // A log is synced before any of it goes into the file.
      look('-wal');
      events.push({ kind: 'sync', path: pathOf('-wal') });
      return;
    }
    for (const name of ['', '-wal', '-mark']) settle(name);
    events.push({ kind: 'syncNames', path: '' });
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
