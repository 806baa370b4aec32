/** The Socket.IO namespace of each family of events. */
import type { EventType } from './catalogue.ts';

export const namespaces = ['/engine', '/queue', '/pool', '/health'] as const;
/** A namespace of the hub. */
export type Namespace = (typeof namespaces)[number];

const byPrefix: Readonly<Record<string, Namespace>> = {
  engine: '/engine',
  task: '/engine',
  attempt: '/engine',
  workflow: '/engine',
  schedule: '/engine',
  cron: '/engine',
  system: '/engine',
  cleanup: '/engine',
  queue: '/queue',
  pool: '/pool',
  worker: '/pool',
  circuit: '/pool',
  backpressure: '/pool',
  provider: '/pool',
  method: '/pool',
  health: '/health',
  metrics: '/health',
  alert: '/health',
};

/** The part of a type before its colon: the family that users filter by. */
export function familyOf(type: string): string {
  const colon = type.indexOf(':');
  return colon === -1 ? type : type.slice(0, colon);
}

export function namespaceOf(type: EventType): Namespace {
  const namespace = byPrefix[familyOf(type)];
  if (namespace === undefined) throw new Error(`The event type '${type}' belongs to no namespace.`);
  return namespace;
}
