/** What adapters around a system may use of it: the hub, and nobody outside this package. */
import { errorOf } from '../errors.ts';
import { describeValue } from '../thrown.ts';
import type { Booted } from './boot.ts';

/** A running system, from the side that its users do not see. */
export type SystemPort = Pick<Booted, 'core' | 'journal' | 'opened' | 'attempts' | 'providers' | 'log' | 'runs' | 'secrets' | 'damage'>;

const ports = new WeakMap<object, () => SystemPort>();

/** Opens the port of a system: what `live` answers, or throws, is what {@link portOf} does. */
export function openPort(system: object, live: () => SystemPort): void {
  ports.set(system, live);
}

/**
 * The port of a system, as that is now.
 * @throws GleitzeitError as the system does while it does not run; INVALID_REQUEST for what is no system of this process
 */
export function portOf(system: object): SystemPort {
  const live = ports.get(system);
  if (live === undefined) throw errorOf('INVALID_REQUEST', `A system is what createSystem() returns, got ${describeValue(system)}`);
  return live();
}
