/**
 * Text in the columns of SQLite, which keeps UTF-8: half of a surrogate pair has no place there, and is read again as something
 * else. Such a text stands as its JSON behind a mark, so that whatever was written is what is read.
 */

/** Begins with what no text of a person begins with; one that does is written as JSON too. */
const mark = '\0json:';

/** Without a quantifier, and so linear: matches only a half without its other half. */
const half = /\p{Surrogate}/u;

export function toColumn(text: string): string {
  return half.test(text) || text.startsWith(mark) ? mark + JSON.stringify(text) : text;
}

/** The text that a column holds; nothing where it holds none that was written here. */
export function fromColumn(stored: unknown): string | undefined {
  if (typeof stored !== 'string') return undefined;
  if (!stored.startsWith(mark)) return stored;
  try {
    const text: unknown = JSON.parse(stored.slice(mark.length));
    return typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}

/** A text that was written without {@link toColumn}, as SQLite gives it back: each half as the three bytes that it was written in. */
export function asSqliteReads(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd\ufffd\ufffd');
}
