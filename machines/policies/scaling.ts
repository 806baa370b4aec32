/** How large a pool should be: plain arithmetic over its load and its limits. */
import type { PoolOptions } from '../events/provider.ts';

export interface PoolLoad {
  /** Workers that stay. */
  readonly size: number;
  /** Slots of these workers, and how many of them are taken. */
  readonly slots: number;
  readonly used: number;
  /** Tasks at hand that no worker has taken. */
  readonly waiting: number;
}

type Limits = Pick<PoolOptions, 'min' | 'max'>;

/** Taken slots of all slots, 0..1; where there is no slot, 1 if anything waits. */
export function utilizationOf({ slots, used, waiting }: Omit<PoolLoad, 'size'>): number {
  if (slots === 0) return waiting > 0 ? 1 : 0;
  return Math.min(1, used / slots);
}

/** Whether load asks for more workers, and the limit allows one. */
export function isShort(load: PoolLoad, { max, scaleUpAt }: Pick<PoolOptions, 'max' | 'scaleUpAt'>): boolean {
  return load.size < max && load.waiting > 0 && utilizationOf(load) >= scaleUpAt;
}

/** Whether load can do with fewer workers, and the limit allows it. */
export function isAmple(load: PoolLoad, { min, scaleDownAt }: Pick<PoolOptions, 'min' | 'scaleDownAt'>): boolean {
  return load.size > min && load.waiting === 0 && utilizationOf(load) <= scaleDownAt;
}

/** The nearest size within the limits. */
export function withinLimits(size: number, { min, max }: Limits): number {
  return Math.max(min, Math.min(max, size));
}

/** One step up, within the limits, and not beyond what was asked for. */
export function stepUp(size: number, options: Limits & Pick<PoolOptions, 'scaleUpBy'>, target = Number.POSITIVE_INFINITY): number {
  return withinLimits(Math.max(size, Math.min(size + options.scaleUpBy, target)), options);
}

/** One step down, within the limits, and not below what was asked for. */
export function stepDown(size: number, options: Limits & Pick<PoolOptions, 'scaleDownBy'>, target = 0): number {
  return withinLimits(Math.min(size, Math.max(size - options.scaleDownBy, target)), options);
}
