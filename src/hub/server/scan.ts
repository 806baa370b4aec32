/**
 * Looks at JSON before it is parsed: its size, its depth, and the one key that objects cannot have as data.
 *
 * Iterative and linear: `JSON.parse` takes any depth, and what comes after it recurses.
 */
import { headOf } from '../../../machines/policies/text.ts';
import { errorOf } from '../../errors.ts';
import { poisonedKey } from '../../workflow/reading.ts';

export interface JsonBounds {
  /** In bytes of UTF-8. */
  readonly bytes: number;
  readonly depth: number;
}

/** @throws GleitzeitError RESOURCE_EXHAUSTED */
export function refuseTooLarge(text: string, { bytes }: Pick<JsonBounds, 'bytes'>): void {
  // A character has three bytes at most for each unit of its length.
  if (text.length * 3 > bytes && Buffer.byteLength(text) > bytes)
    throw errorOf('RESOURCE_EXHAUSTED', `A message may have ${bytes} bytes, got ${Buffer.byteLength(text)}`, { retryable: false });
}

/** @throws GleitzeitError RESOURCE_EXHAUSTED for too much, INVALID_REQUEST for too deep and for the key */
export function refuseUnfit(text: string, from: number, { bytes, depth }: JsonBounds): void {
  refuseTooLarge(text, { bytes });
  let open = 0;
  for (let at = from; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = stringFrom(text, at);
        break;
      case openList:
      case openMap:
        open++;
        if (open > depth) throw errorOf('INVALID_REQUEST', `A message may be nested ${depth} levels deep, and is deeper.`);
        break;
      case closeList:
      case closeMap:
        open--;
        break;
    }
  }
}

const [quote, backslash, colon, openList, closeList, openMap, closeMap] = [0x22, 0x5c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d];

/** The place of the quote that ends a string; refuses the string where it is the key. */
function stringFrom(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  let hasEscapes = false;
  while (end !== -1 && isEscaped(text, end)) {
    hasEscapes = true;
    end = text.indexOf('"', end + 1);
  }
  // The parser will say what is wrong with it.
  if (end === -1) return text.length;
  // An escape makes it longer, six characters for one at most.
  const length = end - start - 1;
  if (length >= poisonedKey.length && length <= 6 * poisonedKey.length && isKey(text, end)) {
    const raw = text.slice(start + 1, end);
    if (raw === poisonedKey || ((hasEscapes || raw.includes('\\')) && unescaped(raw) === poisonedKey))
      throw errorOf('INVALID_REQUEST', `A message must not have the key "${poisonedKey}": every object answers to it.`);
  }
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++;
  return slashes % 2 === 1;
}

function isKey(text: string, end: number): boolean {
  let next = end + 1;
  while (' \n\r\t'.includes(text[next] ?? '"')) next++;
  return text.charCodeAt(next) === colon;
}

function unescaped(raw: string): string | undefined {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return undefined;
  }
}

/**
 * Makes of JSON what it says, once it has been looked at.
 * @param from - Where in the text it begins.
 * @throws GleitzeitError as {@link refuseUnfit} does; PARSE_ERROR for what is no JSON
 */
export function parseJson(text: string, from: number, bounds: JsonBounds): unknown {
  refuseUnfit(text, from, bounds);
  try {
    return JSON.parse(text.slice(from)) as unknown;
  } catch (thrown) {
    throw errorOf('PARSE_ERROR', `A message has to be JSON: ${thrown instanceof Error ? headOf(thrown.message, 200) : 'it cannot be read'}`);
  }
}
