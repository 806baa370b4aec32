/** What a remote worker is created with, and the checks of it. */
import * as z from 'zod';

import { Complaints } from '../../complaints.ts';
import { type AnyProvider, isProvider } from '../../providers/provider.ts';
import type { Logger } from '../../runtime/logger.ts';
import { isWorkflow, type Workflow } from '../../workflow/workflow.ts';
import { type ConnectOptions, reachShape } from '../client/options.ts';

/** What a worker outside the engine's process is made of. */
export interface RemoteWorkerOptions extends Pick<ConnectOptions, 'url' | 'token' | 'path' | 'connectTimeoutMs'> {
  /** What it carries out. */
  readonly providers?: readonly AnyProvider[];
  /** Workflows whose functions it carries out. */
  readonly workflows?: readonly Workflow[];
  /** Attempts of each protocol that it runs at the same time; an integer from 1. @defaultValue `4` */
  readonly slots?: number;
  /** Names the worker, with the protocol behind it: `name/text/v1`. The hub knows one of each name. @defaultValue host, process and a bit of chance */
  readonly name?: string;
  /** Told of lost connections and refused reports, and what handlers log. @defaultValue pino on stderr */
  readonly log?: Logger;
  /** Has it stop as {@link RemoteWorker.stop} does. */
  readonly signal?: AbortSignal;
}

export const remoteWorkerDefaults = { slots: 4, connectTimeoutMs: 10_000 } as const;

const slotsRule = 'a whole number from 1 to 100000';
const nameRule = 'a text of 1 to 200 characters';

const shape = z.strictObject(
  {
    ...reachShape,
    providers: z.array(z.custom(isProvider, { error: 'what defineProvider() returns' }), { error: 'a list of providers' }).optional(),
    workflows: z
      .array(z.custom(isWorkflow, { error: 'what defineWorkflow() or loadWorkflow() returns' }), { error: 'a list of workflows' })
      .optional(),
    slots: z.int({ error: slotsRule }).min(1, { error: slotsRule }).max(100_000, { error: slotsRule }).optional(),
    name: z.string({ error: nameRule }).min(1, { error: nameRule }).max(200, { error: nameRule }).optional(),
    signal: z.instanceof(AbortSignal, { error: 'the signal of an AbortController' }).optional(),
  },
  { error: 'a map of options' },
);

/** The names of the options, for the page that describes them. */
export const remoteWorkerOptionNames: readonly string[] = Object.keys(shape.shape);

/** @throws GleitzeitError CONFIGURATION_ERROR with every option that is not known or makes no sense */
export function checkRemoteWorkerOptions(options: unknown): asserts options is RemoteWorkerOptions {
  const complaints = new Complaints();
  complaints.addAll(shape.safeParse(options), { of: options, at: '', known: remoteWorkerOptionNames });
  const error = complaints.error('createRemoteWorker', 'CONFIGURATION_ERROR');
  if (error !== undefined) throw error;
}
