/** How an entry of the catalogue is written. */
import type * as z from 'zod';

import type { Severity } from './envelope.ts';

/** The parts that state events: the machines first, then what stands outside them. */
export const components = [
  'system',
  'engine',
  'workflow',
  'resolver',
  'task',
  'queue',
  'pool',
  'worker',
  'provider',
  'circuit',
  'methods',
  'retry',
  'scheduler',
  'cron',
  'backpressure',
  'health',
  'metrics',
  'alerts',
  'cleaner',
] as const;
/** A part of the system that is a chart. */
export type Component = (typeof components)[number];

/**
 * What takes part without being a machine: callers (`api`), what the machines run in (`runtime`), the host that runs attempts
 * (`executor`), the clock's timer (`timer`), who knows the slots of schedules (`calendar`), the configuration (`registry`), the
 * journal's sweeper (`sweeper`), people who watch (`observers`), the hub, which speaks for remote workers too.
 */
export const outsiders = ['api', 'runtime', 'executor', 'timer', 'calendar', 'registry', 'sweeper', 'observers', 'hub'] as const;
export type Outsider = (typeof outsiders)[number];
export type Party = Component | Outsider;

/** An entry of the catalogue. */
export interface EventSpec<Schema extends z.ZodType = z.ZodType> {
  /** A fact is past and immutable; a command may be refused by its receiver. */
  readonly kind: 'fact' | 'command';
  /** Who states it. A fact has one owner, except where the catalogue names two. */
  readonly owners: readonly Party[];
  /** Who reacts to it, its owner aside. */
  readonly listeners: readonly Party[];
  readonly severity: Severity;
  /** Whether it goes into the journal; transient events are derivable or about infrastructure. */
  readonly recorded: boolean;
  readonly description: string;
  readonly data: Schema;
}

type Parts<Schema extends z.ZodType> = {
  readonly from: readonly Party[] | Party;
  readonly to: readonly Party[];
  readonly about: string;
  readonly data: Schema;
  readonly severity?: Severity;
};

function spec<Schema extends z.ZodType>(kind: EventSpec['kind'], recorded: boolean, parts: Parts<Schema>): EventSpec<Schema> {
  const { from, to, about, data, severity = 'info' } = parts;
  return { kind, recorded, owners: typeof from === 'string' ? [from] : from, listeners: to, severity, description: about, data };
}

/** A fact that goes into the journal. */
export const recorded = <Schema extends z.ZodType>(parts: Parts<Schema>) => spec('fact', true, parts);

/** A fact that is derivable, frequent, or only about infrastructure; `debug` unless told. */
export const transient = <Schema extends z.ZodType>(parts: Parts<Schema>) => spec('fact', false, { severity: 'debug', ...parts });

/** A request that its receiver may refuse; in the journal only what comes of it, unless that is told to keep everything; `debug` unless told. */
export const command = <Schema extends z.ZodType>(parts: Parts<Schema>) => spec('command', false, { severity: 'debug', ...parts });
