/**
 * Has workflows that clients send read and checked in a thread of its own.
 *
 * Reading a large definition takes seconds, in which a healthy worker would lose its lease. One is read at a time; of several
 * holders of tokens each has its turn, so that nobody waits behind all that another one sent.
 */
import type { Worker } from 'node:worker_threads';

import { errorOf, GleitzeitError } from '../../errors.ts';
import { startThread } from '../../start-thread.ts';
import type { Workflow } from '../../workflow/workflow.ts';
import type { LoadingName } from '../protocol/requests.ts';
import type { LoadingAnswer, LoadingOptions, LoadingRequest } from './loading.ts';
import type { Portions } from './portions.ts';
import { assembled } from './prepared.ts';

/** A workflow, and everything else that its request says. */
export interface Loaded {
  readonly options: Readonly<Record<string, unknown>>;
  readonly workflow: Workflow;
}

/** What one holder may have waiting, in requests and in characters; how long one may take, in milliseconds; how much memory, in MB. */
export const loadingLimits = { requests: 64, characters: 64 * 2 ** 20, timeoutMs: 60_000, heapMb: 1_024 } as const;

interface Job {
  readonly request: Omit<LoadingRequest, 'id'>;
  readonly holder: string;
  readonly resolve: (answer: LoadingAnswer) => void;
  readonly reject: (error: GleitzeitError) => void;
}

export class Loader {
  private readonly options: LoadingOptions;
  private readonly portions: Portions;
  private worker: Worker | undefined;
  /** By holder; whoever had its turn goes behind all others. */
  private readonly waiting = new Map<string, Job[]>();
  private running: (Job & { readonly id: number; readonly timer: NodeJS.Timeout }) | undefined;
  private lastId = 0;
  private isClosed = false;

  constructor(options: LoadingOptions, portions: Portions) {
    this.options = options;
    this.portions = portions;
  }

  /**
   * Reads the data of a request that brings a workflow.
   * @throws GleitzeitError PARSE_ERROR, INVALID_PARAMS, RESOURCE_EXHAUSTED for too much at once; as loading does
   */
  async load(holder: string, name: LoadingName, text: string): Promise<Loaded> {
    const answer = await this.ask(holder, { name, text });
    if ('fault' in answer) throw new GleitzeitError(answer.fault, answer.issues === undefined ? {} : { issues: answer.issues });
    const workflow = await this.portions.run(holder, assembled(answer.workflow));
    // The thread wrote it, of what the schema of the request lets through.
    return { workflow, options: JSON.parse(answer.options) as Loaded['options'] };
  }

  /** Ends the thread; who waits is told. */
  close(): void {
    this.isClosed = true;
    this.stop(errorOf('SYSTEM_SHUTDOWN', 'The hub closes.'));
    for (const jobs of this.waiting.values()) for (const { reject } of jobs) reject(errorOf('SYSTEM_SHUTDOWN', 'The hub closes.'));
    this.waiting.clear();
  }

  private ask(holder: string, request: Job['request']): Promise<LoadingAnswer> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) throw errorOf('SYSTEM_SHUTDOWN', 'The hub closes.');
      const jobs = this.waiting.get(holder) ?? [];
      const held = jobs.reduce((sum, job) => sum + job.request.text.length, request.text.length);
      if (jobs.length >= loadingLimits.requests || held > loadingLimits.characters) throw tooMuch(jobs.length);
      jobs.push({ request, holder, resolve, reject });
      this.waiting.set(holder, jobs);
      this.next();
    });
  }

  private next(): void {
    if (this.running !== undefined || this.isClosed) return;
    const [entry] = this.waiting;
    if (entry === undefined) return;
    const [holder, jobs] = entry;
    const job = jobs.shift();
    this.waiting.delete(holder);
    if (jobs.length > 0) this.waiting.set(holder, jobs);
    if (job !== undefined) this.begin(job);
  }

  private begin(job: Job): void {
    const id = ++this.lastId;
    const { timeoutMs } = loadingLimits;
    const tooLong = `The workflow took longer than ${timeoutMs} ms to read: send it in smaller parts.`;
    const timer = setTimeout(() => this.stop(errorOf('RESOURCE_EXHAUSTED', tooLong, { retryable: false })), timeoutMs);
    this.running = { ...job, id, timer };
    try {
      this.worker ??= this.start();
      this.worker.ref();
      this.worker.postMessage({ id, ...job.request } satisfies LoadingRequest);
    } catch (thrown) {
      // No thread can be started just now, for want of memory or descriptors.
      this.stop(errorOf('RESOURCE_EXHAUSTED', `The workflow cannot be read just now: ${String(thrown)}`, { retryAfterMs: 1_000 }));
    }
  }

  private start(): Worker {
    const resourceLimits = { maxOldGenerationSizeMb: loadingLimits.heapMb };
    const worker = startThread('./loading-thread', import.meta.url, { workerData: this.options, resourceLimits });
    const tooLarge = 'The workflow needs more memory to be read than there is for it: send it in smaller parts.';
    worker.on('message', (answer: LoadingAnswer) => this.take(answer));
    worker.on('error', (error) =>
      this.lose(worker, errorOf('RESOURCE_EXHAUSTED', tooLarge, { retryable: false, details: { reason: error.message } })),
    );
    worker.on('exit', () => this.lose(worker, errorOf('RESOURCE_EXHAUSTED', 'The thread that reads workflows ended.', { retryAfterMs: 1_000 })));
    return worker;
  }

  private take(answer: LoadingAnswer): void {
    const { running } = this;
    if (running?.id !== answer.id) return;
    this.end();
    running.resolve(answer);
    this.next();
  }

  private end(): void {
    clearTimeout(this.running?.timer);
    this.running = undefined;
    this.worker?.unref();
  }

  /** The thread ended by itself: another one is started for the next workflow. */
  private lose(worker: Worker, error: GleitzeitError): void {
    if (this.worker !== worker) return;
    this.stop(error);
  }

  private stop(error: GleitzeitError): void {
    const { worker, running } = this;
    this.worker = undefined;
    this.end();
    void worker?.terminate();
    running?.reject(error);
    this.next();
  }
}

function tooMuch(waiting: number): GleitzeitError {
  return errorOf('RESOURCE_EXHAUSTED', `${waiting} workflows of this token wait to be read already.`, { retryAfterMs: 1_000 });
}
