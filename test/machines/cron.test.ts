import { describe, expect, it } from 'vitest';

import { type CronContext, cronDefaults, cronMachine, runIdOf, runOf, scheduleOf } from '../../machines/cron.ts';
import type { DataOf, DraftOf } from '../../machines/events/catalogue.ts';
import type { ScheduleProgress } from '../../machines/events/cron.ts';
import { failure } from '../../machines/failures.ts';
import { explore } from '../../src/testing/explore.ts';
import { definitionOf, taskOf } from './definitions.ts';
import { eventOf, startMachine } from './harness.ts';

/** One slot each thousand milliseconds, from 1,000 on. */
const spec = (more: Partial<DataOf<'cron:create'>> = {}): DataOf<'cron:create'> => ({
  scheduleId: 's',
  rule: { kind: 'interval', everyMs: 1_000, from: 1_000 },
  overlap: 'skip',
  catchUp: 'none',
  name: 'n',
  versionHash: 'h',
  definition: definitionOf([taskOf('a')]),
  input: { x: 1 },
  levels: 1,
  specHash: 'spec',
  ...more,
});

const counts = { completed: 1, failed: 0, cancelled: 0, skipped: 0 };
const runId = (slot: number) => runIdOf('s', slot);
const endOf = (slot: number) => ({ workflowId: runId(slot), durationMs: 1, counts });

type Runs = DataOf<'cron:answered'>['runs'];

function start(more: Partial<DataOf<'cron:create'>> = {}) {
  const cron = startMachine('cron', cronMachine, spec(more));
  cron.hear('cron:create', spec(more), { time: 500 });
  /** Answers as the calendar would at a time. */
  const look = (now: number, runs: Runs = []) => {
    const { progress } = cron.context();
    const first = (Math.floor(progress.seen / 1_000) + 1) * 1_000;
    const last = Math.floor(now / 1_000) * 1_000;
    const [waiting] = progress.owed;
    const owed = waiting === undefined ? null : (Math.floor(waiting.after / 1_000) + 1) * 1_000;
    const data = { scheduleId: 's', progress, now, fresh: first <= last ? { first, last } : null, owed, following: last + 1_000, runs };
    return cron.hear('cron:answered', data, { time: now });
  };
  return { cron, look };
}

const typesOf = (drafts: readonly { readonly type: string }[]) => drafts.map(({ type }) => type);
const facts = (drafts: readonly { readonly type: string }[]) => typesOf(drafts).filter((type) => type.startsWith('cron:'));

