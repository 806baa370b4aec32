import { describe, expect, it } from 'vitest';

import { cleanerMachine } from '../../machines/cleaner.ts';
import { explore } from '../../src/testing/explore.ts';
import { eventOf, startMachine } from './harness.ts';

const stats = { submitted: 0, completed: 0, failed: 0, cancelled: 0, live: 0 };
const started = { mode: 'running', stats } as const;
const scope = 'workflows' as const;
const swept = { scope, removed: 3, durationMs: 7 };

describe('the cleaner', () => {
  it('asks for cleanups at its interval when the engine starts', () => {
    const cleaner = startMachine('cleaner', cleanerMachine, { intervalMs: 1_000, keep: 10 });
    expect(cleaner.hear('engine:started', started, { time: 5 })).toEqual([
      {
        type: 'schedule:request',
        data: { scheduleId: 'cleaner/cleanup', dueAt: 1_005, everyMs: 1_000, event: { type: 'cleanup', data: { scope } } },
      },
    ]);
  });

  it.each([
    [{ maxAgeMs: 100 }, { olderThan: 900 }],
    [{ keep: 0 }, { keep: 0 }],
    [
      { maxAgeMs: 100, keep: 5 },
      { olderThan: 900, keep: 5 },
    ],
  ])('lets go what %o says', (input, limits) => {
    const cleaner = startMachine('cleaner', cleanerMachine, input);
    expect(cleaner.hear('cleanup', { scope }, { time: 1_000 })).toEqual([{ type: 'cleanup:started', data: { scope, ...limits } }]);
    expect(cleaner.state()).toBe('cleaning');
  });

  it('removes nothing, ever, where no retention was given', () => {
    const cleaner = startMachine('cleaner', cleanerMachine, {});
    expect(cleaner.hear('engine:started', started)).toEqual([]);
    expect(cleaner.hear('cleanup', { scope })).toEqual([]);
    expect(cleaner.state()).toBe('idle');
  });

  it('says what was removed, and starts no second sweep beside one', () => {
    const cleaner = startMachine('cleaner', cleanerMachine, { keep: 1 });
    expect(cleaner.hear('cleanup:swept', swept)).toEqual([]);
    cleaner.hear('cleanup', { scope });
    expect(cleaner.hear('cleanup', { scope })).toEqual([]);
    expect(cleaner.hear('cleanup:swept', swept)).toEqual([{ type: 'cleanup:completed', data: swept }]);
    expect(cleaner.state()).toBe('idle');
  });

  it('replays to the same state from its facts alone', () => {
    const replayed = startMachine('cleaner', cleanerMachine, { keep: 1 });
    replayed.replay('cleanup:started', { scope, keep: 1 });
    expect(replayed.state()).toBe('cleaning');
    replayed.replay('cleanup:completed', swept);
    expect(replayed.state()).toBe('idle');
  });

  it('has a sound chart: every state reached, every transition taken, nothing moved by others', () => {
    const events = [
      eventOf('engine:started', started),
      eventOf('cleanup', { scope }),
      eventOf('cleanup:swept', swept),
      eventOf('cleanup:started', { scope, keep: 1 }),
      eventOf('cleanup:completed', swept),
    ];
    const walk = (input: { keep?: number }) => explore(cleanerMachine, { component: 'cleaner', input, events, distinguish: () => null });
    const [kept, unkept] = [walk({ keep: 1 }), walk({})];
    expect(kept.untaken.filter((transition) => unkept.untaken.includes(transition))).toEqual([]);
    for (const { unvisited, movedByOthers, unhandled, errors } of [kept, unkept]) {
      expect({ unvisited, movedByOthers, unhandled, errors }).toEqual({ unvisited: [], movedByOthers: [], unhandled: [], errors: [] });
    }
  });
});
