/**
 * The journal in an SQLite file: what it has answered survives.
 *
 * Facts are packed into frames, each with a checksum that follows from all before it; how they lie is in `sqlite/schema.ts`. One
 * connection writes, in a thread of its own, one transaction for each append; another only reads. Beside the file stand its
 * write-ahead log (`-wal`, `-shm`), the lock of its owner (`-lock`), the mark of how far it had come (`-mark`), and, where it holds
 * secrets sealed with no other key, the key of these (`-key`): the log, the mark and the key belong to the journal and move with it.
 *
 * What is noticed: at an open, a file that is no journal, an end that is not as it was written, and acknowledged batches that are
 * no longer there; when they are read, facts that are not as they were written or are missing; `checkJournal` looks at
 * everything. What is not: batches of the last second before a power cut if the disk lies about them, and a missing end of a
 * journal whose mark is missing too.
 */
import * as z from 'zod';

import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { Complaints } from '../complaints.ts';
import { errorOf } from '../errors.ts';
import type { DamagedUnits, Journal, ListOptions, Opened, ReadOptions, Retention, WorkflowHead } from './journal.ts';
import { memoryJournal } from './memory.ts';
import { connectToRead, type FileDurability, truePath } from './sqlite/connection.ts';
import { storageError } from './sqlite/faults.ts';
import { packBatch } from './sqlite/frame.ts';
import { openOwned, openToRead } from './sqlite/opening.ts';
import type { Lock } from './sqlite/owner.ts';
import { Reader } from './sqlite/reader.ts';
import { Store } from './sqlite/store.ts';
import { InlineWriter, ThreadWriter, type Writer } from './sqlite/writer.ts';
import type { StandingSchedule } from './standing-schedules.ts';

export interface SqliteJournalOptions {
  /**
   * What an answer means. `full`: it survives a power cut. `relaxed`: it survives the end of the process, however that comes, but
   * a power cut may take what was answered in the last seconds before it. `memory`: nothing is written, and the path not touched.
   * @defaultValue `'full'`
   */
  readonly durability?: FileDurability | 'memory';
  /** How long to wait for another connection to let go of the file, in milliseconds; an integer from 0. @defaultValue `500` */
  readonly busyTimeoutMs?: number;
  /** Opens it beside whoever owns it, and never writes. @defaultValue `false` */
  readonly readOnly?: boolean;
  /** Writes in a thread of its own, or in the one that asks. @defaultValue `'thread'` */
  readonly writer?: 'thread' | 'inline';
}

export const sqliteJournalDefaults = { durability: 'full', busyTimeoutMs: 500, readOnly: false, writer: 'thread' } as const;

const busyTimeoutRule = 'a whole number of milliseconds from 0 to 2147483647';
const shape = z.strictObject(
  {
    durability: z.enum(['full', 'relaxed', 'memory'], { error: 'full, relaxed or memory' }).optional(),
    busyTimeoutMs: z
      .int({ error: busyTimeoutRule })
      .min(0, { error: busyTimeoutRule })
      .max(2 ** 31 - 1, { error: busyTimeoutRule })
      .optional(),
    readOnly: z.boolean({ error: 'true or false' }).optional(),
    writer: z.enum(['thread', 'inline'], { error: 'thread or inline' }).optional(),
  },
  { error: 'a map of options' },
);

/**
 * The journal in a file; it is touched first when a system that has it starts.
 * @throws GleitzeitError CONFIGURATION_ERROR for a path or an option that makes no sense
 */
export function sqliteJournal(path: string, options: SqliteJournalOptions = {}): Journal {
  checkArguments(path, options);
  const defaults = sqliteJournalDefaults;
  const { durability = defaults.durability, busyTimeoutMs = defaults.busyTimeoutMs } = options;
  const { readOnly = defaults.readOnly, writer = defaults.writer } = options;
  return durability === 'memory' ? memoryJournal() : new SqliteJournal(path, { durability, busyTimeoutMs, readOnly, writer });
}

function checkArguments(path: unknown, options: unknown): void {
  const complaints = new Complaints();
  if (typeof path !== 'string' || path.trim() === '' || path.includes('\0') || path === ':memory:')
    complaints.add('path', 'the path of a file (for a journal in memory there is memoryJournal())', path);
  complaints.addAll(shape.safeParse(options), { of: options, at: '', known: Object.keys(shape.shape) });
  const error = complaints.error('sqliteJournal', 'CONFIGURATION_ERROR');
  if (error !== undefined) throw error;
}

type Settings = Required<Omit<SqliteJournalOptions, 'durability'>> & { readonly durability: FileDurability };

