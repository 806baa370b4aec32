import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { defineWorkflow, memoryJournal } from '../../src/index.ts';
import { sqliteJournal } from '../../src/journal/sqlite.ts';
import type { ScheduleOptions } from '../../src/runtime/schedules.ts';
import { handOperated } from './hands.ts';
import { openScene, type Scene, type SceneOptions, scene } from './scene.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const at = (iso: string) => Date.parse(iso);

const quick = defineWorkflow({ name: 'quick', tasks: (task) => task('a', { run: () => 1 }) });
const slow = defineWorkflow({ name: 'slow', tasks: (task) => task('a', { method: 'demo/work', timeoutMs: hour }) });

/** Nothing happens by itself for long: days pass quickly. */
const quiet: SceneOptions = { health: { intervalMs: 30 * day }, worker: { heartbeatMs: 10 * minute, leaseMs: 4 * hour } };
const starting = (iso: string): SceneOptions => ({ ...quiet, startAt: at(iso) });

const idsOf = (events: readonly GleitzeitEvent[]) => events.flatMap((event) => (event.type === 'workflow:submitted' ? [event.data.workflowId] : []));
/** The times of the runs that were submitted, as text. */
const slotsOf = ({ events }: Scene) => idsOf(events).map((id) => id.slice(id.lastIndexOf('@') + 1).replace(':00.000Z', 'Z'));

describe('a schedule', () => {
  it('starts a workflow at each slot of its cron expression, under an id that follows from the slot', async () => {
    const stage = await scene(starting('2025-01-01T10:07:00Z'));
    const made = await stage.until(stage.system.schedule(quick, { id: 'often', cron: '*/15 * * * *' }));
    expect(made).toMatchObject({ id: 'often', workflow: 'quick', overlap: 'skip', catchUp: 'one', lastAt: null, running: null });
    expect(made.nextAt).toBe(at('2025-01-01T10:15:00Z'));
    await stage.advance(45 * minute);
    expect(idsOf(stage.events)).toEqual(['often@2025-01-01T10:15:00.000Z', 'often@2025-01-01T10:30:00.000Z', 'often@2025-01-01T10:45:00.000Z']);
    expect(stage.of('workflow:completed')).toHaveLength(3);
    expect(stage.of('workflow:submitted').map(({ time }) => time)).toEqual(stage.of('cron:triggered').map(({ data }) => data.slot));
    expect(await stage.system.schedules()).toMatchObject([{ id: 'often', lastAt: at('2025-01-01T10:45:00Z'), nextAt: at('2025-01-01T11:00:00Z') }]);
  });

  it('starts at an interval, counted from its creation or from a time', async () => {
    const stage = await scene(starting('2025-01-01T10:07:00Z'));
    await stage.until(stage.system.schedule(quick, { id: 'plain', everyMs: hour }));
    await stage.until(
      stage.system.schedule(quick, { id: 'aligned', everyMs: hour, startAt: '2025-01-01T11:00:00Z', endAt: at('2025-01-01T13:00:00Z') }),
    );
    await stage.advance(4 * hour);
    const all = idsOf(stage.events);
    expect(all.filter((id) => id.startsWith('plain')).map((id) => id.slice(-13, -8))).toEqual(
      ['11:07', '12:07', '13:07', '14:07'].map((time) => time),
    );
    expect(all.filter((id) => id.startsWith('aligned'))).toEqual(['aligned@2025-01-01T11:00:00.000Z', 'aligned@2025-01-01T12:00:00.000Z']);
    expect(stage.only('cron:finished').data).toEqual({ scheduleId: 'aligned' });
    expect((await stage.system.schedules()).map(({ id }) => id)).toEqual(['plain']);
    expect(stage.core.registry.counts().cron).toBe(1);
  });

  it('starts once at a time, or at once where that has passed, and is over then', async () => {
    const stage = await scene(starting('2025-01-01T10:00:00Z'));
    await stage.until(stage.system.schedule(quick, { id: 'later', at: new Date('2025-01-02T00:00:00Z') }));
    await stage.until(stage.system.schedule(quick, { id: 'late', at: '2024-12-24T18:00:00+01:00', catchUp: 'none' }));
    await stage.settle();
    expect(idsOf(stage.events)).toEqual(['late@2024-12-24T17:00:00.000Z']);
    await stage.advance(2 * day);
    expect(idsOf(stage.events)).toEqual(['late@2024-12-24T17:00:00.000Z', 'later@2025-01-02T00:00:00.000Z']);
    expect(await stage.system.schedules()).toEqual([]);
    // Once more is no other run: that one has ended.
    await stage.until(stage.system.schedule(quick, { id: 'late', at: '2024-12-24T18:00:00+01:00', catchUp: 'none' }));
    await stage.advance(minute);
    expect(idsOf(stage.events)).toHaveLength(2);
    expect(stage.of('cron:skipped').map(({ data }) => data.because)).toEqual(['taken']);
    expect(stage.of('cron:finished')).toHaveLength(3);
  });

  it('goes through the hour that a clock change leaves out, and the one that it repeats', async () => {
    const spring = await scene(starting('2025-03-29T12:00:00Z'));
    await spring.until(spring.system.schedule(quick, { id: 'fixed', cron: '30 2 * * *', timeZone: 'Europe/Berlin' }));
    await spring.until(spring.system.schedule(quick, { id: 'hourly', cron: '0 0-4 * * *', timeZone: 'Europe/Berlin' }));
    await spring.advance(2 * day);
    expect(idsOf(spring.events).filter((id) => id.startsWith('fixed'))).toEqual(['fixed@2025-03-30T01:00:00.000Z', 'fixed@2025-03-31T00:30:00.000Z']);
    const autumn = await scene(starting('2025-10-25T12:00:00Z'));
    await autumn.until(autumn.system.schedule(quick, { id: 'fixed', cron: '30 2 * * *', timeZone: 'Europe/Berlin' }));
    await autumn.until(
      autumn.system.schedule(quick, {
        id: 'halves',
        cron: '*/30 * * * *',
        timeZone: 'Europe/Berlin',
        startAt: '2025-10-26T00:00:00Z',
        endAt: '2025-10-26T02:30:00Z',
      }),
    );
    await autumn.advance(2 * day);
    expect(idsOf(autumn.events).filter((id) => id.startsWith('fixed'))).toEqual(['fixed@2025-10-26T00:30:00.000Z', 'fixed@2025-10-27T01:30:00.000Z']);
    expect(
      idsOf(autumn.events)
        .filter((id) => id.startsWith('halves'))
        .map((id) => id.slice(18, 23)),
    ).toEqual(['00:00', '00:30', '01:00', '01:30', '02:00']);
  });
});