describe('a schedule', () => {
  it('is made of what was asked for, and asks for its slots', () => {
    const { cron } = start();
    expect(cron.stated[0]).toEqual({ type: 'cron:created', data: spec() });
    expect(cron.stated[1]).toMatchObject({
      type: 'cron:asked',
      data: { scheduleId: 's', rule: spec().rule, progress: { seen: 999, owed: [], run: null } },
    });
    expect(cron.context()).toMatchObject({ createdAt: 500, liveSince: 500, ...cronDefaults });
  });

  it('counts an interval without a beginning from its creation', () => {
    const { cron } = start({ rule: { kind: 'interval', everyMs: 1_000 } });
    expect(cron.stated[1]).toMatchObject({ data: { rule: { from: 500 }, progress: { seen: 500 } } });
  });

  it('asks to be told of the slot that is next, and asks again when it is', () => {
    const { cron, look } = start();
    expect(look(600)).toEqual([
      {
        type: 'schedule:request',
        data: {
          scheduleId: 'cron/s/slot',
          dueAt: 1_000,
          wall: true,
          event: { type: 'schedule:elapsed', data: { component: 'cron', key: 's', timer: 'slot' } },
        },
      },
    ]);
    expect(typesOf(cron.hear('schedule:elapsed', { component: 'cron', key: 's', timer: 'slot' }, { time: 1_000 }))).toEqual(['cron:asked']);
  });

  it('starts the run of a slot: the fact first, then the submit under the id of the slot', () => {
    const { cron, look } = start();
    const stated = look(1_000);
    const progress: ScheduleProgress = { seen: 1_000, owed: [], run: 1_000, last: 1_000 };
    expect(stated).toContainEqual({ type: 'cron:triggered', data: { scheduleId: 's', slot: 1_000, runId: 's@1970-01-01T00:00:01.000Z', progress } });
    const { scheduleId: _, rule, overlap, catchUp, specHash, ...workflow } = spec();
    expect(stated).toContainEqual({ type: 'workflow:submit', data: { workflowId: 's@1970-01-01T00:00:01.000Z', ...workflow } });
    expect(cron.state()).toEqual({ standing: 'running' });
    expect(runOf(cron.context())).toBe(runId(1_000));
  });

  it.each([
    ['workflow:completed', endOf(1_000), 'completed'],
    ['workflow:failed', { ...endOf(1_000), error: failure('TASK_TIMEOUT', 'late'), failedTaskIds: [] }, 'failed'],
    ['workflow:cancelled', { ...endOf(1_000), reason: 'r', by: 'b' }, 'cancelled'],
    ['workflow:rejected', { workflowId: runId(1_000), error: failure('WORKFLOW_INVALID_STATE', 'another') }, 'refused'],
  ] as const)('says that its run has ended, by %s', (type, data, status) => {
    const { cron, look } = start();
    look(1_000);
    expect(cron.hear(type, { ...data, workflowId: 's@other' } as never)).toEqual([]);
    const [ended, ...rest] = cron.hear(type, data as never, { time: 1_500 });
    expect(ended).toMatchObject({ type: 'cron:run_ended', data: { slot: 1_000, runId: runId(1_000), status, progress: { run: null, last: 1_000 } } });
    expect((ended as DraftOf<'cron:run_ended'>).data.error).toEqual('error' in data ? data.error : undefined);
    expect(typesOf(rest)).toEqual(['cron:asked']);
    expect(cron.state()).toEqual({ standing: 'idle' });
  });

  it('asks again for a run that was refused for the moment, or that nobody knows of', () => {
    const { cron, look } = start();
    look(1_000);
    const stated = cron.hear('workflow:rejected', { workflowId: runId(1_000), error: failure('QUEUE_FULL', 'full') }, { time: 1_100 });
    expect(stated).toMatchObject([{ type: 'schedule:request', data: { scheduleId: 'cron/s/retry', dueAt: 6_100 } }]);
    expect(cron.state()).toEqual({ standing: 'running' });
    expect(look(1_200)).toContainEqual(
      expect.objectContaining({ type: 'workflow:submit', data: expect.objectContaining({ workflowId: runId(1_000) }) }),
    );
    expect(typesOf(look(1_300, [{ slot: 1_000, status: 'running' }]))).toEqual(['schedule:request']);
  });

  it('takes the word of the journal for the end of a run', () => {
    const { cron, look } = start();
    look(1_000);
    expect(look(1_200, [{ slot: 1_000, status: 'failed' }])[0]).toMatchObject({ type: 'cron:run_ended', data: { status: 'failed' } });
    expect(cron.state()).toEqual({ standing: 'idle' });
  });

  it('does not start what has run under that id already', () => {
    const { cron, look } = start();
    expect(facts(look(1_000, [{ slot: 1_000, status: 'completed' }]))).toEqual(['cron:skipped']);
    expect(cron.stated.at(-2)?.data).toMatchObject({ because: 'taken', from: 1_000, before: 1_001 });
    expect(facts(look(2_000, [{ slot: 2_000, status: 'running' }]))).toEqual(['cron:triggered']);
  });

  it('leaves out a slot that comes while a run is under way', () => {
    const { look } = start({ overlap: 'skip' });
    look(1_000);
    expect(look(2_000, [{ slot: 1_000, status: 'running' }])).toContainEqual({
      type: 'cron:skipped',
      data: { scheduleId: 's', from: 2_000, before: 2_001, because: 'overlap', progress: { seen: 2_000, owed: [], run: 1_000, last: 1_000 } },
    });
  });

  it('lets slots wait for the run under way, as one range however many they are', () => {
    const { cron, look } = start({ overlap: 'queue' });
    look(1_000);
    for (let now = 2_000; now <= 9_000; now += 1_000) expect(facts(look(now, [{ slot: 1_000, status: 'running' }]))).toEqual(['cron:queued']);
    expect(cron.context().progress).toEqual({ seen: 9_000, owed: [{ after: 1_000, to: 9_000 }], run: 1_000, last: 1_000 });
    for (let slot = 2_000; slot <= 9_000; slot += 1_000) {
      cron.hear('workflow:completed', endOf(slot - 1_000));
      expect(look(9_100).find(({ type }) => type === 'cron:triggered')?.data).toMatchObject({ slot });
    }
    expect(cron.context().progress).toEqual({ seen: 9_000, owed: [], run: 9_000, last: 9_000 });
  });

  it('cancels the run under way for a slot that replaces it, and lets only the latest wait', () => {
    const { cron, look } = start({ overlap: 'cancel_previous' });
    look(1_000);
    const stated = look(2_000, [{ slot: 1_000, status: 'running' }]);
    expect(typesOf(stated)).toEqual(['cron:queued', 'workflow:cancel', 'schedule:request']);
    expect(stated[1]?.data).toEqual({ workflowId: runId(1_000), reason: 'replaced by the run of 1970-01-01T00:00:02.000Z', by: 'cron/s' });
    expect(look(3_000, [{ slot: 1_000, status: 'running' }])[0]).toMatchObject({ type: 'cron:skipped', data: { from: 2_000, because: 'overlap' } });
    cron.hear('workflow:cancelled', { ...endOf(1_000), reason: 'r', by: 'b' });
    expect(look(3_100).find(({ type }) => type === 'cron:triggered')?.data).toMatchObject({ slot: 3_000, progress: { owed: [] } });
  });

  it('does not cancel a run that was not admitted yet', () => {
    const { look } = start({ overlap: 'cancel_previous' });
    look(1_000);
    expect(typesOf(look(2_000))).toEqual(['workflow:submit', 'cron:queued', 'schedule:request']);
  });

  it.each([
    ['none', ['cron:skipped'], null],
    ['one', ['cron:skipped', 'cron:triggered'], 4_000],
    ['all', ['cron:triggered'], 1_000],
  ] as const)('does with the slots before the start of the engine what its catch-up policy %s says', (catchUp, expected, slot) => {
    const { cron, look } = start({ catchUp });
    cron.hear('engine:started', { mode: 'running', stats: { submitted: 0, completed: 0, failed: 0, cancelled: 0, live: 0 } }, { time: 4_500 });
    expect(facts(look(4_500))).toEqual(expected);
    expect(cron.context().progress.last).toBe(slot);
    expect(cron.context().progress.owed).toEqual(catchUp === 'all' ? [{ after: 1_000, to: 4_000 }] : []);
    // From here on somebody is there to see them.
    if (slot !== null) cron.hear('workflow:completed', endOf(slot));
    expect(facts(look(5_000)).includes('cron:triggered')).toBe(true);
  });

  it('takes a slot for missed that it sees too late, and those before one that it sees in time', () => {
    const once = { scheduleId: 's', fresh: { first: 1_000, last: 1_000 }, owed: null, following: null, runs: [] };
    for (const [now, expected] of [
      [61_000, ['cron:triggered']],
      [61_001, ['cron:skipped', 'cron:finished']],
    ] as const) {
      const { cron } = start({ catchUp: 'none', rule: { kind: 'once', at: 1_000 } });
      expect(facts(cron.hear('cron:answered', { ...once, progress: cron.context().progress, now }, { time: now }))).toEqual(expected);
    }
    const several = start({ catchUp: 'none' });
    expect(facts(several.look(4_000))).toEqual(['cron:skipped', 'cron:triggered']);
    expect(several.cron.context().progress.last).toBe(4_000);
  });

  it('is over when nothing is to come and nothing runs', () => {
    const { cron } = start({ rule: { kind: 'once', at: 1_000 } });
    const answer = (fresh: DataOf<'cron:answered'>['fresh'], now: number) =>
      cron.hear(
        'cron:answered',
        { scheduleId: 's', progress: cron.context().progress, now, fresh, owed: null, following: null, runs: [] },
        { time: now },
      );
    expect(facts(answer({ first: 1_000, last: 1_000 }, 1_000))).toEqual(['cron:triggered']);
    cron.hear('workflow:completed', endOf(1_000));
    expect(typesOf(answer(null, 1_100))).toEqual(['cron:finished', 'schedule:cancel', 'schedule:cancel']);
    expect(cron.snapshot().status).toBe('done');
  });

  it('lets go of a range in which the calendar has no slots any more', () => {
    const { cron, look } = start({ catchUp: 'all' });
    look(3_000);
    cron.hear('workflow:completed', endOf(1_000));
    const { progress } = cron.context();
    cron.hear('cron:answered', { scheduleId: 's', progress, now: 3_100, fresh: null, owed: 7_000, following: 7_000, runs: [] });
    expect(cron.context().progress).toMatchObject({ owed: [], run: null });
  });

  it('pays no heed to an answer to an earlier question', () => {
    const { cron, look } = start();
    const { progress } = cron.context();
    look(1_000);
    const before = cron.context();
    expect(
      cron.hear('cron:answered', {
        scheduleId: 's',
        progress,
        now: 1_000,
        fresh: { first: 1_000, last: 1_000 },
        owed: null,
        following: 2_000,
        runs: [],
      }),
    ).toEqual([]);
    expect(cron.context()).toBe(before);
  });

  it('is what it is: the same once more is nothing new, another one under its id is refused', () => {
    const { cron } = start();
    expect(cron.hear('cron:create', spec())).toEqual([]);
    expect(cron.hear('cron:create', spec({ specHash: 'other' }))).toMatchObject([
      { type: 'cron:refused', data: { scheduleId: 's', error: { code: 'SCHEDULING_FAILED' } } },
    ]);
  });

  it('takes its times with it when it is removed', () => {
    const { cron, look } = start();
    look(1_000);
    expect(cron.hear('cron:remove', { scheduleId: 's', reason: 'r', by: 'b' })).toEqual([
      { type: 'cron:removed', data: { scheduleId: 's', reason: 'r', by: 'b' } },
      { type: 'schedule:cancel', data: { scheduleId: 'cron/s/slot' } },
      { type: 'schedule:cancel', data: { scheduleId: 'cron/s/retry' } },
    ]);
    expect(cron.snapshot().status).toBe('done');
  });

  it('is brought back by its creation and its last fact alone', () => {
    for (const overlap of ['skip', 'queue', 'cancel_previous'] as const) {
      const { cron, look } = start({ overlap });
      const running: Runs = [{ slot: 1_000, status: 'running' }];
      const moments = [
        () => look(1_000),
        () => look(2_000, running),
        () => look(3_000, running),
        () => cron.hear('workflow:completed', endOf(1_000)),
        () => look(4_000),
      ];
      for (const moment of moments) {
        moment();
        const replayed = startMachine('cron', cronMachine, spec({ overlap }));
        replayed.replay('cron:created', spec({ overlap }), { time: 500 });
        const last = cron.stated.findLast(({ data }) => 'progress' in data && 'scheduleId' in data && !('rule' in data));
        if (last !== undefined) replayed.replay(last.type, last.data as never);
        expect([replayed.state(), replayed.context()]).toEqual([cron.state(), cron.context()]);
      }
    }
  });

  it('knows its runs by their ids', () => {
    expect(runIdOf('a@b', Date.UTC(2024, 1, 29, 23, 59, 59, 7))).toBe('a@b@2024-02-29T23:59:59.007Z');
    expect(['a@b@x', 'a@x', 'ax', '@x', ''].map(scheduleOf)).toEqual(['a@b', 'a', undefined, undefined, undefined]);
  });

  it('has a sound chart: every state reached, every transition taken, nothing moved by others', () => {
    const idle: ScheduleProgress = { seen: 999, owed: [], run: null, last: null };
    const running: ScheduleProgress = { seen: 1_000, owed: [], run: 1_000, last: 1_000 };
    const ofRun = { scheduleId: 's', slot: 1_000, runId: runId(1_000) };
    const queued = { scheduleId: 's', from: 1_000, to: 1_000 };
    const skipped = { scheduleId: 's', from: 1_000, before: 1_001, because: 'overlap' } as const;
    const answer = { scheduleId: 's', now: 1_000, fresh: { first: 1_000, last: 1_000 }, owed: null, following: 2_000, runs: [] };
    const rejected = (code: 'QUEUE_FULL' | 'WORKFLOW_INVALID_STATE', workflowId = runId(1_000)) =>
      eventOf('workflow:rejected', { workflowId, error: failure(code, 'no') });
    const ends = [endOf(1_000), endOf(5_000)].flatMap((end) => [
      eventOf('workflow:completed', end),
      eventOf('workflow:failed', { ...end, error: failure('TASK_TIMEOUT', 'late'), failedTaskIds: [] }),
      eventOf('workflow:cancelled', { ...end, reason: 'r', by: 'b' }),
    ]);
    const {
      states,
      visited: _,
      ...faults
    } = explore(cronMachine, {
      component: 'cron',
      input: spec(),
      events: [
        eventOf('cron:create', spec()),
        eventOf('cron:create', spec({ specHash: 'other' })),
        eventOf('cron:created', spec()),
        eventOf('cron:remove', { scheduleId: 's', reason: 'r', by: 'b' }),
        eventOf('cron:removed', { scheduleId: 's', reason: 'r', by: 'b' }),
        eventOf('cron:finished', { scheduleId: 's' }),
        eventOf('cron:answered', { ...answer, progress: idle }),
        eventOf('cron:answered', { ...answer, progress: running }),
        eventOf('cron:triggered', { ...ofRun, progress: running }),
        ...[idle, running].flatMap((progress) => [
          eventOf('cron:queued', { ...queued, progress }),
          eventOf('cron:skipped', { ...skipped, progress }),
        ]),
        eventOf('cron:run_ended', { ...ofRun, status: 'completed', progress: idle }),
        eventOf('engine:started', { mode: 'running', stats: { submitted: 0, completed: 0, failed: 0, cancelled: 0, live: 0 } }),
        eventOf('schedule:elapsed', { component: 'cron', key: 's', timer: 'slot' }),
        ...ends,
        rejected('QUEUE_FULL'),
        rejected('WORKFLOW_INVALID_STATE'),
        rejected('QUEUE_FULL', 'other'),
      ],
      distinguish: ({ context }) => (context as CronContext).progress,
    });
    expect(faults).toEqual({ unvisited: [], untaken: [], movedByOthers: [], unhandled: [], errors: [] });
    expect(states).toBeGreaterThan(4);
  });
});
