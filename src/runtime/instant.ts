/** A point in time as callers may give it. */
import * as z from 'zod';

/** Epoch milliseconds, a Date, or ISO 8601 text with its offset: `2025-03-30T02:30:00+01:00`. */
export type Instant = number | Date | string;

const rule = 'a time: epoch milliseconds, a Date, or ISO 8601 text with its offset';
/** Years that have four digits: what ISO 8601 writes without agreement between the parties. */
const latest = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const isoText = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})$/;

function msOf(value: unknown): number {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number.NaN;
  if (value instanceof Date) return value.getTime();
  return typeof value === 'string' && isoText.test(value) ? Date.parse(value) : Number.NaN;
}

export const instant = z.custom<Instant>((value) => msOf(value) >= 0 && msOf(value) <= latest, { error: rule });

/** The epoch milliseconds of an instant that was checked. */
export function epochOf(value: Instant): number {
  return msOf(value);
}
