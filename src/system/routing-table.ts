/**
 * The routing table: for each event type, whether its owner hears it and which components listen.
 *
 * It is derived from the machines' own configurations, so it cannot say anything else than they do.
 */
import { type EventType, eventTypes, specOf } from '../../machines/events/catalogue.ts';
import { type Component, components } from '../../machines/events/define.ts';
import type { Wiring } from './addressing.ts';

export interface Route {
  /** Components whose machines react to the type, in the order in which they hear it. */
  readonly listeners: readonly Component[];
  /** Components of which the type brings actors into being; these may hear it as well, or not. */
  readonly bears: readonly Component[];
  /** The component that hears facts from this one on. */
  readonly wakes: Component | undefined;
  /** The component that hears no facts after this one. */
  readonly rests: Component | undefined;
  readonly isCommand: boolean;
  readonly isRecorded: boolean;
}

export type RoutingTable = ReadonlyMap<EventType, Route>;

/**
 * Derives the table.
 * @throws Error when a machine listens to a type that the catalogue does not have
 */
export function deriveRoutingTable(wiring: Readonly<Record<Component, Pick<Wiring, 'machine' | 'births' | 'restsBetween'>>>): RoutingTable {
  const known = new Set<string>(eventTypes);
  const listeners = new Map<string, Component[]>();
  for (const [component, { machine }] of Object.entries(wiring) as [Component, Wiring][]) {
    for (const type of machine.events as readonly string[]) {
      if (!known.has(type)) throw new Error(`The ${component} listens to '${type}', which is not in the catalogue.`);
      const of = listeners.get(type);
      if (of === undefined) listeners.set(type, [component]);
      else of.push(component);
    }
  }
  return new Map(
    eventTypes.map((type) => {
      const { kind, recorded } = specOf(type);
      const bears = components.filter((component) => wiring[component].births?.[type] !== undefined);
      const wakes = components.find((component) => wiring[component].restsBetween?.wakes === type);
      const rests = components.find((component) => wiring[component].restsBetween?.rests === type);
      return [type, { listeners: listeners.get(type) ?? [], bears, wakes, rests, isCommand: kind === 'command', isRecorded: recorded }];
    }),
  );
}
