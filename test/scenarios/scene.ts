/**
 * A stage for scenarios: a whole system on the simulated clock, strict unless told otherwise.
 *
 * Whatever a scenario is about, a few things hold in all of them, and are looked at when it ends: every event fits its schema
 * and comes from an owner of it, sequence numbers grow, and what the journal replays to is what was live.
 */
import { expect, onTestFinished } from 'vitest';

import { type EventOf, type EventType, type GleitzeitEvent, specOf } from '../../machines/events/catalogue.ts';
import type { Party } from '../../machines/events/define.ts';
import type { SubmitOptions } from '../../src/runtime/options.ts';
import type { WorkflowResult } from '../../src/runtime/result.ts';
import type { Run } from '../../src/runtime/run.ts';
import type { GleitzeitSystem } from '../../src/runtime/system.ts';
import type { Core } from '../../src/system/core.ts';
import { type Simulation, type SimulationOptions, simulate } from '../../src/testing/simulate.ts';
import type { Workflow } from '../../src/workflow/workflow.ts';
import { silent } from '../silent.ts';
import { expectFold, type Picture, pictureOf } from './fold.ts';

export interface SceneOptions extends SimulationOptions {
  /** The scenario ends with a system that failed. */
  readonly fails?: boolean;
}

export interface Scene extends Simulation {
  readonly core: Core;
  /** The events of a type so far. */
  of<Type extends EventType>(type: Type): EventOf<Type>[];
  /** The only event of a type so far. */
  only<Type extends EventType>(type: Type): EventOf<Type>;
  /** The types of all events so far that are among these, in order. */
  order(...types: readonly EventType[]): string[];
  /** Submits a workflow, and lets happen what needs no time. */
  submit<Input, Output>(workflow: Workflow<Input, Output>, options?: SubmitOptions<Input>): Promise<Run<Output>>;
  /** Submits a workflow, and lets time pass to its end. */
  play<Input, Output>(workflow: Workflow<Input, Output>, options?: SubmitOptions<Input>): Promise<WorkflowResult<Output>>;
  /** Looks at what holds in every scenario, and stops the system. */
  close(): Promise<void>;
}

/** No scenario takes longer, in simulated milliseconds; one that hangs says so soon. */
const longestMs = 3_600_000;

/** A scene that is closed when its test is over. */
export async function scene(options: SceneOptions = {}): Promise<Scene> {
  const opened = await openScene(options);
  onTestFinished(() => opened.close());
  return opened;
}

export async function openScene({ fails = false, ...options }: SceneOptions = {}): Promise<Scene> {
  const simulation = await simulate({ builtins: false, log: silent, ...options });
  const { system, events, settle, until } = simulation;
  const core = coreOf(system);
  const ends = new Map<string, Picture | undefined>();
  let isClosed = false;
  system.events$.subscribe(({ type, data }) => {
    // It has not ended after all.
    if (type === 'workflow:retried') ends.delete((data as { readonly workflowId: string }).workflowId);
    if (type !== 'workflow:completed' && type !== 'workflow:failed' && type !== 'workflow:cancelled') return;
    const { workflowId } = data as { readonly workflowId: string };
    ends.set(workflowId, pictureOf(core, workflowId));
  });
  const of = <Type extends EventType>(type: Type) => events.filter((event) => event.type === type) as EventOf<Type>[];
  const submit: Scene['submit'] = async (workflow, submitOptions) => {
    const run = await system.submit(workflow, submitOptions);
    await settle();
    return run;
  };
  return {
    ...simulation,
    until: (promise, limitMs = longestMs) => until(promise, limitMs),
    core,
    of,
    only(type) {
      const found = of(type);
      expect(found.map((event) => event.data)).toHaveLength(1);
      return found[0]!;
    },
    order: (...types) => events.filter(({ type }) => types.includes(type)).map(({ type }) => type),
    submit,
    async play(workflow, submitOptions) {
      const run = await submit(workflow, submitOptions);
      return until(run.result(), longestMs);
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      await settle();
      // Where a strict system failed, what failed it says more than that it did.
      if (!fails && system.phase === 'failed') throw failureOf(system);
      // What a journal did not take before its system stopped is not there to be replayed.
      if (system.phase !== 'failed' && core.storageFault === undefined) await expectFold(core, ends);
      await system.stop({ deadlineMs: 0 });
      expectSound(events);
    },
  };
}

/** The parts inside a system, for a scenario that has to break one of them. */
export function coreOf(system: GleitzeitSystem): Core {
  // Private, and rightly so: only a scenario plays the outside world's worst.
  return (system as unknown as { readonly booted: { readonly core: Core } }).booted.core;
}

function failureOf(system: GleitzeitSystem): unknown {
  return (system as unknown as { readonly failure: unknown }).failure;
}

/** Whether a party may state an event; the executor reports attempts in the name of the worker that ran them. */
export function mayState(event: GleitzeitEvent): boolean {
  const { owners } = specOf(event.type);
  return owners.includes(partyOf(event));
}

export function partyOf({ source, type }: GleitzeitEvent): Party {
  const [party = ''] = source.split('/');
  return (type.startsWith('attempt:') && party === 'worker' ? 'executor' : party) as Party;
}

function expectSound(events: readonly GleitzeitEvent[]): void {
  let before = 0;
  // What is said of a journal that takes no facts for a time overtakes what waits for it.
  const ahead = new Set<string>();
  for (const event of events) {
    const parsed = specOf(event.type).data.safeParse(event.data);
    if (!parsed.success) throw new Error(`'${event.type}' of ${event.source} does not fit its schema: ${parsed.error.message}`);
    if (!mayState(event)) throw new Error(`'${event.source}' states '${event.type}', which is not its own.`);
    if (event.type === 'system:hold' || ahead.has(event.causationId ?? '')) {
      ahead.add(event.id);
      continue;
    }
    if (event.seq <= before) throw new Error(`'${event.type}' has seq ${event.seq}, after ${before}.`);
    before = event.seq;
  }
}
