/**
 * How hard a part of the system is pressed: a score of 0 to 1 from its signals, and the level that follows from it.
 *
 * The score is that of the worst signal, so that a full queue is not hidden by idle workers. What alone must not stop
 * admission weighs no more than what `critical` is left at, so that it neither makes nor keeps it: full workers with work
 * behind them, an old task and an overloaded provider ask for growth or patience; only a queue, a process or an event
 * loop at its limit is critical.
 */
import type { PressureSignals } from '../events/circuit.ts';

export type { PressureSignals } from '../events/circuit.ts';

export type PressureLevel = 'normal' | 'high' | 'critical';

/** Where levels begin and end, as scores; the distance between the two ends of a level keeps it from flapping. */
export interface PressureThresholds {
  readonly enterHigh: number;
  readonly leaveHigh: number;
  readonly enterCritical: number;
  readonly leaveCritical: number;
}

export const pressureThresholds: PressureThresholds = { enterHigh: 0.8, leaveHigh: 0.65, enterCritical: 0.95, leaveCritical: 0.85 };

/** The score that each signal can reach alone. */
export const pressureWeights: PressureSignals = { depth: 1, oldest: 0.85, utilization: 0.85, lag: 1, memory: 1, cpu: 0.85, overload: 0.85 };

export const noPressure: PressureSignals = { depth: 0, oldest: 0, utilization: 0, lag: 0, memory: 0, cpu: 0, overload: 0 };

const signalNames = Object.keys(noPressure) as readonly (keyof PressureSignals)[]; // The keys of a literal are its type's.

/** A value as a share of its limit, 0..1; 0 where there is no limit. */
export function shareOf(value: number, limit: number | null): number {
  if (limit === null || limit <= 0) return 0;
  return Math.min(1, Math.max(0, value / limit));
}

/** The signal that presses most, by weight; the first of equals. */
export function worstSignal(signals: PressureSignals): keyof PressureSignals {
  let worst: keyof PressureSignals = 'depth';
  for (const name of signalNames) if (signals[name] * pressureWeights[name] > signals[worst] * pressureWeights[worst]) worst = name;
  return worst;
}

/** The score of a set of signals, 0..1: that of the worst. */
export function pressureScore(signals: PressureSignals): number {
  const worst = worstSignal(signals);
  return signals[worst] * pressureWeights[worst];
}

/** The level that a score leads to from another level: entered at one threshold, left at a lower one. */
export function levelAfter(level: PressureLevel, score: number, thresholds: PressureThresholds = pressureThresholds): PressureLevel {
  const { enterHigh, leaveHigh, enterCritical, leaveCritical } = thresholds;
  if (score >= enterCritical || (level === 'critical' && score > leaveCritical)) return 'critical';
  if (score >= enterHigh || (level !== 'normal' && score > leaveHigh)) return 'high';
  return 'normal';
}

const ranks: Readonly<Record<PressureLevel, number>> = { normal: 0, high: 1, critical: 2 };

/** Whether one level is less than another. */
export function isRelief(from: PressureLevel, to: PressureLevel): boolean {
  return ranks[to] < ranks[from];
}
