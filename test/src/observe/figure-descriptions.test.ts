import { expect, it } from 'vitest';

import type { EventOf } from '../../../machines/events/catalogue.ts';
import { type CountedType, countedTypes, noFigures, recorded } from '../../../machines/policies/figures.ts';
import { figureDescriptions } from '../../../src/observe/figure-descriptions.ts';
import { countedEvents } from '../../machines/counted-events.ts';
import { eventOf } from '../../machines/harness.ts';

it('Every figure is described, and nothing else', () => {
  const names = countedTypes.flatMap((type) => {
    const { counters, gauges, histograms } = recorded(noFigures, eventOf(type, countedEvents[type] as never) as EventOf<CountedType>);
    return [...counters.keys(), ...gauges.keys(), ...histograms.keys()].map((key) => key.replace(/\{.*/, ''));
  });
  expect([...new Set(names)].sort()).toEqual(Object.keys(figureDescriptions).sort());
});
