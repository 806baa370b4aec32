/**
 * Has something done to a journal by whoever may write it: the engine that owns it, else an engine of our own.
 *
 * An own engine is there for the one command. It is started paused, brings back only what the command is about, and has
 * providers that can be asked for but do nothing: so nothing runs, no schedule comes due, and what it has made durable goes on at
 * the next start.
 */
import { setTimeout as wait } from 'node:timers/promises';

import { toError } from '../errors.ts';
import { sqliteJournal } from '../journal/sqlite.ts';
import type { AnyProvider } from '../providers/provider.ts';
import { silentLogger } from '../runtime/logger.ts';
import type { Subjects, SystemOptions } from '../runtime/options.ts';
import { createSystem } from '../runtime/system.ts';
import { readField } from '../thrown.ts';
import { askOwner } from './client.ts';
import { type Answers, carryOut } from './commands.ts';
import type { CommandName, ControlRequest } from './protocol.ts';

export interface ReachOptions extends Pick<SystemOptions, 'secrets'> {
  /** Makes the providers whose methods a submit or a schedule may ask for, where no engine is there to know its own. */
  readonly providers?: () => Promise<readonly AnyProvider[]>;
  /** How long to try while the journal is owned by an engine that does not answer, in milliseconds; a number from 0. @defaultValue `7_000` */
  readonly patienceMs?: number;
  /** Told once, when the journal is owned and nobody answers. */
  readonly onWait?: (message: string) => void;
}

/** An engine that is just starting, or lets its last attempts finish, does not listen for this long. */
export const reachDefaults = { patienceMs: 7_000 } as const;

export interface Reached<Name extends CommandName> {
  /** Who did it: the engine that owns the journal, or one that was there for this command only. */
  readonly by: 'owner' | 'caller';
  readonly answer: Answers[Name];
}

type RequestOf<Name extends CommandName> = Extract<ControlRequest, { readonly command: Name }>;

const betweenTriesMs = 100;

/**
 * Asks the owner of a journal, or takes the journal for as long as the command needs.
 * @throws GleitzeitError what the command is refused with; PERSISTENCE_CONNECTION_FAILED when another engine owns it and does not answer
 */
export async function reach<Name extends CommandName>(
  journalPath: string,
  request: RequestOf<Name>,
  options: ReachOptions = {},
): Promise<Reached<Name>> {
  const until = performance.now() + (options.patienceMs ?? reachDefaults.patienceMs);
  for (let isFirst = true; ; isFirst = false) {
    try {
      const asked = await askOwner<Name>(journalPath, request);
      if (asked.isHeard) return { by: 'owner', answer: asked.answer };
      return { by: 'caller', answer: await carryOutAlone<Name>(journalPath, request, options) };
    } catch (thrown) {
      const error = toError(thrown);
      if (!isPassing(error) || performance.now() >= until) throw error;
      if (isFirst) options.onWait?.(error.message);
      await wait(betweenTriesMs);
    }
  }
}

/** Whether an engine is just coming or going. Each command may be repeated: it asks for a state, or has an id. */
function isPassing({ code, details }: { readonly code: string; readonly details?: unknown }): boolean {
  return (
    code === 'CONNECTION_LOST' || (code === 'PERSISTENCE_CONNECTION_FAILED' && readField(details, 'reason') === 'owned') || code === 'SYSTEM_SHUTDOWN'
  );
}

async function carryOutAlone<Name extends CommandName>(
  journalPath: string,
  request: RequestOf<Name>,
  { providers = () => Promise.resolve([]), secrets = {} }: ReachOptions,
): Promise<Answers[Name]> {
  const system = createSystem({
    journal: sqliteJournal(journalPath, { writer: 'inline' }),
    builtins: false,
    providers: ('workflow' in request.data ? await providers() : []).map(inert),
    log: silentLogger,
    secrets,
  });
  try {
    await system.start({ paused: 'it waits for the next start', only: subjectsOf(request) });
    return (await carryOut(system, request)) as Answers[Name];
  } finally {
    await system.stop({ deadlineMs: 0, reason: `the command ${request.command} is done` });
  }
}

function subjectsOf({ command, data }: ControlRequest): Subjects {
  if (command === 'schedule' || command === 'unschedule') return 'schedules';
  return 'workflowId' in data ? [data.workflowId] : [];
}

/** Known by its methods, and never called. */
function inert({ start: _start, stop: _stop, check: _check, ...provider }: AnyProvider): AnyProvider {
  return provider;
}
