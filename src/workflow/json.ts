/**
 * Reads JSON text, and finds what `JSON.parse` does not say: the place of every value and of a mistake, keys that stand
 * twice, and too much depth. Iterative and linear.
 */
import { headOf } from '../../machines/policies/text.ts';
import { misfitOfKey, misfitOfNumber, misfitOfText, poisonedKey, tooDeep } from '../json-rules.ts';
import { describeValue } from '../thrown.ts';
import type { Fault, Path, Place } from './faults.ts';
import type { ReadingBounds } from './limits.ts';
import { placesIn } from './places.ts';
import type { Reading } from './reading.ts';

export function readJson(text: string, bounds: ReadingBounds): Reading {
  const faults: Fault[] = [];
  const placeOf = placesIn(text);
  let places: Map<string, number> | undefined;
  const locate = (path: Path): Place | undefined => {
    places ??= offsetsIn(text, bounds);
    for (let length = path.length; length >= 0; length -= 1) {
      const offset = places.get(JSON.stringify(path.slice(0, length)));
      if (offset !== undefined) return placeOf(offset);
    }
    return undefined;
  };
  const refuse = ({ offset, ...fault }: JsonFault) => faults.push({ ...fault, place: placeOf(offset) });
  const reader = new JsonReader(text, bounds, { refuse });
  try {
    return { value: reader.read(), faults, locate };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    refuse(error.fault);
    return { value: undefined, faults, locate: () => undefined };
  }
}

function offsetsIn(text: string, bounds: ReadingBounds): Map<string, number> {
  const offsets = new Map<string, number>();
  new JsonReader(text, bounds, { visit: (path, offset) => offsets.set(JSON.stringify(path), offset) }).read();
  return offsets;
}

interface JsonFault extends Fault {
  readonly offset: number;
}

/** Ends the reading of a text; never leaves this file. */
class Unreadable extends Error {
  readonly fault: JsonFault;

  constructor(fault: JsonFault) {
    super(fault.message);
    this.fault = fault;
  }
}

interface Watching {
  readonly refuse?: (fault: JsonFault) => void;
  /** Called for every key and every element of a list, with where it stands. */
  readonly visit?: (path: Path, offset: number) => void;
}

/** A list or map that is being read, and the key or position of the value that comes next. */
type Frame =
  | { readonly list: unknown[]; readonly map?: never; step: number }
  | { readonly list?: never; readonly map: Record<string, unknown>; step: string };

const opened = Symbol('a list or map whose first value comes next');
const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const words: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['null', null],
]);

class JsonReader {
  readonly #text: string;
  readonly #bounds: ReadingBounds;
  readonly #watching: Watching;
  readonly #frames: Frame[] = [];
  #offset = 0;

  constructor(text: string, bounds: ReadingBounds, watching: Watching) {
    this.#text = text;
    this.#bounds = bounds;
    this.#watching = watching;
  }

  read(): unknown {
    // A byte order mark is how some editors begin a text.
    if (this.#text.startsWith('\uFEFF')) this.#offset = 1;
    this.#peek();
    this.#watching.visit?.([], this.#offset);
    for (;;) {
      const value = this.#readValue();
      if (value === opened) continue;
      const whole = this.#put(value);
      if (whole) return whole.value;
    }
  }

  /** Puts a finished value where it belongs, and closes what ends with it; the whole once there is nothing left to close. */
  #put(finished: unknown): { readonly value: unknown } | undefined {
    let value = finished;
    for (;;) {
      const frame = this.#frames.at(-1);
      const next = this.#peek();
      if (!frame) return next === '' ? { value } : this.#fail('expected the end of the text');
      if (frame.list) frame.list.push(value);
      else if (frame.step !== poisonedKey) frame.map[frame.step] = value;
      if (next === ',') {
        this.#offset += 1;
        this.#advance(frame);
        return undefined;
      }
      if (next !== (frame.list ? ']' : '}')) return this.#fail(frame.list ? 'expected "," or "]"' : 'expected "," or "}"');
      this.#offset += 1;
      this.#frames.pop();
      value = frame.list ?? frame.map;
    }
  }