describe('a slot that comes while a run is under way', () => {
  const overlapping = async (options: Partial<ScheduleOptions>) => {
    const hands = handOperated();
    const stage = await scene({ ...starting('2025-01-01T10:00:30Z'), providers: [hands.provider] });
    await stage.until(stage.system.schedule(slow, { id: 's', cron: '* * * * *', ...options }));
    return { stage, hands };
  };

  it('is left out', async () => {
    const { stage, hands } = await overlapping({ overlap: 'skip' });
    await stage.advance(3 * minute);
    expect(slotsOf(stage)).toEqual(['2025-01-01T10:01Z']);
    expect(stage.of('cron:skipped').map(({ data }) => [data.from, data.because])).toEqual([
      [at('2025-01-01T10:02:00Z'), 'overlap'],
      [at('2025-01-01T10:03:00Z'), 'overlap'],
    ]);
    hands.callOf('a').succeed();
    await stage.advance(minute);
    expect(slotsOf(stage)).toEqual(['2025-01-01T10:01Z', '2025-01-01T10:04Z']);
  });

  it('waits for that run to end, in order', async () => {
    const { stage, hands } = await overlapping({ overlap: 'queue' });
    await stage.advance(3 * minute);
    expect(slotsOf(stage)).toEqual(['2025-01-01T10:01Z']);
    expect(await stage.system.schedules()).toMatchObject([{ isBehind: true, running: 's@2025-01-01T10:01:00.000Z' }]);
    for (let run = 0; run < 3; run++) {
      hands.callOf('a').succeed();
      await stage.settle();
    }
    expect(slotsOf(stage)).toEqual(['2025-01-01T10:01Z', '2025-01-01T10:02Z', '2025-01-01T10:03Z']);
    expect(await stage.system.schedules()).toMatchObject([{ isBehind: false, running: null }]);
    await stage.advance(minute);
    expect(slotsOf(stage).at(-1)).toBe('2025-01-01T10:04Z');
  });

  it('has that run cancelled, and starts when it has ended', async () => {
    const { stage } = await overlapping({ overlap: 'cancel_previous' });
    await stage.advance(3 * minute);
    expect(slotsOf(stage)).toEqual(['2025-01-01T10:01Z', '2025-01-01T10:02Z', '2025-01-01T10:03Z']);
    expect(stage.of('workflow:cancelled').map(({ data }) => [data.workflowId, data.by])).toEqual([
      ['s@2025-01-01T10:01:00.000Z', 'cron/s'],
      ['s@2025-01-01T10:02:00.000Z', 'cron/s'],
    ]);
    expect(await stage.system.schedules()).toMatchObject([{ isBehind: false, running: 's@2025-01-01T10:03:00.000Z' }]);
  });

  it('starts no more once the schedule is removed; the run goes on', async () => {
    const { stage, hands } = await overlapping({ overlap: 'queue' });
    await stage.advance(2 * minute);
    await stage.until(stage.system.unschedule('s'));
    expect(await stage.system.schedules()).toEqual([]);
    hands.callOf('a').succeed();
    await stage.advance(hour);
    expect(slotsOf(stage)).toEqual(['2025-01-01T10:01Z']);
    expect(stage.of('workflow:completed')).toHaveLength(1);
    expect(stage.core.registry.counts().cron).toBeUndefined();
  });
});

