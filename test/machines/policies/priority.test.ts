import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { priorities } from '../../../machines/events/definition.ts';
import { goesBefore, type Place, rankOf } from '../../../machines/policies/priority.ts';

const ageingMs = 1_000;
const at = (priority: Place['priority'], since: number, arrival = since): Place => ({ priority, since, arrival });
const places = fc.record({
  priority: fc.constantFrom(...priorities),
  since: fc.integer({ min: 0, max: 10_000 }),
  arrival: fc.integer({ min: 0, max: 99 }),
});

describe('goesBefore', () => {
  it.each<[string, Place, Place]>([
    ['the higher priority, however little it waited', at('urgent', 900), at('high', 0)],
    ['the earlier of equal priority', at('low', 0), at('low', 1)],
    ['the earlier arrival at the same time', at('high', 5, 1), at('high', 5, 2)],
    ['one step lower, but a whole step older', at('normal', 0, 0), at('high', 1_000, 1)],
    ['low before urgent after three steps', at('low', 0), at('urgent', 3_001)],
    ['urgent before low until then', at('urgent', 2_999), at('low', 0)],
  ])('puts first: %s', (_, first, second) => {
    expect(goesBefore(first, second, ageingMs)).toBe(true);
    expect(goesBefore(second, first, ageingMs)).toBe(false);
  });

  it('is a strict order: never both ways, and transitive', () => {
    fc.assert(
      fc.property(places, places, places, (one, two, three) => {
        expect(goesBefore(one, two, ageingMs) && goesBefore(two, one, ageingMs)).toBe(false);
        if (goesBefore(one, two, ageingMs) && goesBefore(two, three, ageingMs)) expect(goesBefore(one, three, ageingMs)).toBe(true);
      }),
    );
  });

  it('starves nobody: whoever comes long enough after goes behind, whatever its priority', () => {
    fc.assert(
      fc.property(places, fc.constantFrom(...priorities), (waiting, priority) => {
        const newcomer = { priority, since: waiting.since + rankOf('urgent') * ageingMs + 1, arrival: waiting.arrival + 1 };
        expect(goesBefore(waiting, newcomer, ageingMs)).toBe(true);
      }),
    );
  });
});