class SqliteJournal implements Journal {
  readonly keyFile: string;
  private readonly path: string;
  private readonly settings: Settings;
  private lock: Lock | undefined;
  private reader: Reader | undefined;
  private writer: Writer | undefined;
  /** An append failed: what of it is in the journal is not known. */
  private isInDoubt = false;

  constructor(path: string, settings: Settings) {
    this.path = truePath(path);
    this.keyFile = `${this.path}-key`;
    this.settings = settings;
  }

  async open(): Promise<Opened> {
    if (this.reader !== undefined) throw errorOf('PERSISTENCE_CONNECTION_FAILED', `The journal ${this.path} is open already.`, { retryable: false });
    try {
      return this.settings.readOnly ? this.openBeside() : this.openAsOwner();
    } catch (thrown) {
      await this.close();
      throw storageError(thrown, 'open', this.path);
    }
  }

  append(facts: readonly GleitzeitEvent[]): Promise<void> | undefined {
    const writer = this.writing();
    if (facts.length === 0) return undefined;
    if (this.isInDoubt) return this.appendInDoubt(writer, facts);
    // Until it is known to have gone well.
    this.isInDoubt = true;
    const pending = writer.append(packBatch(facts));
    if (pending === undefined) this.isInDoubt = false;
    return pending?.then(() => {
      this.isInDoubt = false;
    });
  }

  async read(options: ReadOptions = {}): Promise<readonly GleitzeitEvent[]> {
    return this.reading().read(options);
  }

  async find(workflowId: string): Promise<WorkflowHead | undefined> {
    return this.reading().find(workflowId);
  }

  async list(options: ListOptions = {}): Promise<readonly WorkflowHead[]> {
    return this.reading().list(options);
  }

  async schedules(): Promise<readonly StandingSchedule[]> {
    return this.reading().schedules();
  }

  async unfinished(): Promise<readonly WorkflowHead[]> {
    return this.reading().unfinished();
  }

  async damaged(): Promise<DamagedUnits> {
    return this.reading().damaged();
  }

  async isolate(workflowIds: readonly string[]): Promise<void> {
    return this.writing().isolate(workflowIds);
  }

  async sweep(retention: Retention): Promise<number> {
    return this.writing().sweep(retention);
  }

  async close(): Promise<void> {
    const { reader, writer, lock } = this;
    this.reader = undefined;
    this.writer = undefined;
    this.lock = undefined;
    try {
      reader?.close();
      // After the reader: the last connection to close empties the log into the file.
      await writer?.close();
    } finally {
      lock?.release();
    }
  }

  private openAsOwner(): Opened {
    const { path, settings } = this;
    const { lock, owner, lastSeq, lastTime, damaged, lost, keys } = openOwned(path, settings);
    this.lock = lock;
    const options = { path, epoch: owner.epoch, durability: settings.durability, busyTimeoutMs: settings.busyTimeoutMs };
    this.writer = settings.writer === 'thread' ? new ThreadWriter(options) : new InlineWriter(new Store(options));
    this.reader = new Reader(connectToRead(path, settings.busyTimeoutMs), path);
    return { lastSeq, lastTime, epoch: owner.epoch, ...(keys.length > 0 && { keys }), ...(damaged && { damaged }), ...(lost && { lost }) };
  }

  private openBeside(): Opened {
    const { db, lastSeq, epoch, damaged, lost, keys } = openToRead(this.path, this.settings);
    this.reader = new Reader(db, this.path);
    return { lastSeq, epoch, ...(keys.length > 0 && { keys }), ...(damaged && { damaged }), ...(lost && { lost }) };
  }

  /** A batch may have been taken although its answer said otherwise: what is there is left out. */
  private async appendInDoubt(writer: Writer, facts: readonly GleitzeitEvent[]): Promise<void> {
    const lastSeq = await writer.settle();
    const left = facts.filter(({ seq }) => seq > lastSeq);
    if (left.length > 0) await writer.append(packBatch(left));
    this.isInDoubt = false;
  }

  private reading(): Reader {
    if (this.reader === undefined) throw notOpen(this.path);
    return this.reader;
  }

  private writing(): Writer {
    if (this.writer !== undefined) return this.writer;
    if (this.reader === undefined) throw notOpen(this.path);
    throw errorOf('PERSISTENCE_WRITE_FAILED', `The journal ${this.path} was opened to read only.`, {
      details: { reason: 'readonly', path: this.path },
    });
  }
}

function notOpen(path: string): Error {
  return errorOf('PERSISTENCE_CONNECTION_FAILED', `The journal ${path} is not open.`, { retryable: false });
}
