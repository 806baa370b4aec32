/** Checks that the main job really showed what it is there to show. */
import type { Trace } from 'gleitzeit';

import type { Sightings } from './narration.ts';
import type { Row } from './providers.ts';

export interface Finding {
  readonly what: string;
  readonly isTrue: boolean;
}

interface Evidence {
  readonly seen: Sightings;
  readonly rows: readonly Row[];
  readonly sentences: readonly string[];
  readonly trace: Trace;
}

export function verdictOf({ seen, rows, sentences, trace }: Evidence): readonly Finding[] {
  const { sizes } = seen;
  const largest = Math.max(0, ...sizes);
  const lincoln = rows.find(({ slug }) => slug === 'gettysburg-address');
  const types = new Set<string>(trace.events.map(({ type }) => type));
  return [
    {
      what: `${rows.length} texts measured and found in the catalogue, none lost`,
      isTrue: rows.length === 18 && rows.every(({ author }) => author !== ''),
    },
    { what: `the Gettysburg Address has its ${lincoln?.words} words`, isTrue: lincoln?.words === 271 },
    { what: `${sentences.length} highlights by the workflow written in code`, isTrue: sentences.length === 3 },
    { what: `${seen.retries} retries, ${seen.timeouts} of them after a timeout`, isTrue: seen.retries >= 3 && seen.timeouts >= 1 },
    {
      what: `a circuit that opened (${seen.opened}), half-opened (${seen.halfOpen}) and closed again (${seen.closed})`,
      isTrue: seen.opened >= 1 && seen.halfOpen >= 1 && seen.closed >= 1 && seen.isClosed,
    },
    { what: `a pool that grew and shrank: ${sizes.join(' -> ')} workers`, isTrue: sizes[0] === 1 && largest >= 3 && sizes.at(-1) === 1 },
    {
      what: `a trace of ${trace.events.length} recorded facts, from submit to end`,
      isTrue: ['workflow:submitted', 'task:retry_scheduled', 'task:retry_executed', 'workflow:completed'].every((type) => types.has(type)),
    },
  ];
}
