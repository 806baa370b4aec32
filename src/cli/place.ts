/**
 * Where a command is carried out: on a journal (by the engine that owns it, else in its stead), or at a hub.
 *
 * Commands say what is to be done and tell what came of it; which of these it is they do not know.
 */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Standing } from '../control/commands.ts';
import type { ListOptions, WorkflowHead } from '../journal/journal.ts';
import type { EventFilter } from '../observe/event-filter.ts';
import type { Explanation } from '../observe/explain.ts';
import type { Trace } from '../observe/trace.ts';
import type { SubmitOptions } from '../runtime/options.ts';
import type { ScheduleOptions, ScheduleStatus } from '../runtime/schedules.ts';
import type { WorkflowStatus } from '../runtime/status.ts';
import type { AnyWorkflow } from '../workflow/workflow.ts';
import type { Terminal } from './terminal.ts';

/** Who did it: the engine that owns the journal, the command itself where there is none, or a hub. */
export type By = 'owner' | 'caller' | 'hub';

export interface Done<Value> {
  readonly by: By;
  readonly answer: Value;
}

/** Which events are told, and to whom. */
export interface Watching {
  readonly filter: Omit<EventFilter, 'correlationId'>;
  /** Only of this one. */
  readonly workflow: string | undefined;
  readonly afterSeq: number;
  readonly tell: (event: GleitzeitEvent) => unknown;
  /** Whether nobody reads any more. */
  readonly isOver: () => boolean;
}

/** What there is in a place. */
export interface Overview {
  /** The place and its engine, for programs. */
  readonly where: Readonly<Record<string, unknown>>;
  /** The same for people, in lines. */
  readonly said: readonly string[];
  readonly workflows: readonly WorkflowHead[];
}

export type WorkflowCommand = 'cancel' | 'pause' | 'resume' | 'retry';

export interface Place {
  /** What people call it. */
  readonly name: string;

  submit(workflow: AnyWorkflow, options: SubmitOptions & { readonly id: string }): Promise<Done<Standing>>;
  command(name: WorkflowCommand, workflowId: string, reason: string | undefined): Promise<Done<Standing>>;
  schedule(workflow: AnyWorkflow, options: ScheduleOptions): Promise<Done<ScheduleStatus>>;
  unschedule(scheduleId: string, reason: string | undefined): Promise<By>;

  overview(): Promise<Overview>;
  list(options: Pick<ListOptions, 'status' | 'limit'>): Promise<readonly WorkflowHead[]>;
  schedules(): Promise<readonly ScheduleStatus[]>;
  /** @param at - As of this event; absent: as it is. */
  status(workflowId: string, at: number | undefined): Promise<WorkflowStatus>;
  trace(workflowId: string): Promise<Trace>;
  explain(workflowId: string, taskId: string | undefined): Promise<Done<Explanation>>;

  /** @throws GleitzeitError WORKFLOW_NOT_FOUND */
  expect(workflowId: string): Promise<void>;
  /** Tells everything that is recorded now, by `seq`. @returns the `seq` of the last event that there is */
  recorded(watching: Watching): Promise<number>;
  /** Tells what is recorded from there on, until it is told to stop or nobody reads any more. */
  follow(watching: Watching, stop: Promise<void>): Promise<void>;

  close(): Promise<void>;
}

/** The options that every command takes which has something done somewhere. */
export interface PlaceOptions {
  /** From `--db`, else from GLEITZEIT_DB, else `./gleitzeit.db`. */
  readonly db?: string;
  /** From `--hub`, else from GLEITZEIT_HUB; where it is given there is no `db`. */
  readonly hub?: string;
  readonly token?: string;
  /** What is sealed with where no engine runs, from `--key-file`. */
  readonly keyFile?: string;
  /** A module whose providers a submit is checked by, where no engine runs. */
  readonly providers?: string;
  readonly json?: boolean;
}

/**
 * Does something in the place that the options name.
 * @throws GleitzeitError CONFIGURATION_ERROR for options that name none; as `connect` does for a hub that is not there
 */
export async function inPlace<Value>(options: PlaceOptions, terminal: Terminal, act: (place: Place) => Promise<Value>): Promise<Value> {
  const place = await placeOf(options, terminal);
  try {
    return await act(place);
  } finally {
    await place.close();
  }
}

async function placeOf(options: PlaceOptions, terminal: Terminal): Promise<Place> {
  if (options.hub === undefined) {
    const { JournalPlace } = await import('./journal-place.ts');
    return new JournalPlace(options, terminal);
  }
  const { hubPlace } = await import('./hub-place.ts');
  return hubPlace({ ...options, hub: options.hub }, terminal);
}
