/**
 * The catalogue: every event there is, and the types that follow from it.
 *
 * Nothing else may be emitted, routed, journalled or subscribed to.
 */
import * as z from 'zod';

import { backpressureEvents, circuitEvents } from './circuit.ts';
import { cronEvents } from './cron.ts';
import type { EventSpec } from './define.ts';
import { engineEvents } from './engine.ts';
import type { Draft, Envelope } from './envelope.ts';
import { alertEvents, healthEvents, metricsEvents } from './health.ts';
import { poolEvents, workerEvents } from './pool.ts';
import { methodEvents, providerEvents } from './provider.ts';
import { queueEvents } from './queue.ts';
import { scheduleEvents } from './schedule.ts';
import { systemEvents } from './system.ts';
import { taskEvents } from './task.ts';
import { workflowEvents } from './workflow.ts';

/** Every event by its type: kind, owners, listeners, severity, whether it is recorded, schema. */
export const catalogue = {
  ...systemEvents,
  ...engineEvents,
  ...workflowEvents,
  ...taskEvents,
  ...queueEvents,
  ...poolEvents,
  ...workerEvents,
  ...providerEvents,
  ...methodEvents,
  ...circuitEvents,
  ...backpressureEvents,
  ...scheduleEvents,
  ...cronEvents,
  ...healthEvents,
  ...metricsEvents,
  ...alertEvents,
} as const;

type Catalogue = typeof catalogue;
/** A type of the catalogue, `{component}:{action}`. */
export type EventType = keyof Catalogue;

/** The payload of an event type. */
export type DataOf<Type extends EventType> = z.infer<Catalogue[Type]['data']>;

/** The stamped event of a type, as machines and observers get it; a union for a union of types. */
export type EventOf<Type extends EventType> = { [T in Type]: Envelope<T, DataOf<T>> }[Type];

/** The event of a type as its owner states it; a union for a union of types. */
export type DraftOf<Type extends EventType> = { [T in Type]: Draft<T, DataOf<T>> }[Type];

/** Any stamped event; its `type` tells its `data`. */
export type GleitzeitEvent = EventOf<EventType>;
export type GleitzeitDraft = DraftOf<EventType>;

/** Types that other names stand for, in subscriptions. */
export const aliases: Readonly<Record<string, EventType>> = { 'dependent:task:ready': 'task:ready' };

/** Whether a text is a type of the catalogue. */
export function isEventType(type: string): type is EventType {
  return Object.hasOwn(catalogue, type);
}

/** The entry of a type, without the detail of its payload. */
export function specOf(type: EventType): EventSpec {
  return catalogue[type];
}

/** Every type, in the order of the catalogue. */
export const eventTypes = Object.keys(catalogue) as readonly EventType[];

/** Every payload as JSON Schema, by event type. */
export function catalogueJsonSchema(): Record<EventType, unknown> {
  return Object.fromEntries(
    eventTypes.map((type) => [type, { description: specOf(type).description, ...z.toJSONSchema(specOf(type).data, { io: 'input' }) }]),
  ) as Record<EventType, unknown>;
}
