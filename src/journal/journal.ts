/**
 * The journal port: where recorded facts go, and where they are read from again.
 *
 * A journal keeps facts in the order of their `seq`, and finds those of one workflow at a cost that follows from that
 * workflow alone. What `append` has answered is as durable as the journal says of itself.
 */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { StandingSchedule } from './standing-schedules.ts';

/** What a journal knows of a workflow without reading its facts. */
export interface WorkflowHead {
  readonly workflowId: string;
  readonly name: string;
  readonly versionHash: string;
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled';
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  /** Epoch milliseconds; absent while it runs. */
  readonly endedAt?: number;
}

/**
 * Which finished workflows go: those that ended before a time, and the oldest beyond a number.
 *
 * What belongs to no workflow (starts and stops of the engine, what became of schedules) goes with them: what was stated before
 * that time, or before the end of a workflow that goes. What a standing schedule is brought back by stays.
 */
export interface Retention {
  /** Epoch milliseconds. */
  readonly olderThan?: number | undefined;
  readonly keep?: number | undefined;
}

/** Which facts are read; all of them where nothing is said. */
export interface ReadOptions {
  /** Only facts of this workflow; null: only those that belong to none. */
  readonly workflowId?: string | null;
  /** Only facts of these workflows, instead of one; those that are not there (any more) are left out. */
  readonly workflowIds?: readonly string[];
  /** Only facts after this one. */
  readonly afterSeq?: number;
  /** Only so many, the first ones; an integer from 1. */
  readonly limit?: number;
}

/** Which workflows are listed; all of them where nothing is said. */
export interface ListOptions {
  readonly status?: WorkflowHead['status'] | undefined;
  /** Only those that were submitted before this workflow; none where it is not there (any more). */
  readonly before?: string | undefined;
  /** Only so many, the latest of them; an integer from 1. */
  readonly limit?: number | undefined;
}

/** What a journal says of itself when it is opened. */
export interface Opened {
  /** The highest `seq` in the journal, 0 when it is empty. */
  readonly lastSeq: number;
  /** Which owner this is, counted from 1; a journal that has one owner at a time counts them. */
  readonly epoch?: number;
  /** What a power cut took from a journal that had not promised to survive one. */
  readonly lost?: { readonly afterSeq: number; readonly toSeq: number };
}

/** Where recorded facts are kept; memory and SQLite are adapters of it. */
export interface Journal {
  /** Where a key for the secrets in it may be kept: beside it, never in it. @defaultValue nowhere: the key ends with the process */
  readonly keyFile?: string | undefined;
  /** Makes the journal ready. @throws GleitzeitError PERSISTENCE_* when it is owned by another, damaged, or cannot be reached */
  open(): Promise<Opened>;
  /**
   * Appends a batch, all of it or nothing. Returns nothing where it is durable at once, else a promise of it.
   * Batches are appended one at a time, in order.
   *
   * Where it fails, with an error whose `retryable` is true, the same facts may be appended again at any later time, alone or with
   * more facts after them; until then nothing else may be. The journal finds out by itself whether the first time had succeeded
   * after all, and holds each fact once. An error that is not retryable means that this engine can no longer write this journal.
   * @throws GleitzeitError PERSISTENCE_*
   */
  append(facts: readonly GleitzeitEvent[]): Promise<void> | undefined;
  /** The facts that match, by `seq`. */
  read(options?: ReadOptions): Promise<readonly GleitzeitEvent[]>;
  /** What is known of a workflow; nothing when it is not there (any more). */
  find(workflowId: string): Promise<WorkflowHead | undefined>;
  /** Workflows, in the order of submission. */
  list(options?: ListOptions): Promise<readonly WorkflowHead[]>;
  /** The workflows that have not ended, in the order of submission; their number alone decides what it costs. */
  unfinished(): Promise<readonly WorkflowHead[]>;
  /** The schedules that stand, in the order of creation; their number alone decides what it costs. */
  schedules(): Promise<readonly StandingSchedule[]>;
  /** Removes finished workflows, and what belongs to no workflow and is as old. @returns how many workflows */
  sweep(retention: Retention): Promise<number>;
  close(): Promise<void>;
}
