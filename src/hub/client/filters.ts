/** Which part of a selection concerns which namespace, and how several become one subscription. Pure. */
import { aliases, eventTypes } from '../../../machines/events/catalogue.ts';
import { familyOf, type Namespace, namespaceOf, namespaces } from '../../../machines/events/namespace.ts';
import type { EventFilter } from '../../observe/event-filter.ts';
import { hubLimitDefaults } from '../protocol/limits.ts';
import type { SubscribeData, WireFilter } from '../protocol/subscriptions.ts';

const byFamily: ReadonlyMap<string, Namespace> = new Map(eventTypes.map((type) => [familyOf(type), namespaceOf(type)]));
/** Types in one filter at most; beyond it whatever the filter does not need is left out here. */
const mostTypes = 200;

/** What a selection asks of a namespace; nothing where no event of it could match. */
export function filterIn(namespace: Namespace, { types, component, correlationId, minSeverity }: EventFilter): WireFilter | undefined {
  if (component !== undefined && byFamily.get(component) !== namespace) return undefined;
  const wanted = types === undefined ? undefined : typesIn(namespace, types);
  if (wanted?.length === 0) return undefined;
  return {
    ...(wanted !== undefined && !wanted.includes('*') && wanted.length <= mostTypes && { types: wanted }),
    ...(component !== undefined && { component }),
    ...(correlationId !== undefined && { correlationId }),
    ...(minSeverity !== undefined && { minSeverity }),
  };
}

/** The namespaces that a selection concerns. */
export function namespacesOf(selection: EventFilter): readonly Namespace[] {
  return namespaces.filter((namespace) => filterIn(namespace, selection) !== undefined);
}

function typesIn(namespace: Namespace, types: readonly string[]): string[] {
  const canonical = types.map((type) => aliases[type] ?? type);
  return [...new Set(canonical.filter((type) => type === '*' || byFamily.get(familyOf(type)) === namespace))].sort();
}

/** Several filters as one subscription for all that any of them selects; one that would be too long selects more. */
export function merged(filters: readonly WireFilter[], most: number = hubLimitDefaults.filters): Omit<SubscribeData, 'fromSeq'> {
  if (filters.length === 0) return { types: [] };
  const distinct = new Map(filters.map((filter) => [JSON.stringify(filter), filter]));
  if (distinct.has('{}')) return {};
  const [first] = distinct.values();
  if (distinct.size === 1 && first !== undefined) return first;
  if (distinct.size <= most) return { anyOf: [...distinct.values()] };
  const wider = filters.map(({ correlationId: _, ...rest }) => rest);
  return filters.some(({ correlationId }) => correlationId !== undefined) ? merged(wider, most) : {};
}
