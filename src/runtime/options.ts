/** What a system is created with, and the checks of it. */

import type { PoolOptions } from '../../machines/events/provider.ts';
import type { AlertRule } from '../../machines/policies/alert-rules.ts';
import type { Journal } from '../journal/journal.ts';
import type { InspectOptions } from '../observe/inspector.ts';
import type { HttpOptions } from '../providers/http.ts';
import type { AnyProvider } from '../providers/provider.ts';
import type { SecretsOptions } from '../secrets/secrets.ts';
import type { Clock } from '../system/clock.ts';
import type { MachineConfig } from '../system/config.ts';
import type { Vitals } from '../system/heartbeat-host.ts';
import type { IdSource } from '../system/ids.ts';
import type { Workflow } from '../workflow/workflow.ts';
import type { Instant } from './instant.ts';
import type { Logger } from './logger.ts';

/** What a system is created with; see `docs/options.md`. */
export interface SystemOptions {
  /** Where recorded facts go. @defaultValue a journal in memory, which ends with the process */
  readonly journal?: Journal;
  /** Providers beside the built-in ones. */
  readonly providers?: readonly AnyProvider[];
  /** Workflows whose functions may be asked for before anybody submits them here. */
  readonly workflows?: readonly Workflow[];
  /** The built-in providers `core/v1`, `http/v1`, `process/v1`, `python/v1`. @defaultValue `true` */
  readonly builtins?: boolean;
  /** What `http/v1` may reach. */
  readonly http?: HttpOptions;
  /** Options of pools by protocol; they win over those of a provider. */
  readonly pools?: Readonly<Record<string, Partial<PoolOptions>>>;
  readonly queue?: MachineConfig['queue'];
  /** How long claims hold, and how often workers give a sign of life. */
  readonly worker?: Partial<MachineConfig['worker']>;
  /** Tasks of one workflow that are released and not yet settled, at most. @defaultValue `1_000` */
  readonly window?: number;
  readonly provider?: MachineConfig['provider'];
  readonly backpressure?: MachineConfig['backpressure'];
  readonly health?: MachineConfig['health'];
  /** How long finished workflows are kept in the journal. @defaultValue for ever, as far as the journal itself does */
  readonly cleanup?: MachineConfig['cleanup'];
  /** Alert rules beside the default ones; one of the same name replaces the default. */
  readonly alerts?: readonly AlertRule[];
  /** Opens the Stately inspector on 127.0.0.1 with the start. @defaultValue `false` */
  readonly inspect?: boolean | InspectOptions;
  /**
   * What the journal is given: the facts that workflows and tasks follow from, or every event, so that `at` can also tell of queues,
   * pools and circuits. That is ten times as much, for as long as the system runs.
   * @defaultValue `'facts'`
   */
  readonly record?: 'facts' | 'everything';
  /** Counts metrics from the start on, rather than from the first reading. @defaultValue `false` */
  readonly metrics?: boolean;
  /** Fails the system at an event that nobody handles or that reaches nobody; for tests. @defaultValue `false` */
  readonly strict?: boolean;
  /** What `core/random` and a handler's `call.random` follow from. @defaultValue another one each time */
  readonly seed?: string;
  /** Told what handlers log, what a start brought back, and what goes wrong. @defaultValue pino on stderr, without what is for debugging */
  readonly log?: Logger;
  /** What is sealed before it is recorded, and with which key; false: nothing is. @defaultValue what stands under names like `password` */
  readonly secrets?: SecretsOptions | false;
  /** Where time comes from. @defaultValue the real clock */
  readonly clock?: Clock;
  /** Where ids come from. @defaultValue random ones */
  readonly ids?: IdSource;
  /** Runs something once the current work is done. @defaultValue the event loop's next round */
  readonly defer?: (act: () => void) => void;
  /** Readings for the heartbeats. @defaultValue those of the process */
  readonly vitals?: () => Vitals;
}

/** What a system that is started for a single command brings back: workflows by their ids, or all schedules. */
export type Subjects = readonly string[] | 'schedules';

/** How a system starts. */
export interface StartOptions {
  /** Dispatches nothing until `resume()`; a text says why. What is submitted and asked for is durable all the same. @defaultValue `false` */
  readonly paused?: boolean | string;
  /**
   * Brings back only these workflows, or only the schedules; everything else stays in the journal for the next start. No slot of a
   * schedule comes meanwhile: what falls due is for the next start to catch up with.
   * @defaultValue all
   */
  readonly only?: Subjects;
}

export const ifKnownRules = ['same', 'join'] as const;
export type IfKnown = (typeof ifKnownRules)[number];

/** What a submit says beside the workflow. */
export interface SubmitOptions<Input = unknown> {
  readonly input?: Input;
  /**
   * Names the run: a second submit with the same id answers with the same run, also when it has ended. Without an input that is whatever
   * the input was.
   * @defaultValue a new id
   */
  readonly id?: string;
  /**
   * What of a run that has the id already: `same` refuses another definition, and another input where one is given; `join` looks at
   * neither.
   * @defaultValue `'same'`
   */
  readonly ifKnown?: IfKnown;
  /** It does not start before this time; it is durable at once. A time that has passed is no delay. */
  readonly startAt?: Instant;
  readonly requestId?: string;
  /** W3C Trace Context, carried by every event of the workflow. */
  readonly traceparent?: string;
  readonly tags?: readonly string[];
}
