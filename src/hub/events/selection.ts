/**
 * What a subscription selects, as the types that it takes: those of all workflows, and those of some.
 *
 * The severity and the family of an event follow from its type, so that a filter comes to a set of types, and to see whether anybody
 * wants an event takes two look-ups, however many listen.
 */
import { type EventType, eventTypes, type GleitzeitEvent, specOf } from '../../../machines/events/catalogue.ts';
import { type Namespace, namespaceOf } from '../../../machines/events/namespace.ts';
import { type EventFilter, matcherOf } from '../../observe/event-filter.ts';
import type { Work } from '../../work.ts';

export type Types = ReadonlySet<EventType>;

export interface Selection {
  /** Wanted whatever they belong to. */
  readonly general: Types;
  /** Wanted of what belongs together, by its correlation id. */
  readonly particular: ReadonlyMap<string, Types>;
}

/**
 * What of a namespace matches any of some filters.
 * @throws GleitzeitError INVALID_PARAMS for a filter that nothing could ever match
 */
export function* selecting(filters: readonly EventFilter[], namespace: Namespace): Work<Selection> {
  const general = new Set<EventType>();
  const particular = new Map<string, Types>();
  // Many filters differ by the workflow only.
  const known = new Map<string, Types>();
  for (const { correlationId, ...filter } of filters) {
    yield;
    const key = JSON.stringify([filter.types, filter.component, filter.minSeverity]);
    const types = known.get(key) ?? typesOf(filter, namespace);
    known.set(key, types);
    if (correlationId === undefined) for (const type of types) general.add(type);
    else if (types.size > 0) particular.set(correlationId, union(particular.get(correlationId), types));
  }
  return { general, particular };
}

export function selects({ general, particular }: Selection, { type, correlation }: GleitzeitEvent): boolean {
  return general.has(type) || particular.get(correlation.correlationId)?.has(type) === true;
}

function typesOf(filter: EventFilter, namespace: Namespace): Types {
  const matches = matcherOf(filter);
  // Without a correlation id a filter looks at nothing else.
  const eventOf = (type: EventType): GleitzeitEvent => ({ type, severity: specOf(type).severity }) as GleitzeitEvent;
  return new Set(eventTypes.filter((type) => namespaceOf(type) === namespace && matches(eventOf(type))));
}

function union(some: Types | undefined, more: Types): Types {
  return some === undefined || some === more ? more : new Set([...some, ...more]);
}
