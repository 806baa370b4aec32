/** The seed's helpers over lists of events. */
import type { DataOf, EventType, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Severity } from '../../machines/events/envelope.ts';
import { matcherOf } from './event-filter.ts';

/** Events that belong to a workflow or request. */
export function eventsByCorrelationId(events: readonly GleitzeitEvent[], correlationId: string): GleitzeitEvent[] {
  return events.filter(matcherOf({ correlationId }));
}

/** Events at least that severe. */
export function eventsBySeverity(events: readonly GleitzeitEvent[], minSeverity: Severity): GleitzeitEvent[] {
  return events.filter(matcherOf({ minSeverity }));
}

/** Events of a component: the part of their type before the colon. */
export function eventsByComponent(events: readonly GleitzeitEvent[], component: string): GleitzeitEvent[] {
  return events.filter(matcherOf({ component }));
}

/** Events in the order in which they were stated. */
export function timeline(events: readonly GleitzeitEvent[]): GleitzeitEvent[] {
  return [...events].sort((a, b) => a.seq - b.seq);
}

interface Emitter {
  emit<Type extends EventType>(type: Type, data: DataOf<Type>, cause?: GleitzeitEvent): void;
}

/**
 * States a command that follows from an event, correlated with it.
 * @throws GleitzeitError as the system's `emit` does
 */
export function emitCorrelated<Type extends EventType>(
  system: Emitter,
  command: { readonly type: Type; readonly data: DataOf<Type> },
  original: GleitzeitEvent,
): void {
  system.emit(command.type, command.data, original);
}
