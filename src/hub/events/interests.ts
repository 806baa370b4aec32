/** Who wants which events: an index, so that what an event costs is the number of those who want it, never of those who listen. */
import type { EventType, GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Selection, Types } from './selection.ts';

interface Interested {
  readonly selection: Selection;
}

export class Interests<Party extends Interested> {
  private readonly general = new Map<EventType, Set<Party>>();
  private readonly particular = new Map<string, Map<Party, Types>>();

  add(party: Party): void {
    const { general, particular } = party.selection;
    for (const type of general) madeIn(this.general, type, () => new Set<Party>()).add(party);
    for (const [id, types] of particular) madeIn(this.particular, id, () => new Map<Party, Types>()).set(party, types);
  }

  remove(party: Party): void {
    const { general, particular } = party.selection;
    for (const type of general) removeFrom(this.general, type, party);
    for (const id of particular.keys()) removeFrom(this.particular, id, party);
  }

  /** Those who want an event; nothing where nobody does, which is looked at most. */
  of({ type, correlation }: GleitzeitEvent): Iterable<Party> | undefined {
    const general = this.general.get(type);
    const particular = this.particular.get(correlation.correlationId);
    if (particular === undefined) return general;
    const some = [...particular].flatMap(([party, types]) => (types.has(type) && general?.has(party) !== true ? [party] : []));
    if (general === undefined) return some.length === 0 ? undefined : some;
    return [...general, ...some];
  }
}

function madeIn<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}

function removeFrom<Key, Party>(map: Map<Key, { delete(party: Party): boolean; readonly size: number }>, key: Key, party: Party): void {
  const parties = map.get(key);
  parties?.delete(party);
  if (parties?.size === 0) map.delete(key);
}
