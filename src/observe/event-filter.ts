/** What a subscription selects: the seed's filters by severity, component and correlation, and by type. */
import * as z from 'zod';

import { aliases, type EventType, eventTypes, type GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { type Severity, severities } from '../../machines/events/envelope.ts';
import { familyOf } from '../../machines/events/namespace.ts';
import { Complaints } from '../complaints.ts';
import { errorOf } from '../errors.ts';
import { describeValue } from '../thrown.ts';
import { suggestion } from '../workflow/nearest.ts';

/** Events that match everything that is given. */
export interface EventFilter {
  /** At least this severe. */
  readonly minSeverity?: Severity | undefined;
  /** The part of a type before its colon, for example `circuit`. */
  readonly component?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Types, or families as `task:*`; `*` is every type. */
  readonly types?: readonly string[] | undefined;
}

const families: ReadonlySet<string> = new Set(eventTypes.map(familyOf));
const patterns: ReadonlySet<string> = new Set(['*', ...eventTypes, ...Object.keys(aliases), ...[...families].map((family) => `${family}:*`)]);

const shape = z.strictObject(
  {
    minSeverity: z.enum(severities, { error: severities.join(', ') }).optional(),
    component: z.enum([...families], { error: `the part of a type before its colon (${[...families].join(', ')})` }).optional(),
    correlationId: z.string({ error: 'a text' }).optional(),
    types: z.array(z.string({ error: 'a type of event' }), { error: 'a list of types of events' }).optional(),
  },
  { error: 'a map of minSeverity, component, correlationId and types' },
);

/**
 * Makes the test of a filter, so that its parts are looked at once and not for each event.
 * @throws GleitzeitError INVALID_PARAMS for a filter that nothing could ever match
 */
export function matcherOf(given: EventFilter): (event: GleitzeitEvent) => boolean {
  const complaints = new Complaints();
  complaints.addAll(shape.safeParse(given), { of: given, at: '', known: Object.keys(shape.shape) });
  // No event has one, and a hub refuses it.
  if (complaints.none) complaints.addMisfits({ correlationId: given.correlationId });
  const error = complaints.error('A filter of events', 'INVALID_PARAMS');
  if (error !== undefined) throw error;
  const { minSeverity, component, correlationId, types } = given;
  const rank = minSeverity === undefined ? 0 : severities.indexOf(minSeverity);
  const isType = types === undefined ? () => true : typeMatcher(types);
  return (event) =>
    (rank === 0 || severities.indexOf(event.severity) >= rank) &&
    (component === undefined || familyOf(event.type) === component) &&
    (correlationId === undefined || event.correlation.correlationId === correlationId) &&
    isType(event.type);
}

/** @throws GleitzeitError INVALID_PARAMS for a type or family that the catalogue does not have */
export function typeMatcher(wanted: readonly string[]): (type: EventType) => boolean {
  for (const pattern of wanted) {
    if (patterns.has(pattern)) continue;
    const hint = typeof pattern === 'string' ? suggestion(pattern, patterns) : '';
    throw errorOf('INVALID_PARAMS', `There is no type of event ${describeValue(pattern)}.${hint}`);
  }
  const exact = new Set(wanted.map((pattern) => (Object.hasOwn(aliases, pattern) ? aliases[pattern] : pattern)));
  const whole = new Set(wanted.filter((pattern) => pattern.endsWith(':*')).map((pattern) => pattern.slice(0, -2)));
  if (exact.has('*')) return () => true;
  return (type) => exact.has(type) || whole.has(familyOf(type));
}