describe('a second system on the journal of the first', () => {
  /** Two systems on one journal, the second an hour and a half of minutes later. */
  const restarted = async (options: Partial<ScheduleOptions>, { isBusy = false, to = '2025-01-01T10:05:30Z' } = {}) => {
    const journal = memoryJournal();
    const workflow = isBusy ? slow : quick;
    const first = handOperated();
    const one = await openScene({ ...starting('2025-01-01T10:00:30Z'), journal, providers: [first.provider], workflows: [quick] });
    await one.until(one.system.schedule(workflow, { id: 's', cron: '* * * * *', ...options }));
    await one.advance(minute);
    await one.close();
    const hands = handOperated();
    const two = await scene({ ...starting(to), journal, providers: [hands.provider], workflows: [quick], seed: 'two' });
    await two.advance(100);
    return { two, hands };
  };

  it('leaves out what came in between where nothing is to be caught up with', async () => {
    const { two } = await restarted({ catchUp: 'none' });
    expect(slotsOf(two)).toEqual([]);
    expect(two.only('cron:skipped').data).toMatchObject({
      from: at('2025-01-01T10:02:00Z'),
      before: at('2025-01-01T10:05:00Z') + 1,
      because: 'missed',
    });
    await two.advance(minute);
    expect(slotsOf(two)).toEqual(['2025-01-01T10:06Z']);
  });

  it('makes up for it with one start', async () => {
    const { two } = await restarted({ catchUp: 'one' });
    expect(slotsOf(two)).toEqual(['2025-01-01T10:05Z']);
    expect(two.only('cron:skipped').data).toMatchObject({ from: at('2025-01-01T10:02:00Z'), before: at('2025-01-01T10:05:00Z'), because: 'missed' });
  });

  it('makes up for all of it, one after the other', async () => {
    const { two, hands } = await restarted({ catchUp: 'all' }, { isBusy: true });
    expect(slotsOf(two)).toEqual([]);
    for (let run = 0; run < 5; run++) {
      hands.callOf('a').succeed();
      await two.settle();
    }
    expect(slotsOf(two)).toEqual(['2025-01-01T10:02Z', '2025-01-01T10:03Z', '2025-01-01T10:04Z', '2025-01-01T10:05Z']);
    expect(two.of('workflow:completed')).toHaveLength(5);
    await two.advance(minute);
    expect(slotsOf(two).at(-1)).toBe('2025-01-01T10:06Z');
  });

  it('catches up with a backlog of a year without holding it', async () => {
    const { two } = await restarted({ catchUp: 'all' }, { isBusy: true, to: '2026-01-01T10:05:30Z' });
    const [standing] = await two.system.schedules();
    expect(standing?.isBehind).toBe(true);
    expect(JSON.stringify(two.core.snapshot('cron', 's')?.context.progress).length).toBeLessThan(200);
    await two.until(two.system.unschedule('s'));
  });

  it('knows of the run under way, and starts no slot again that has started', async () => {
    const { two, hands } = await restarted({ catchUp: 'one' }, { isBusy: true, to: '2025-01-01T10:01:45Z' });
    expect(await two.system.schedules()).toMatchObject([{ running: 's@2025-01-01T10:01:00.000Z' }]);
    expect(hands.open()).toHaveLength(1);
    hands.callOf('a').succeed();
    await two.settle();
    expect(two.only('cron:run_ended').data).toMatchObject({ status: 'completed', runId: 's@2025-01-01T10:01:00.000Z' });
    expect(slotsOf(two)).toEqual([]);
    await two.advance(minute);
    expect(slotsOf(two)).toEqual(['2025-01-01T10:02Z']);
  });

  it('goes on with what waited, whatever it was to catch up with', async () => {
    const journal = memoryJournal();
    const hands = handOperated();
    const one = await openScene({ ...starting('2025-01-01T10:00:30Z'), journal, providers: [hands.provider] });
    await one.until(one.system.schedule(slow, { id: 's', cron: '* * * * *', overlap: 'queue', catchUp: 'none' }));
    await one.advance(2 * minute);
    await one.close();
    const again = handOperated();
    const two = await scene({ ...starting('2025-01-01T10:09:30Z'), journal, providers: [again.provider], seed: 'two' });
    await two.advance(100);
    again.callOf('a').succeed();
    await two.settle();
    again.callOf('a').succeed();
    await two.advance(minute);
    expect(slotsOf(two)).toEqual(['2025-01-01T10:02Z', '2025-01-01T10:10Z']);
  });

  it('starts no earlier slot when its clock is behind', async () => {
    const { two } = await restarted({ catchUp: 'all' }, { to: '2025-01-01T09:50:30Z' });
    await two.advance(9 * minute);
    expect(slotsOf(two)).toEqual([]);
    await two.advance(2.5 * minute);
    expect(slotsOf(two)).toEqual(['2025-01-01T10:02Z']);
  });

  it('finds it in a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-schedules-'));
    try {
      const file = () => sqliteJournal(join(folder, 'journal.db'), { writer: 'inline' });
      const one = await openScene({ ...starting('2025-01-01T10:00:30Z'), journal: file() });
      await one.until(one.system.schedule(quick, { id: 's', cron: '* * * * *', catchUp: 'all', input: { x: 1 } }));
      await one.until(one.system.schedule(quick, { id: 'gone', cron: '* * * * *' }));
      await one.until(one.system.unschedule('gone'));
      await one.advance(2 * minute);
      await one.close();
      const two = await openScene({ ...starting('2025-01-01T10:04:30Z'), journal: file(), workflows: [quick], seed: 'two' });
      await two.advance(minute);
      expect(await two.system.schedules()).toMatchObject([{ id: 's', input: { x: 1 }, createdAt: at('2025-01-01T10:00:30Z') }]);
      expect(slotsOf(two)).toEqual(['2025-01-01T10:03Z', '2025-01-01T10:04Z', '2025-01-01T10:05Z']);
      await two.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('forgets a schedule that was removed', async () => {
    const journal = memoryJournal();
    const one = await openScene({ ...starting('2025-01-01T10:00:30Z'), journal });
    await one.until(one.system.schedule(quick, { id: 's', everyMs: minute }));
    await one.until(one.system.unschedule('s', 'done with it'));
    await one.close();
    const two = await scene({ ...starting('2025-01-01T11:00:00Z'), journal, seed: 'two' });
    expect(await two.system.schedules()).toEqual([]);
  });
});

