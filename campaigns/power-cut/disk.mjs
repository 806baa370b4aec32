/**
 * A disk as far as a power cut knows it: of each file what is safe and what was only written since, of names likewise.
 *
 * A sync of a file makes its content safe, and not its name; a sync of the directory makes names safe. After a cut, of what
 * is not safe anything may be there: whole writes or single sectors of them, in any order; names change in order.
 */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { between } from '../chance.mjs';

/** Bytes with changes made to them. */
function changed(bytes, changes) {
  let content = bytes;
  for (const { at, data, size } of changes) {
    const length = size ?? Math.max(content.length, at + data.length);
    const next = Buffer.alloc(length);
    content.copy(next, 0, 0, Math.min(length, content.length));
    data?.copy(next, at);
    content = next;
  }
  return content;
}

function* sectorsOf({ at, data }, bytes) {
  for (let from = 0; from < data.length; ) {
    const to = Math.min(data.length, from + bytes - ((at + from) % bytes));
    yield { at: at + from, data: data.subarray(from, to) };
    from = to;
  }
}

/** What of the unsynced changes of one file a cut leaves, by name. */
export const cuts = {
  'nothing of it': () => [],
  'all of it': (changes) => changes,
  'the first part': (changes, chance) => changes.slice(0, between(chance, 0, changes.length)),
  'single writes': (changes, chance) => changes.filter(() => chance() < 0.5),
  'the last write only': (changes) => changes.slice(-1),
  'torn at 512': (changes, chance) => torn(changes, { chance, bytes: 512 }),
  'torn at 4096': (changes, chance) => torn(changes, { chance, bytes: 4096 }),
};

function torn(changes, { chance, bytes }) {
  const share = chance();
  return changes.flatMap((change) => (change.data === undefined ? [change] : [...sectorsOf(change, bytes)])).filter(() => chance() < share);
}

export class Disk {
  /** Files by name, as programs see them, and as a cut would leave the names. */
  names = new Map();
  safeNames = new Map();
  nameChanges = [];

  take(event) {
    const { kind, path } = event;
    const file = this.names.get(path);
    if (kind === 'make' && file === undefined) this.rename({ name: path, file: { safe: Buffer.alloc(0), changes: [] } });
    else if (kind === 'write') file?.changes.push({ at: event.at, data: event.data });
    else if (kind === 'truncate') file?.changes.push({ size: event.size });
    else if (kind === 'remove') this.rename({ name: path });
    else if (kind === 'rename') {
      this.rename({ name: event.to, file });
      this.rename({ name: path });
    } else if (kind === 'syncNames') this.syncNames();
    else if (kind === 'settle') this.settle(event.files);
    else if (kind === 'sync' && file !== undefined) {
      file.safe = changed(file.safe, file.changes);
      file.changes = [];
    }
  }

  rename(change) {
    applyName(this.names, change);
    this.nameChanges.push(change);
  }

  /** Files as they are, all at once: safe, and so are their names. */
  settle(files) {
    for (const { path, data } of files) this.rename(data === undefined ? { name: path } : { name: path, file: { safe: data, changes: [] } });
    this.syncNames();
  }

  syncNames() {
    for (const change of this.nameChanges) applyName(this.safeNames, change);
    this.nameChanges = [];
  }

  /** Writes what a cut at this moment leaves into a directory. */
  leave(directory, { cut, chance }) {
    const names = new Map(this.safeNames);
    for (const change of this.nameChanges.slice(0, between(chance, 0, this.nameChanges.length))) applyName(names, change);
    for (const [name, file] of names) {
      // Nothing of it is read after a cut; what is in it must not matter.
      const isIndex = name.endsWith('-shm');
      const content = isIndex
        ? Buffer.from(Array.from({ length: 4_096 }, () => between(chance, 0, 255)))
        : changed(file.safe, cuts[cut](file.changes, chance));
      writeFileSync(join(directory, basename(name)), content);
    }
  }
}

function applyName(names, { name, file }) {
  if (file === undefined) names.delete(name);
  else names.set(name, file);
}
