/**
 * Looks at JSON before it is parsed: finds what `JSON.parse` takes in silence and nobody can keep (see `json-rules.ts`).
 *
 * Iterative and linear, and without a copy of what is sound: `JSON.parse` takes any depth, rounds numbers, and leaves no trace of how
 * they were written. Where something is found, the text is walked once more, for its place.
 */
import { type JsonPath, showPath } from '../machines/policies/json.ts';
import { headOf } from '../machines/policies/text.ts';
import { type Misfit, maxDepth, misfitOfNumber, misfitOfText, poisoned, poisonedKey, tooDeep } from './json-rules.ts';

/** What is wrong in a text, and the keys and positions that lead there. */
export interface Unfit extends Misfit {
  readonly path: JsonPath;
  /** The same for people, cut where it is long; empty for the whole. */
  readonly place: string;
}

export interface TextBounds {
  /** Where the JSON begins. @defaultValue `0` */
  readonly from?: number;
  /** @defaultValue `1_000` */
  readonly depth?: number;
}

/** The first thing in a text that no value may hold; undefined where there is none. What is no JSON at all is for the parser to say. */
export function unfitIn(text: string, { from = 0, depth = maxDepth }: TextBounds = {}): Unfit | undefined {
  const found = new Scan(text, depth).run(from);
  if (found === undefined) return undefined;
  const path = pathTo(text, from, found.at);
  return { ...found.misfit, path, place: placeOf(path) };
}

/** How much of a place is told, in characters. */
const shown = 200;

export function placeOf(path: JsonPath): string {
  return headOf(showPath(path), shown, '…');
}

interface Found {
  readonly misfit: Misfit;
  /** Where it stands: the first character of the number, the string or the opening bracket. */
  readonly at: number;
}

const [quote, backslash, colon, comma, minus, zero, nine] = [0x22, 0x5c, 0x3a, 0x2c, 0x2d, 0x30, 0x39];
const [openList, closeList, openMap, closeMap] = [0x5b, 0x5d, 0x7b, 0x7d];
const numberToken = /[-+.\deE]+/y;
const surrogateEscape = /\\u[dD][89a-fA-F]/;
/** A whole number of so many characters is exact. */
const certainlyExact = 15;

class Scan {
  private readonly text: string;
  private readonly depth: number;
  /** Whether any string may hold half a character, as it is or escaped: one look at the whole is far quicker than one at each. */
  private readonly mayBeMalformed: boolean;

  constructor(text: string, depth: number) {
    this.text = text;
    this.depth = depth;
    this.mayBeMalformed = !text.isWellFormed() || surrogateEscape.test(text);
  }

  run(from: number): Found | undefined {
    const { text } = this;
    let open = 0;
    for (let at = from; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit === quote) {
        const end = endOfString(text, at);
        const misfit = this.misfitOfString(at, end);
        if (misfit) return { misfit, at };
        at = end;
      } else if (unit === openList || unit === openMap) {
        open++;
        if (open > this.depth) return { misfit: tooDeep(this.depth), at };
      } else if (unit === closeList || unit === closeMap) open--;
      else if (unit === minus || (unit >= zero && unit <= nine)) {
        const token = tokenAt(text, at);
        const misfit = token.length <= certainlyExact && !/e/i.test(token) ? undefined : misfitOfNumber(Number(token), token);
        if (misfit) return { misfit, at };
        at += token.length - 1;
      }
    }
    return undefined;
  }

  private misfitOfString(start: number, end: number): Misfit | undefined {
    // An escape makes a key longer, six characters for one at most.
    const length = end - start - 1;
    const mayBePoisoned = length >= poisonedKey.length && length <= 6 * poisonedKey.length && isKey(this.text, end);
    if (!mayBePoisoned && !this.mayBeMalformed) return undefined;
    const value = valueOfString(this.text, start, end);
    if (mayBePoisoned && value === poisonedKey) return poisoned;
    return value === undefined || !this.mayBeMalformed ? undefined : misfitOfText(value);
  }
}

function tokenAt(text: string, at: number): string {
  numberToken.lastIndex = at;
  return numberToken.exec(text)?.[0] ?? '';
}

/** The place of the quote that ends a string; the end of the text where there is none, which the parser will tell. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
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

/** Undefined where it is no string of JSON. */
function valueOfString(text: string, start: number, end: number): string | undefined {
  const raw = text.slice(start + 1, end);
  if (!raw.includes('\\')) return raw;
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return undefined;
  }
}

/** The keys and positions on the way to a place, as far as the text is JSON. */
function pathTo(text: string, from: number, place: number): JsonPath {
  const steps: (string | number | undefined)[] = [];
  for (let at = from; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const isPlace = at >= place;
    if (unit === quote) {
      const end = endOfString(text, at);
      // A key is its own place.
      if (typeof steps.at(-1) !== 'number' && steps.length > 0 && isKey(text, end)) steps[steps.length - 1] = valueOfString(text, at, end) ?? '';
      at = end;
    }
    if (isPlace) break;
    if (unit === openList) steps.push(0);
    else if (unit === openMap) steps.push(undefined);
    else if (unit === closeList || unit === closeMap) steps.pop();
    else if (unit === comma) {
      const step = steps.at(-1);
      if (typeof step === 'number') steps[steps.length - 1] = step + 1;
    }
  }
  return steps.filter((step) => step !== undefined);
}
