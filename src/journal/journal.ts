/**
 * The journal port: where recorded facts go, and where they are read from again.
 *
 * A journal keeps facts in the order of their `seq`, and finds those of one workflow at a cost that follows from that
 * workflow alone. What `append` has answered is as durable as the journal says of itself.
 */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { StandingSchedule } from './standing-schedules.ts';

/** What a workflow may be, to a journal. */
export const headStatuses = ['running', 'completed', 'failed', 'cancelled', 'damaged'] as const;

/** What a journal knows of a workflow without reading its facts. */
export interface WorkflowHead {
  readonly workflowId: string;
  readonly name: string;
  readonly versionHash: string;
  /**
   * `damaged`: what the journal holds of it is not as it was written, or cannot be brought back. It is listed, as far as it can be
   * read; nothing goes on with it, and only its name removes it.
   */
  readonly status: (typeof headStatuses)[number];
  /** Epoch milliseconds. */
  readonly submittedAt: number;
  /** Epoch milliseconds; absent while it runs. */
  readonly endedAt?: number;
}

/**
 * Which finished workflows go: those that ended before a time, the oldest beyond a number, and those that are named.
 *
 * Damaged ones go only by name; those that run do not go. What belongs to no workflow (starts and stops of the engine, what became of schedules) goes with them: what was stated before
 * that time, or before the end of a workflow that goes. What a standing schedule is brought back by stays.
 */
export interface Retention {
  /** Epoch milliseconds. */
  readonly olderThan?: number | undefined;
  readonly keep?: number | undefined;
  /** These, whenever they ended; what is not there is left out. */
  readonly workflowIds?: readonly string[] | undefined;
}

/** What of a journal is not as it was written, or was isolated. */
export interface DamagedUnits {
  /** In the order of submission. */
  readonly workflows: readonly WorkflowHead[];
  /** The ids of schedules, as far as they can be read. */
  readonly schedules: readonly string[];
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

/** What a journal finds unreadable near its end when it is opened. */
export interface DamagedEnd {
  /** Where: the facts after `afterSeq`, up to `toSeq`. */
  readonly ranges: readonly { readonly afterSeq: number; readonly toSeq?: number; readonly message: string }[];
  /** The workflows that have facts there which cannot be read. */
  readonly workflowIds: readonly string[];
}

/** What a journal says of itself when it is opened. */
export interface Opened {
  /** The highest `seq` in the journal, 0 when it is empty. */
  readonly lastSeq: number;
  /** The time of the last fact, in epoch milliseconds: no later fact is earlier. @defaultValue `0` */
  readonly lastTime?: number;
  /** Which owner this is, counted from 1; a journal that has one owner at a time counts them. */
  readonly epoch?: number;
  /** The ids of the keys that secrets in it are sealed with, as far as the journal knows them. */
  readonly keys?: readonly string[];
  /** What of its last batches is not as it was written; whoever owns the journal isolates these workflows. @defaultValue nothing is */
  readonly damaged?: DamagedEnd;
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
  /**
   * The workflows that have not ended, in the order of submission, and among them those that are damaged and may not have ended;
   * their number alone decides what it costs.
   */
  unfinished(): Promise<readonly WorkflowHead[]>;
  /** The schedules that stand and can be read, in the order of creation; their number alone decides what it costs. */
  schedules(): Promise<readonly StandingSchedule[]>;
  /**
   * What is damaged, as far as its summary says so; every summary is looked at.
   * @defaultValue the workflows that are listed as damaged
   */
  damaged?(): Promise<DamagedUnits>;
  /**
   * Marks workflows as damaged, whatever became of them; those that are not there are left out. Durable when it resolves.
   * @defaultValue they are found damaged again at the next start
   */
  isolate?(workflowIds: readonly string[]): Promise<void>;
  /** Removes finished workflows, and what belongs to no workflow and is as old. @returns how many workflows */
  sweep(retention: Retention): Promise<number>;
  close(): Promise<void>;
}

/** A journal with everything that an adapter may leave out. */
export type WholeJournal = Journal & Required<Pick<Journal, 'damaged' | 'isolate'>>;