describe('a clock that is set', () => {
  const leaping = async (options: Partial<ScheduleOptions>) => {
    const stage = await scene({ ...starting('2025-01-01T10:30:00Z'), workflows: [quick] });
    await stage.until(stage.system.schedule(quick, { id: 's', cron: '0 * * * *', ...options }));
    return stage;
  };

  it.each([
    ['none', ['2025-01-01T14:00Z']],
    ['one', ['2025-01-01T13:00Z', '2025-01-01T14:00Z']],
    ['all', ['2025-01-01T11:00Z', '2025-01-01T12:00Z', '2025-01-01T13:00Z', '2025-01-01T14:00Z']],
  ] as const)('forward over slots leaves them to the catch-up policy %s', async (catchUp, expected) => {
    const stage = await leaping({ catchUp });
    stage.clock.leap(3 * hour);
    await stage.advance(2 * minute);
    expect(slotsOf(stage)).toEqual(expected.slice(0, -1));
    await stage.advance(hour);
    expect(slotsOf(stage)).toEqual(expected);
  });

  it('back does not start a slot again, and forward once more neither', async () => {
    const stage = await leaping({ catchUp: 'all' });
    await stage.advance(hour);
    stage.clock.leap(-2 * hour);
    await stage.advance(90 * minute);
    expect(slotsOf(stage)).toEqual(['2025-01-01T11:00Z']);
    stage.clock.leap(30 * minute);
    await stage.advance(hour);
    stage.clock.leap(-3 * hour);
    await stage.advance(minute);
    stage.clock.leap(3 * hour);
    await stage.advance(hour);
    expect(slotsOf(stage)).toEqual(['2025-01-01T11:00Z', '2025-01-01T12:00Z', '2025-01-01T13:00Z']);
  });
});

