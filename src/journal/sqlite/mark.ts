/**
 * The mark: a small file beside the journal that says how far the journal had come when it last answered.
 *
 * SQLite drops, without a word, everything in its write-ahead log after the first frame that does not read well, and a journal
 * cannot know by itself that it was longer. The mark is written after each commit and is never ahead of it. It is synced at
 * most once a second and at the close: it outlives the process in full, and a power cut up to that second. Two slots, written
 * in turn, so that one of them is always whole.
 */
import { closeSync, existsSync, fdatasync, fdatasyncSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';

import { makePrivate, syncFolderOf, takeAccessOf } from '../../durable-file.ts';
import { rowSum } from './frame.ts';

export interface Mark {
  /** The id of the journal that it belongs to. */
  readonly journal: string;
  readonly n: number;
  readonly seq: number;
  readonly chain: number;
  /** What the journal promised of its answers. */
  readonly durability: 'full' | 'relaxed';
}

const slotBytes = 256;
const syncEveryMs = 1_000;

export function markPath(path: string): string {
  return `${path}-mark`;
}

/** The newest mark that is whole; nothing where there is none. */
export function readMark(path: string): Mark | undefined {
  let text: Buffer;
  try {
    text = readFileSync(markPath(path));
  } catch {
    // Without the mark a journal can still be read: what it alone would have shown is not known then.
    return undefined;
  }
  const marks = [0, slotBytes].map((at) => parseSlot(text.subarray(at, at + slotBytes).toString()));
  return marks.reduce((newest, mark) => (mark !== undefined && (newest === undefined || mark.n > newest.n) ? mark : newest), undefined);
}

function parseSlot(text: string): Mark | undefined {
  const [journal, n, seq, chain, durability, sum] = text.trim().split(' ');
  if (journal === undefined || (durability !== 'full' && durability !== 'relaxed')) return undefined;
  const mark = { journal, n: Number(n), seq: Number(seq), chain: Number(chain), durability } as const;
  return sumOfMark(mark) === Number(sum) ? mark : undefined;
}

function sumOfMark({ journal, n, seq, chain, durability }: Mark): number {
  return rowSum(journal, n, seq, chain, durability);
}

/** The mark of a start: in both slots, since what an earlier journal of this name left in one must not outlive it. */
export function writeFirstMark(path: string, mark: Mark): void {
  const marker = new Marker(path);
  try {
    for (let slot = 0; slot < 2; slot++) marker.write(mark);
  } finally {
    marker.close();
  }
}

/** Opens the mark of a journal; whoever may use the journal may use it. */
function openMark(path: string): number {
  const mark = markPath(path);
  if (!existsSync(mark)) {
    makePrivate(mark);
    syncFolderOf(mark);
  }
  takeAccessOf(mark, path);
  return openSync(mark, 'r+');
}

/** Writes marks; a mark that cannot be written must not fail a commit that is durable already. */
export class Marker {
  private readonly path: string;
  private fd: number;
  private slot = 0;
  private syncedAt = 0;
  private isSyncing = false;

  constructor(path: string) {
    this.path = path;
    this.fd = openMark(path);
  }

  write(mark: Mark): void {
    const { journal, n, seq, chain, durability } = mark;
    const text = `${journal} ${n} ${seq} ${chain} ${durability} ${sumOfMark(mark)}`.padEnd(slotBytes - 1);
    try {
      // Removed, or another was put over it: what is written there is found by nobody.
      if (fstatSync(this.fd).nlink === 0) this.renew();
      writeSync(this.fd, `${text}\n`, this.slot * slotBytes);
    } catch {
      return;
    }
    this.slot = 1 - this.slot;
    this.syncNowAndThen();
  }

  close(): void {
    try {
      fdatasyncSync(this.fd);
    } finally {
      closeSync(this.fd);
    }
  }

  private renew(): void {
    const fd = openMark(this.path);
    closeSync(this.fd);
    this.fd = fd;
  }

  private syncNowAndThen(): void {
    const now = Date.now();
    if (this.isSyncing || Math.abs(now - this.syncedAt) < syncEveryMs) return;
    this.isSyncing = true;
    this.syncedAt = now;
    fdatasync(this.fd, () => {
      this.isSyncing = false;
    });
  }
}
