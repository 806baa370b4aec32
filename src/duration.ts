/**
 * A point in time as a person reads it, in UTC: `2024-03-31T01:00:00.000Z`. A journal may hold a time that no calendar reaches; that
 * must not keep the rest from being shown.
 */
export function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${duration(ms)} after 1970` : date.toISOString();
}

/** A duration as a person reads it, with the precision that matters: `12 ms`, `1.2 s`, `3 min 05 s`, `5 h 07 min`, `12 days`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, '0')} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, '0')} min` : `${Math.floor(hours / 24)} days`;
}