describe('restarts and clock changes in any order', () => {
  type Step = readonly ['advance' | 'leap' | 'restart', number];
  const step = fc.oneof(
    fc.tuple(fc.constant('advance' as const), fc.integer({ min: 1, max: 8 })),
    fc.tuple(fc.constant('leap' as const), fc.integer({ min: -15, max: 15 })),
    fc.tuple(fc.constant('restart' as const), fc.integer({ min: -5, max: 15 })),
  );

  /** What was started over all runs of the system, and the latest time that any clock showed. */
  async function play(steps: readonly Step[], options: Partial<ScheduleOptions>): Promise<{ readonly ids: string[]; readonly latest: number }> {
    const journal = memoryJournal();
    const open = (startAt: number, run: number) => openScene({ ...quiet, startAt, journal, workflows: [quick], seed: `run${run}` });
    const ids: string[] = [];
    let stage = await open(at('2025-01-01T10:00:30Z'), 0);
    let latest = stage.clock.wall();
    await stage.until(stage.system.schedule(quick, { id: 's', cron: '* * * * *', ...options }));
    for (const [index, [kind, minutes]] of [...steps, ['advance', 2] as const].entries()) {
      if (kind === 'advance') await stage.advance(minutes * minute);
      else if (kind === 'leap') {
        stage.clock.leap(minutes * minute);
        // Long enough for a look at the clock.
        await stage.advance(minute);
      } else {
        await stage.close();
        ids.push(...idsOf(stage.events));
        stage = await open(stage.clock.wall() + minutes * minute, index + 1);
        await stage.settle();
      }
      latest = Math.max(latest, stage.clock.wall());
    }
    await stage.close();
    return { ids: [...ids, ...idsOf(stage.events)], latest };
  }

  it('start each slot exactly once where all is to be caught up with', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const { ids, latest } = await play(steps, { overlap: 'queue', catchUp: 'all' });
        const expected: string[] = [];
        for (let slot = at('2025-01-01T10:01:00Z'); slot <= latest; slot += minute) expected.push(`s@${new Date(slot).toISOString()}`);
        expect(ids).toEqual(expected);
      }),
      { numRuns: 15, seed: 7 },
    );
  }, 60_000);

  it('start no slot twice, whatever the policies are', async () => {
    const policies = fc.record({ overlap: fc.constantFrom('skip', 'queue', 'cancel_previous'), catchUp: fc.constantFrom('none', 'one') });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), policies, async (steps, options) => {
        const { ids } = await play(steps, options as Partial<ScheduleOptions>);
        expect([...new Set(ids)].sort()).toEqual(ids);
      }),
      { numRuns: 15, seed: 7 },
    );
  }, 60_000);
});

