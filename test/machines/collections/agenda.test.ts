import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Agenda, type AgendaEntry, earliestOf, emptyAgenda, entryOf, put, strike, takeDue } from '../../../machines/collections/agenda.ts';

type Step = { readonly op: 'put' | 'strike' | 'take'; readonly id: string; readonly at: number };
const steps = fc.array(
  fc.record({
    op: fc.constantFrom<Step['op']>('put', 'put', 'put', 'strike', 'take'),
    id: fc.integer({ min: 0, max: 9 }).map(String),
    at: fc.integer({ min: 0, max: 20 }),
  }),
  { maxLength: 300 },
);

/** What is alive, in the order in which it will come out. */
type Model = readonly AgendaEntry[];
const isSooner = (a: AgendaEntry, b: AgendaEntry) => a.dueAt - b.dueAt;

describe('the agenda', () => {
  it('agrees with a sorted list under any mix of puts, strikes and takings', () => {
    fc.assert(
      fc.property(steps, (all) => {
        let agenda: Agenda<AgendaEntry> = emptyAgenda();
        let model: Model = [];
        for (const { op, id, at } of all) {
          const others = model.filter((entry) => entry.id !== id);
          if (op === 'put') {
            agenda = put(agenda, { id, dueAt: at });
            model = [...others, { id, dueAt: at }].sort(isSooner);
          } else if (op === 'strike') {
            agenda = strike(agenda, id);
            model = others;
          } else {
            const { due, rest } = takeDue(agenda, at);
            expect(due).toEqual(model.filter(({ dueAt }) => dueAt <= at));
            agenda = rest;
            model = model.filter(({ dueAt }) => dueAt > at);
          }
          expect(earliestOf(agenda)).toBe(model[0]?.dueAt ?? null);
          expect(entryOf(agenda, id)).toEqual(model.find((entry) => entry.id === id));
          expect(agenda.heap.size - agenda.slots.size).toBeLessThanOrEqual(Math.max(agenda.slots.size, 32));
        }
      }),
    );
  });

  it('holds no remains once nothing in it is alive', () => {
    const agenda = strike(put(emptyAgenda<AgendaEntry>(), { id: 'a', dueAt: 1 }), 'a');
    expect(agenda.heap.size).toBe(0);
  });

  it('does not pile up what is replaced again and again', () => {
    let agenda = emptyAgenda<AgendaEntry>();
    for (let at = 0; at < 10_000; at++) agenda = put(agenda, { id: 'a', dueAt: at });
    expect(agenda.heap.size).toBeLessThan(100);
  });

  it('is left as it is by a strike of what is not there', () => {
    const agenda = put(emptyAgenda<AgendaEntry>(), { id: 'a', dueAt: 1 });
    expect(strike(agenda, 'b')).toBe(agenda);
  });
});
