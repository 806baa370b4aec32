/** Sizes, numbers and bars as a person reads them. */

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** A number of bytes with the precision that matters: `512 B`, `1.5 MB`. */
export function size(bytes: number): string {
  const power = bytes < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1_000 ** power).toFixed(1)} ${units[power]}`;
}

/** `1 task`, `2 tasks`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** A bar of `width` characters, filled by a share of 0..1. */
export function bar(share: number, width: number): string {
  const filled = Math.max(0, Math.min(width, Math.floor(share * width)));
  return '█'.repeat(filled) + '░'.repeat(width - filled);
}

/** Text cut to a width, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  const signs = [...text];
  return signs.length <= width ? text : `${signs.slice(0, Math.max(0, width - 1)).join('')}…`;
}
