/**
 * Copies values into JSON of our own, checked in one walk: nothing that its author changes later, and no getter, class or cycle
 * of theirs, gets inside.
 *
 * What each value is in JSON says `json-form.ts`, and what no value may hold `json-rules.ts`. `undefined` is left out of objects and is null elsewhere, as JSON has it, and so
 * are the holes of a list.
 */
import { formOf, type JsonForm, type NoJson, refusalOf } from './json-form.ts';
import { type Misfit, misfitOfKey, misfitOfNumber, misfitOfText } from './json-rules.ts';
import { describeValue, readField } from './thrown.ts';

/** How much is copied at most; each is no limit where it is not given. */
export interface CopyBounds {
  /** Lists and objects inside each other. */
  readonly depth: number;
  /** Of the JSON text in UTF-8, escapes not counted. */
  readonly bytes?: number;
  /** Values in all; what stands in several places counts in each. */
  readonly values?: number;
}

export interface CopyFault {
  readonly path: readonly (string | number)[];
  readonly rule: 'not_json' | 'unreadable' | 'circular' | 'too_large' | Misfit['rule'];
  /** What no value may hold: read after its place. */
  readonly message?: string;
  /** `not_json`: what is there. `unreadable`: what was thrown. */
  readonly what?: string;
  /** What its author can do. */
  readonly advice?: string;
}

export interface CopyOptions {
  readonly bounds: CopyBounds;
  /** Called with each fault; the copy goes on, with null in its place, unless this throws. */
  readonly refuse: (fault: CopyFault) => void;
  /** Gives what stands in the copy for a value. */
  readonly replace?: (found: unknown) => unknown;
  /** Whether what stands in several places is copied once, and stands in as many places of the copy. @defaultValue `false` */
  readonly shares?: boolean;
}

/** What is known of an object that was copied. */
interface Copied {
  readonly copy: unknown;
  readonly bytes: number;
  readonly values: number;
  /** Lists and objects inside each other, itself included. */
  readonly depth: number;
}

export class JsonCopier {
  /** Counted so far. */
  bytes = 0;
  values = 0;
  readonly #options: CopyOptions;
  readonly #above = new Set<object>();
  readonly #path: (string | number)[] = [];
  readonly #known = new Map<object, Copied>();
  /** The deepest that the walk has been below what is being copied. */
  #deepest = 0;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  /** The copy; null for `undefined`, and for what was refused. */
  copy(value: unknown): unknown {
    const copied = this.#copyValue(value);
    if (copied === undefined) this.#count(nullBytes, 1);
    return copied ?? null;
  }

  /** Gives undefined for undefined: whether it is left out is up to where it stands. */
  #copyValue(found: unknown): unknown {
    const { replace } = this.#options;
    const value = replace === undefined ? found : replace(found);
    if (typeof value === 'object' && value !== null) return this.#copyObject(value);
    if (value === undefined) return undefined;
    const refusal = refusalOf(value);
    if (refusal !== undefined) return this.#refuseForm(refusal);
    const misfit = typeof value === 'string' ? misfitOfText(value) : typeof value === 'number' ? misfitOfNumber(value) : undefined;
    if (misfit !== undefined) return this.#refuse(misfit);
    this.#count(bytesOf(value), 1);
    // JSON knows no negative zero: what is recorded must be what is read again.
    return value === 0 ? 0 : value;
  }

  #copyObject(value: object): unknown {
    const { bounds, shares = false } = this.#options;
    const level = this.#above.size;
    if (this.#above.has(value)) return this.#refuse({ rule: 'circular' });
    const known = this.#known.get(value);
    if (known !== undefined && level + known.depth <= bounds.depth) return this.#copyAgain(known);
    if (level >= bounds.depth) return this.#refuse({ rule: 'too_deep' });
    const before = { bytes: this.bytes, values: this.values, deepest: this.#deepest };
    this.#deepest = level + 1;
    this.#above.add(value);
    const copy = this.#copyForm(value);
    this.#above.delete(value);
    if (shares) this.#known.set(value, { copy, bytes: this.bytes - before.bytes, values: this.values - before.values, depth: this.#deepest - level });
    this.#deepest = Math.max(before.deepest, this.#deepest);
    return copy;
  }

  #copyAgain({ copy, bytes, values, depth }: Copied): unknown {
    this.#deepest = Math.max(this.#deepest, this.#above.size + depth);
    return this.#count(bytes, values) ? copy : null;
  }

  #copyForm(value: object): unknown {
    const form = this.#formOf(value);
    switch (form?.is) {
      case 'value':
        return this.#copyValue(form.value);
      case 'list':
        return this.#copyList(form.list);
      case 'fields':
        return this.#copyFields(value, form.keys);
      case 'nothing':
        return this.#refuseForm(form);
      default:
        return null;
    }
  }

  #copyList(list: readonly unknown[]): unknown {
    const { length } = list;
    // Checked before a sparse list is walked: its length costs its maker nothing.
    if (!this.#count(2 + length, 1, length)) return null;
    const copy: unknown[] = [];
    for (let index = 0; index < length; index++) {
      this.#path.push(index);
      copy.push(this.copy(this.#partOf(list, index)));
      this.#path.pop();
    }
    return copy;
  }

  #copyFields(value: object, keys: readonly string[]): unknown {
    if (!this.#count(2, 1)) return null;
    const copy: Record<string, unknown> = {};
    for (const key of keys) {
      this.#path.push(key);
      const misfit = misfitOfKey(key);
      const copied = misfit === undefined ? this.#copyValue(this.#partOf(value, key)) : this.#refuse(misfit);
      this.#path.pop();
      if (copied === undefined || misfit !== undefined) continue;
      this.#count(Buffer.byteLength(key) + 4, 0);
      copy[key] = copied;
    }
    return copy;
  }

  /** Getters and proxies run here, and may throw anything. */
  #partOf(value: object, key: string | number): unknown {
    try {
      return value[key as keyof typeof value];
    } catch (error) {
      return this.#refuse({ rule: 'unreadable', what: whatIsSaid(error) });
    }
  }

  /** So may a `toJSON`, and every question asked of a proxy. */
  #formOf(value: object): JsonForm | undefined {
    try {
      return formOf(value, String(this.#path.at(-1) ?? ''));
    } catch (error) {
      this.#refuse({ rule: 'unreadable', what: whatIsSaid(error) });
      return undefined;
    }
  }

  /** Counts against the bounds; `coming` values are known to follow. */
  #count(bytes: number, values: number, coming = 0): boolean {
    this.bytes += bytes;
    this.values += values;
    const { bytes: mostBytes = Infinity, values: mostValues = Infinity } = this.#options.bounds;
    if (this.bytes <= mostBytes && this.values + coming <= mostValues) return true;
    this.#refuse({ rule: 'too_large' });
    return false;
  }

  #refuseForm({ what, advice }: NoJson): null {
    return this.#refuse({ rule: 'not_json', what, advice });
  }

  #refuse(fault: Omit<CopyFault, 'path'>): null {
    this.#options.refuse({ ...fault, path: [...this.#path] });
    return null;
  }
}

const nullBytes = 4;

/** In JSON, escapes not counted. */
function bytesOf(value: unknown): number {
  return typeof value === 'string' ? Buffer.byteLength(value) + 2 : String(value).length;
}

function whatIsSaid(error: unknown): string {
  const message = readField(error, 'message');
  return describeValue(typeof message === 'string' ? message : error);
}