describe('what cannot be scheduled', () => {
  it.each([
    [{ cron: '61 * * * *' }, /cron must be a cron expression \(.*minute: 61/],
    [{ cron: '* * *' }, /cron must be a cron expression \(five fields/],
    [{ cron: '2030-01-01T00:00:00' }, /cron must be a cron expression \(five fields/],
    [{ cron: '0 0 30 2 *' }, /cron must be such that it has a start to come/],
    [{ cron: '@daily', timeZone: 'Mars/Olympus' }, /timeZone must be the IANA name of a time zone, got "Mars\/Olympus"/],
    [{ everyMs: 999 }, /everyMs must be a whole number of milliseconds from 1000 to \d+ \(1,000 years\), got 999/],
    [{ everyMs: 1_500.5 }, /everyMs must be a whole number/],
    [{ everyMs: 5_000, timeZone: 'UTC' }, /timeZone must be left out/],
    [{ everyMs: 5_000, startAt: 2_000_000, endAt: 1_000_000 }, /everyMs must be such that it has a start to come/],
    [{ at: 'tomorrow' }, /at must be a time/],
    [{ at: '2025-01-01T00:00:00' }, /at must be a time/],
    [{ at: 5, startAt: 5 }, /at must be given without startAt and endAt/],
    [{}, /must be given exactly one of cron, everyMs and at, got "none of them"/],
    [{ cron: '@daily', everyMs: 5_000 }, /exactly one of cron, everyMs and at, got "cron and everyMs"/],
    [{ cron: '@daily', overlap: 'cancel_previous', catchUp: 'all' }, /catchUp must be none or one/],
    [{ cron: '@daily', overlap: 'never' }, /overlap must be skip, queue, cancel_previous/],
    [{ cron: '@daily', crom: 1 }, /crom is not a known option/],
    [{ id: 'a/b', cron: '@daily' }, /id must be a text/],
  ])('is %o', async (options, message) => {
    const { system } = await scene(quiet);
    await expect(system.schedule(quick, { id: 's', ...options } as ScheduleOptions)).rejects.toMatchObject({
      code: 'INVALID_PARAMS',
      message: expect.stringMatching(message),
    });
    expect(await system.schedules()).toEqual([]);
  });

  it('is a workflow that cannot run here', async () => {
    const { system } = await scene(quiet);
    await expect(system.schedule(slow, { id: 's', cron: '@daily' })).rejects.toMatchObject({ code: 'PROTOCOL_NOT_FOUND' });
    await expect(system.schedule({} as typeof slow, { id: 's', cron: '@daily' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('is another schedule under the same id; the same one once more is the one that stands', async () => {
    const stage = await scene(quiet);
    const { system } = stage;
    await stage.until(Promise.all([system.schedule(quick, { id: 's', everyMs: hour }), system.schedule(quick, { id: 's', everyMs: hour })]));
    await expect(system.schedule(quick, { id: 's', everyMs: 2 * hour })).rejects.toMatchObject({ code: 'SCHEDULING_FAILED' });
    await expect(system.schedule(quick, { id: 's', everyMs: hour, input: { other: 1 } })).rejects.toMatchObject({ code: 'SCHEDULING_FAILED' });
    expect(await system.schedules()).toHaveLength(1);
    expect(stage.of('cron:created')).toHaveLength(1);
  });

  it('cannot be taken away where there is none', async () => {
    const stage = await scene(quiet);
    await stage.until(stage.system.schedule(quick, { id: 'nightly', cron: '@daily' }));
    await expect(stage.system.unschedule('nightl')).rejects.toMatchObject({
      code: 'SCHEDULE_NOT_FOUND',
      message: expect.stringContaining('nightly'),
    });
    const both = Promise.all([stage.system.unschedule('nightly'), stage.system.unschedule('nightly')]);
    await stage.until(both);
    await expect(stage.system.unschedule('nightly')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
  });
});

describe('a run that the engine refuses', () => {
  it('for the moment is asked for again under the same id', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const stage = await scene({ ...starting('2025-01-01T10:00:30Z'), providers: [hands.provider], queue: { capacity: 2 } });
    const full = defineWorkflow({
      name: 'full',
      tasks: (task) => {
        for (const id of ['x', 'y', 'z']) task(id, { method: 'demo/work', timeoutMs: hour });
        return null;
      },
    });
    await stage.submit(full);
    await stage.until(stage.system.schedule(slow, { id: 's', cron: '1 10 * * *' }));
    await stage.advance(minute);
    expect(stage.of('workflow:rejected').length).toBeGreaterThan(3);
    expect(stage.of('cron:triggered')).toHaveLength(1);
    while (hands.open().length > 0) {
      hands.open()[0]?.succeed();
      await stage.advance(5_000);
    }
    expect(stage.only('cron:run_ended').data).toMatchObject({ status: 'completed', runId: 's@2025-01-01T10:01:00.000Z' });
  });

  it('since its id stands for another definition counts as ended', async () => {
    const hands = handOperated();
    const stage = await scene({ ...starting('2025-01-01T10:00:30Z'), providers: [hands.provider] });
    // No user may take such an id; a journal of before may hold one.
    const { definition, versionHash, levels } = slow;
    const data = { workflowId: 's@2025-01-01T10:01:00.000Z', name: 'slow', versionHash, definition, input: null, levels };
    stage.core.accept({ type: 'workflow:submit', data }, { source: 'api' });
    await stage.settle();
    await stage.until(stage.system.schedule(quick, { id: 's', cron: '* * * * *' }));
    await stage.advance(30_000);
    expect(stage.only('cron:run_ended').data).toMatchObject({ status: 'refused', error: { code: 'WORKFLOW_INVALID_STATE' } });
    await stage.advance(minute);
    expect(stage.of('cron:run_ended').map(({ data }) => data.status)).toEqual(['refused', 'completed']);
  });
});
