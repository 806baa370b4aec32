/**
 * Cuts text between its characters.
 *
 * A character outside the basic plane is two UTF-16 units, a surrogate pair. Half of one is no character: no UTF-8 can be made of
 * it, so that it cannot be written and read back. Whoever shortens a text does it here; `slice` knows nothing of pairs.
 */

/** The beginning of a text, of at most so many UTF-16 units; `mark` is added where something is missing. */
export function headOf(text: string, most: number, mark = ''): string {
  if (text.length <= most) return text;
  return text.slice(0, isInsidePair(text, most) ? most - 1 : most) + mark;
}

/** The end of a text, of at most so many UTF-16 units. */
export function tailOf(text: string, most: number): string {
  if (text.length <= most) return text;
  const from = text.length - most;
  return text.slice(isInsidePair(text, from) ? from + 1 : from);
}

function isInsidePair(text: string, at: number): boolean {
  return at > 0 && isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at));
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
