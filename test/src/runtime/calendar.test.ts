import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ScheduleRule } from '../../../machines/events/cron.ts';
import { findSlots } from '../../../src/runtime/calendar.ts';

const at = (iso: string) => Date.parse(iso);
const cron = (expression: string, more: object = {}): ScheduleRule => ({ kind: 'cron', expression, timeZone: 'Europe/Berlin', ...more });
const fresh = (rule: ScheduleRule, seen: string, now: string) => {
  const found = findSlots(rule, { seen: at(seen), owed: [] }, at(now));
  const text = (time: number | null | undefined) => (typeof time === 'number' ? new Date(time).toISOString().slice(0, 16) : null);
  return [text(found.fresh?.first), text(found.fresh?.last), text(found.following)];
};

describe('the calendar', () => {
  it.each([
    [
      'a fixed time in the hour that is left out',
      cron('30 2 * * *'),
      '2025-03-29T12:00Z',
      '2025-03-30T12:00Z',
      ['2025-03-30T01:00', '2025-03-30T01:00', '2025-03-31T00:30'],
    ],
    [
      'a fixed time in the hour that is repeated',
      cron('30 2 * * *'),
      '2025-10-25T12:00Z',
      '2025-10-26T12:00Z',
      ['2025-10-26T00:30', '2025-10-26T00:30', '2025-10-27T01:30'],
    ],
    [
      'every half hour through the hour that is left out',
      cron('*/30 * * * *'),
      '2025-03-30T00:00Z',
      '2025-03-30T01:45Z',
      ['2025-03-30T00:30', '2025-03-30T01:30', '2025-03-30T02:00'],
    ],
    [
      'every half hour through the hour that is repeated',
      cron('*/30 * * * *'),
      '2025-10-26T00:00Z',
      '2025-10-26T01:45Z',
      ['2025-10-26T00:30', '2025-10-26T01:30', '2025-10-26T02:00'],
    ],
    ['seconds', cron('*/20 * * * * *'), '2025-01-01T00:00Z', '2025-01-01T00:01Z', ['2025-01-01T00:00', '2025-01-01T00:01', '2025-01-01T00:01']],
    ['a leap day', cron('0 12 29 2 *'), '2025-01-01T00:00Z', '2026-01-01T00:00Z', [null, null, '2028-02-29T11:00']],
    [
      'nothing before its beginning',
      cron('@daily', { from: at('2025-02-01T00:00Z') }),
      '2025-01-01T00:00Z',
      '2025-02-02T12:00Z',
      ['2025-02-01T23:00', '2025-02-01T23:00', '2025-02-02T23:00'],
    ],
    [
      'nothing at or after its end',
      cron('@daily', { until: at('2025-01-03T23:00Z') }),
      '2025-01-01T00:00Z',
      '2025-02-02T12:00Z',
      ['2025-01-01T23:00', '2025-01-02T23:00', null],
    ],
    [
      'an interval',
      { kind: 'interval', everyMs: 3_600_000, from: at('2025-01-01T00:10Z') } as const,
      '2025-01-01T00:09Z',
      '2025-01-01T02:10Z',
      ['2025-01-01T00:10', '2025-01-01T02:10', '2025-01-01T03:10'],
    ],
    [
      'a single time',
      { kind: 'once', at: at('2025-01-01T00:10Z') } as const,
      '2025-01-01T00:09Z',
      '2025-01-01T02:10Z',
      ['2025-01-01T00:10', '2025-01-01T00:10', null],
    ],
    ['a clock behind what it has seen', cron('@hourly'), '2025-01-01T05:00Z', '2025-01-01T02:10Z', [null, null, '2025-01-01T06:00']],
  ] as const)('knows %s', (_, rule, seen, now, expected) => {
    expect(fresh(rule, seen, now)).toEqual(expected);
  });

  it('knows the first slot that waits', () => {
    const found = findSlots({ kind: 'interval', everyMs: 1_000, from: 0 }, { seen: 9_000, owed: [{ after: 3_000, to: 9_000 }] }, 9_500);
    expect(found).toEqual({ fresh: null, owed: 4_000, following: 10_000 });
  });

  it('has each slot once, in order, from whichever moment it is asked', () => {
    const expressions = fc.constantFrom('30 2 * * *', '*/30 * * * *', '0 1-4 * * *', '15,45 2,3 * * *', '@hourly', '0 0 * * SUN', '*/7 * * * *');
    const moments = fc.constantFrom(at('2025-03-29T18:00Z'), at('2025-10-25T18:00Z'), at('2025-06-01T00:00Z'));
    fc.assert(
      fc.property(
        expressions,
        moments,
        fc.array(fc.integer({ min: 1, max: 7_200_000 }), { minLength: 1, maxLength: 30 }),
        (expression, from, steps) => {
          const rule = cron(expression);
          const end = from + steps.reduce((sum, step) => sum + step, 0);
          const walk = (moments: readonly number[]) => {
            const slots: number[] = [];
            let seen = from;
            for (const now of moments) {
              for (let next = findSlots(rule, { seen, owed: [] }, now).fresh; next !== null; next = findSlots(rule, { seen, owed: [] }, now).fresh) {
                slots.push(next.first);
                seen = next.first;
                expect(next.last).toBeGreaterThanOrEqual(next.first);
                expect(next.last).toBeLessThanOrEqual(now);
              }
            }
            return slots;
          };
          let time = from;
          expect(walk(steps.map((step) => (time += step)))).toEqual(walk([end]));
        },
      ),
      { numRuns: 40 },
    );
  });
});
