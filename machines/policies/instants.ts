/** Instants as text, without a clock or a calendar of the platform. */

const msPerDay = 86_400_000;

/** The longest duration that may be asked for, a thousand years: what comes so much later than any time of day still has four digits for its year. */
export const longestMs = 1_000 * 365 * msPerDay;

const padded = (value: number, digits: number): string => String(value).padStart(digits, '0');

/**
 * The civil date of a day, counted from 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days).
 * Years begin in March there, so that the leap day is their last.
 */
function civil(day: number): { readonly year: number; readonly month: number; readonly date: number } {
  const z = day + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, date: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1 };
}

/** An instant (whole epoch milliseconds, of the years 0 to 9999) in UTC, as `2024-03-31T01:00:00.000Z`. */
export function isoOf(time: number): string {
  const day = Math.floor(time / msPerDay);
  const { year, month, date } = civil(day);
  const ms = time - day * msPerDay;
  const clock = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1_000) % 60].map((part) => padded(part, 2)).join(':');
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(date, 2)}T${clock}.${padded(ms % 1_000, 3)}Z`;
}
