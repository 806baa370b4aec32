/**
 * Where the writing is done: in the thread that asks, or in one of its own.
 *
 * A commit waits for the disk, on a busy one for many milliseconds. In a thread of its own nobody waits with it: the machines
 * turn on, and what they state meanwhile shares the next commit.
 */
import type { Worker } from 'node:worker_threads';

import type { Failure } from '../../../machines/failures.ts';
import { errorOf, fromFailure, type GleitzeitError } from '../../errors.ts';
import { startThread } from '../../start-thread.ts';
import type { Retention } from '../journal.ts';
import type { Batch } from './frame.ts';
import { isolate } from './isolate.ts';
import type { Store, StoreOptions } from './store.ts';
import { sweepNamed, sweepSome } from './sweep.ts';
import { sweepOthers } from './sweep-others.ts';

export interface Writer {
  /** Answers nothing where the batch is durable at once. @throws GleitzeitError PERSISTENCE_* */
  append(batch: Batch): Promise<void> | undefined;
  /** The `seq` up to which everything is in the journal, read anew. */
  settle(): Promise<number>;
  sweep(retention: Retention): Promise<number>;
  isolate(workflowIds: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export class InlineWriter implements Writer {
  private readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  append(batch: Batch): undefined {
    this.store.append(batch);
  }

  async settle(): Promise<number> {
    return this.store.settle();
  }

  async sweep(retention: Retention): Promise<number> {
    return sweepAll(this.store, retention);
  }

  async isolate(workflowIds: readonly string[]): Promise<void> {
    isolate(this.store, workflowIds);
  }

  async close(): Promise<void> {
    this.store.close();
  }
}

/** Sweeps until nothing is left to go; appends come in between. */
export async function sweepAll(store: Store, retention: Retention): Promise<number> {
  const { olderThan, workflowIds = [] } = retention;
  let removed = sweepNamed(store, workflowIds);
  let beforeSeq = 0;
  for (let some = sweepSome(store, retention); some.removed + some.isolated > 0; some = sweepSome(store, retention)) {
    removed += some.removed;
    beforeSeq = Math.max(beforeSeq, some.endedSeq);
    await nextTurn();
  }
  if (beforeSeq === 0 && olderThan === undefined) return removed;
  for (let at: number | undefined = 0; at !== undefined; at = sweepOthers(store, { beforeSeq, olderThan }, at)) await nextTurn();
  return removed;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What the thread is asked, and what it answers. */
export type Question =
  | { readonly act: 'append'; readonly batch: Batch }
  | { readonly act: 'settle' }
  | { readonly act: 'sweep'; readonly retention: Retention }
  | { readonly act: 'isolate'; readonly workflowIds: readonly string[] }
  | { readonly act: 'close' };
export type Asked = Question & { readonly id: number };
export type Answer = { readonly id: number } & ({ readonly value: number } | { readonly fault: Failure });

interface Waiting {
  readonly resolve: (value: number) => void;
  readonly reject: (error: Error) => void;
}

export class ThreadWriter implements Writer {
  private readonly options: StoreOptions;
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;
  private lastId = 0;

  /** Starts the thread, so that it is there by the first append. */
  constructor(options: StoreOptions) {
    this.options = options;
    this.worker = this.start();
  }

  async append(batch: Batch): Promise<void> {
    await this.ask({ act: 'append', batch });
  }

  settle(): Promise<number> {
    return this.ask({ act: 'settle' });
  }

  sweep(retention: Retention): Promise<number> {
    return this.ask({ act: 'sweep', retention });
  }

  async isolate(workflowIds: readonly string[]): Promise<void> {
    await this.ask({ act: 'isolate', workflowIds });
  }

  async close(): Promise<void> {
    const { worker } = this;
    if (worker === undefined) return;
    await this.ask({ act: 'close' });
    await worker.terminate();
  }

  private ask(question: Question): Promise<number> {
    this.worker ??= this.start();
    const { worker } = this;
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      // Only while somebody waits for it does the thread keep the process alive.
      worker.ref();
      worker.postMessage({ ...question, id } satisfies Asked);
    });
  }

  private start(): Worker {
    const worker = startThread('./writer-thread', import.meta.url, { workerData: this.options });
    worker.unref();
    worker.on('message', (answer: Answer) => this.take(answer));
    worker.on('error', (error) => this.lose(worker, error.message));
    worker.on('exit', () => this.lose(worker, 'it ended'));
    return worker;
  }

  private take(answer: Answer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (this.waiting.size === 0) this.worker?.unref();
    if ('value' in answer) waiting?.resolve(answer.value);
    else waiting?.reject(fromFailure(answer.fault));
  }

  /** The thread is gone, and with it what is known of the batches it had: the next question starts another. */
  private lose(worker: Worker, why: string): void {
    if (this.worker !== worker) return;
    this.worker = undefined;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const { reject } of waiting) reject(lost(this.options.path, why));
  }
}

function lost(path: string, why: string): GleitzeitError {
  const text = `The thread that writes the journal ${path} gave no answer: ${why}`;
  return errorOf('PERSISTENCE_WRITE_FAILED', text, { retryable: true, details: { reason: 'unknown outcome', path } });
}
