/** Those who watch, and the logger, at their worst: nothing of it reaches the system. */

import { map } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Logger } from '../../src/runtime/logger.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { scene } from '../scenarios/scene.ts';
import { errorFrom, expectUnharmed, good } from './aftermath.ts';

const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);
beforeEach(() => {
  uncaught.length = 0;
  process.on('uncaughtException', note).on('unhandledRejection', note);
});
afterEach(() => {
  process.off('uncaughtException', note).off('unhandledRejection', note);
});

function logged() {
  const lines: { readonly fields: object; readonly message: string }[] = [];
  const write = (fields: object, message: string): void => void lines.push({ fields, message });
  const log: Logger = { debug: write, info: write, warn: write, error: write };
  return { lines, log };
}

const fault = new Error('from a subscriber');
const throwing = (): never => {
  throw fault;
};
const rejecting = (): Promise<never> => Promise.reject(fault);

describe('a subscriber', () => {
  it.each([
    ['that throws', throwing],
    ['that rejects', rejecting],
    ['that throws nothing at all', () => Promise.reject(undefined)],
  ])('%s is logged, and neither the system nor other subscribers notice', async (_, act) => {
    const { log, lines } = logged();
    const stage = await scene({ log });
    const seen: string[] = [];
    stage.system.events$.subscribe(act);
    stage.system.events$.subscribe({ next: act });
    stage.system.events$.pipe(map((event) => event.type)).subscribe(act);
    stage.system.select({ component: 'workflow' }).subscribe(act);
    stage.system.on('*', act);
    stage.system.on('workflow:completed', ({ type }) => void seen.push(type));
    await stage.play(good);
    await expectUnharmed(stage);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(uncaught).toEqual([]);
    expect(seen).toEqual(['workflow:completed', 'workflow:completed']);
    expect(lines.length).toBeGreaterThan(20);
    expect(new Set(lines.map(({ message }) => message))).toEqual(new Set(['a subscriber threw']));
  });

  it('that throws in its completion does not keep the system from stopping', async () => {
    const { log, lines } = logged();
    const { system } = await scene({ log });
    system.events$.subscribe({ complete: throwing });
    await system.stop();
    expect([system.phase, uncaught]).toEqual(['stopped', []]);
    expect(lines).toHaveLength(1);
  });

  it('whose operator throws gets the error itself', async () => {
    const stage = await scene({ log: logged().log });
    const errors: unknown[] = [];
    stage.system.events$.pipe(map(throwing)).subscribe({ error: (error: unknown) => errors.push(error) });
    await expectUnharmed(stage);
    expect(errors).toEqual([fault]);
  });

  it('that takes itself away, or another comes, while events are handed out is no trouble', async () => {
    const stage = await scene();
    const { system } = stage;
    const off: () => void = system.on('*', () => off());
    system.on('workflow:started', () => void system.on('workflow:completed', () => undefined));
    await expectUnharmed(stage);
  });
});

describe('a logger', () => {
  it.each([
    ['throws', throwing],
    ['rejects', rejecting],
  ])('that %s costs nobody anything', async (_, write) => {
    const log: Logger = { debug: write, info: write, warn: write, error: write };
    const stage = await scene({ log });
    stage.system.on('*', throwing);
    const talks = defineWorkflow({
      name: 'talks',
      tasks: (task) =>
        task('talks', {
          run: (_, call) => {
            call.log('hello', { a: 1 });
            return 'done';
          },
        }),
    });
    expect(await stage.play(talks)).toMatchObject({ status: 'completed', output: 'done' });
    await expectUnharmed(stage);
    expect(uncaught).toEqual([]);
  });
});

describe('a filter of events', () => {
  it.each([
    [{ minSeverity: 'bogus' }, /minSeverity must be .*critical, got "bogus"/],
    [{ component: 'circuits' }, /component must be .*circuit.*got "circuits"/],
    [{ correlationId: 5 }, /correlationId must be a text, got 5/],
    [{ types: 'task:*' }, /types must be a list of types of events, got "task:\*"/],
    [{ types: ['task:complete'] }, /There is no type of event "task:complete"\. Did you mean "task:completed"\?/],
    [{ types: ['__proto__'] }, /no type of event "__proto__"/],
    [{ severity: 'error' }, /severity is not a known option/],
    [null, /must be a map/],
  ])('%o is refused', async (filter, said) => {
    const stage = await scene();
    const error = await errorFrom(() => stage.system.select(filter as never));
    expect(error).toMatchObject({ code: 'INVALID_PARAMS', rpcCode: -32_602 });
    expect(error.message).toMatch(said);
  });

  it.each(['taks:*', 'task', '', 'constructor', '__proto__:*', 5])('a handler of %o is refused', async (pattern) => {
    const stage = await scene();
    expect(await errorFrom(() => stage.system.on(pattern as string, () => undefined))).toMatchObject({ code: 'INVALID_PARAMS' });
    await expectUnharmed(stage);
  });

  it('a handler that is no function is refused', async () => {
    const { system } = await scene();
    expect(await errorFrom(() => system.on('*', 'log' as never))).toMatchObject({ code: 'INVALID_PARAMS' });
  });
});
