/**
 * A whole system on a simulated clock: days pass in milliseconds, and the same seed gives the same run.
 *
 * Handlers may wait on promises and on `call.sleep`, which follows the simulated clock; real I/O has no place here.
 */
import { createHash } from 'node:crypto';

import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { StartOptions, SystemOptions } from '../runtime/options.ts';
import { createSystem, type GleitzeitSystem } from '../runtime/system.ts';
import { seededIds } from '../system/ids.ts';
import { type SimulatedClock, simulatedClock } from './simulated-clock.ts';

export interface SimulationOptions extends Omit<SystemOptions, 'clock' | 'ids' | 'vitals'> {
  /** What ids, jitter, random numbers and the key of secrets follow from. @defaultValue `'simulation'` */
  readonly seed?: string;
  /** When it begins, in epoch milliseconds. @defaultValue `0` */
  readonly startAt?: number;
  readonly vitals?: SystemOptions['vitals'];
  /** How the system starts. @defaultValue as ever */
  readonly start?: StartOptions;
}

export interface Simulation {
  readonly system: GleitzeitSystem;
  readonly clock: SimulatedClock;
  /** Every event so far, transient ones included. */
  readonly events: readonly GleitzeitEvent[];
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>;
  /** Lets time pass, with all that falls due in it. */
  advance(ms: number): Promise<void>;
  /**
   * Lets time pass until a promise settles, and answers with what it settled to.
   * @throws Error when nothing is left that time could bring, or `limitMs` (default 7 days) have passed
   */
  until<Value>(promise: Promise<Value>, limitMs?: number): Promise<Value>;
  /** Lets time pass until a condition holds. @throws Error as {@link until} does */
  untilTrue(condition: () => boolean | Promise<boolean>, limitMs?: number): Promise<void>;
}

const restingVitals = () => ({ memoryBytes: 0, cpu: 0, lagMs: 0 });
const week = 7 * 24 * 3_600_000;
/** Rounds of the event loop without any event after which nothing more comes by itself. */
const quietRounds = 4;

/** Creates and starts a system on a simulated clock; strict unless told otherwise. */
export async function simulate(options: SimulationOptions = {}): Promise<Simulation> {
  const { seed = 'simulation', startAt = 0, vitals = restingVitals, start, secrets = {}, ...rest } = options;
  const clock = simulatedClock({ now: startAt });
  const events: GleitzeitEvent[] = [];
  const system = createSystem({
    strict: true,
    ...rest,
    vitals,
    seed,
    clock,
    ids: seededIds(seed),
    secrets: secrets && (secrets.keyFile === undefined ? { key: keyOf(seed), ...secrets } : secrets),
  });
  system.events$.subscribe((event) => events.push(event));
  await system.start(start);

  const passing = timeOf(clock, events);
  await passing.settle();
  return { system, clock, events, ...passing };
}

/** With a key of its own, a run would not repeat itself. */
function keyOf(seed: string): Uint8Array {
  return createHash('sha256').update(seed).digest();
}

/** The ways to let time pass, and what happens in it. */
function timeOf(clock: SimulatedClock, events: readonly GleitzeitEvent[]): Pick<Simulation, 'settle' | 'advance' | 'until' | 'untilTrue'> {
  const settle = () => quietOf(events);
  const stepTo = async (end: number): Promise<boolean> => {
    const next = clock.nextDueAt();
    const isLast = next === null || next > end;
    clock.advance((isLast ? end : next) - clock.now());
    await settle();
    return !isLast;
  };
  const untilTrue: Simulation['untilTrue'] = async (condition, limitMs = week): Promise<void> => {
    const end = clock.now() + limitMs;
    await settle();
    while (!(await condition())) {
      if (clock.nextDueAt() === null) throw new Error(`Nothing is left to happen at ${clock.now()} ms, and the condition does not hold.`);
      if (!(await stepTo(end)) && !(await condition())) throw new Error(`The condition does not hold after ${limitMs} ms.`);
    }
  };
  return {
    settle,
    async advance(ms) {
      const end = clock.now() + ms;
      await settle();
      while (await stepTo(end));
    },
    untilTrue,
    async until(promise, limitMs) {
      let isSettled = false;
      const note = (): void => {
        isSettled = true;
      };
      promise.then(note, note);
      await untilTrue(() => isSettled, limitMs);
      return promise;
    },
  };
}

/** Resolves when the event loop has gone round a few times without another event. */
async function quietOf(events: readonly GleitzeitEvent[]): Promise<void> {
  let seen = -1;
  for (let round = 0; round < quietRounds; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (events.length !== seen) round = 0;
    seen = events.length;
  }
}
