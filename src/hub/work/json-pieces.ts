/** Writes JSON in pieces, so that nobody waits while a large value becomes text, and nothing of it is held twice. */

import type { Work } from '../../work.ts';

/** How long a piece is at least, but for the last one, in characters. */
const pieceLength = 2 ** 15;

/** What it begins with, and what else of it is to be written, if anything. */
type Entry = readonly [text: string] | readonly [text: string, value: unknown];

/** What of a list or a map is still to be written. */
interface Open {
  readonly entries: Iterator<Entry>;
  readonly end: ']' | '}';
  isFirst: boolean;
}

/**
 * The text of a plain value, made in steps.
 * @throws RangeError for more bytes than there may be, as soon as that is known
 */
export function* jsonText(value: unknown, maxBytes: number): Work<string> {
  const pieces: string[] = [];
  let bytes = 0;
  for (const piece of jsonPieces(value)) {
    bytes += Buffer.byteLength(piece);
    if (bytes > maxBytes) throw new RangeError(`It is longer than ${maxBytes} bytes.`);
    pieces.push(piece);
    yield;
  }
  return pieces.join('');
}

/** The pieces of what `JSON.stringify` makes of a plain value. */
export function* jsonPieces(value: unknown): Generator<string> {
  const open: Open[] = [];
  let text = '';
  const begin = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) text += JSON.stringify(each) ?? 'null';
    else if (Array.isArray(each)) {
      text += '[';
      open.push({ entries: elementsOf(each), end: ']', isFirst: true });
    } else {
      text += '{';
      open.push({ entries: fieldsOf(each), end: '}', isFirst: true });
    }
  };
  begin(value);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const { done, value: entry } = top.entries.next();
    if (done === true) {
      text += top.end;
      open.pop();
    } else {
      text += `${top.isFirst ? '' : ','}${entry[0]}`;
      top.isFirst = false;
      if (entry.length === 2) begin(entry[1]);
    }
    if (text.length >= pieceLength) {
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

/** How many short elements are written in one go, which takes a tenth of the time. */
const runLength = 256;

function* elementsOf(list: readonly unknown[]): Generator<Entry> {
  for (let at = 0; at < list.length; ) {
    let end = at;
    while (end < list.length && end - at < runLength && isShort(list[end])) end++;
    if (end > at) yield [JSON.stringify(list.slice(at, end)).slice(1, -1)];
    else yield ['', list[end++]];
    at = end;
  }
}

/** Whether it is text in no time. */
function isShort(value: unknown): boolean {
  return value === null || typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && value.length < 64);
}

function* fieldsOf(map: object): Generator<Entry> {
  for (const [name, value] of Object.entries(map)) if (value !== undefined) yield [`${JSON.stringify(name)}:`, value];
}
