/**
 * Histograms of durations in seconds, with buckets that are the same for all of them, as Prometheus keeps them.
 */
import type { HistogramData } from '../events/health.ts';

export interface Histogram {
  /** Values by the first bucket that holds them; one more bucket than bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** The upper bounds of the buckets, in seconds, inclusive. */
export const durationBounds: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export const emptyHistogram: Histogram = { counts: [...durationBounds.map(() => 0), 0], sum: 0, count: 0 };

/** The histogram with one more duration, given in milliseconds. */
export function observed({ counts, sum, count }: Histogram, durationMs: number): Histogram {
  const seconds = durationMs / 1_000;
  const bucket = durationBounds.findIndex((bound) => seconds <= bound);
  const index = bucket === -1 ? durationBounds.length : bucket;
  return { counts: counts.with(index, (counts[index] ?? 0) + 1), sum: sum + seconds, count: count + 1 };
}

/** As `metrics:collected` carries it. */
export function histogramData({ counts, sum, count }: Histogram): HistogramData {
  return { bounds: [...durationBounds], counts: [...counts], sum, count };
}