  #advance(frame: Frame): void {
    if (frame.list) {
      frame.step += 1;
      this.#peek();
      this.#watching.visit?.(this.#path(), this.#offset);
    } else this.#readKey(frame);
  }

  #readValue(): unknown {
    const next = this.#peek();
    if (next === '{' || next === '[') return this.#open(next === '[');
    if (next === '"') return this.#readText();
    const word = /[a-z]/.test(next) ? this.#text.slice(this.#offset).match(/^[a-z]{1,5}/)?.[0] : undefined;
    if (word !== undefined && words.has(word)) {
      this.#offset += word.length;
      return words.get(word);
    }
    numberToken.lastIndex = this.#offset;
    const [digits] = numberToken.exec(this.#text) ?? [];
    if (digits === undefined) return this.#fail('expected a value');
    const value = Number(digits);
    this.#refuse(misfitOfNumber(value, digits), this.#offset);
    this.#offset += digits.length;
    // Plus zero: a negative one is written as zero.
    return value + 0;
  }

  #open(isList: boolean): unknown {
    if (this.#frames.length >= this.#bounds.maxDepth) throw this.#unreadable(tooDeep(this.#bounds.maxDepth));
    this.#offset += 1;
    if (this.#peek() === (isList ? ']' : '}')) {
      this.#offset += 1;
      return isList ? [] : {};
    }
    const frame: Frame = isList ? { list: [], step: -1 } : { map: {}, step: '' };
    this.#frames.push(frame);
    this.#advance(frame);
    return opened;
  }

  #readKey(frame: Frame & { readonly map: Record<string, unknown> }): void {
    if (this.#peek() !== '"') this.#fail('expected a key in quotes');
    const offset = this.#offset;
    frame.step = this.#readString();
    this.#refuse(misfitOfKey(frame.step), offset);
    if (Object.hasOwn(frame.map, frame.step))
      this.#refuse({ rule: 'duplicate_key', message: `must not stand twice in one map: ${describeValue(frame.step)}` }, offset);
    this.#watching.visit?.(this.#path(), offset);
    if (this.#peek() !== ':') this.#fail('expected ":"');
    this.#offset += 1;
  }

  #readText(): string {
    const offset = this.#offset;
    const text = this.#readString();
    this.#refuse(misfitOfText(text), offset);
    return text;
  }

  #readString(): string {
    let end = this.#offset + 1;
    while (this.#text[end] !== '"') {
      if (end >= this.#text.length || this.#text.charCodeAt(end) < 0x20) {
        this.#offset = Math.min(end, this.#text.length);
        this.#fail('expected the end of a string in quotes');
      }
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    try {
      const value = JSON.parse(this.#text.slice(this.#offset, end + 1)) as string;
      this.#offset = end + 1;
      return value;
    } catch {
      return this.#fail('expected a string without unknown escapes');
    }
  }

  /** The next character that is no white space; empty at the end. */
  #peek(): string {
    while (' \n\r\t'.includes(this.#text[this.#offset] ?? 'end')) this.#offset += 1;
    return this.#text[this.#offset] ?? '';
  }

  #path(): Path {
    return this.#frames.map(({ step }) => step);
  }

  #refuse(misfit: Pick<Fault, 'rule' | 'message'> | undefined, offset: number): void {
    if (misfit) this.#watching.refuse?.({ path: this.#path(), ...misfit, offset });
  }

  #unreadable(misfit: Pick<Fault, 'rule' | 'message'>): Unreadable {
    return new Unreadable({ path: [], ...misfit, offset: this.#offset });
  }

  #fail(expected: string): never {
    const rest = headOf(this.#text.slice(this.#offset), 20);
    const got = rest === '' ? 'the end of the text' : JSON.stringify(rest);
    throw this.#unreadable({ rule: 'syntax', message: `is not JSON: expected ${expected}, got ${got}` });
  }
}
