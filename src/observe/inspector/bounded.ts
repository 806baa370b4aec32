/**
 * Any value as JSON of a bounded size: a glance at it, for people.
 *
 * A context may hold 100,000 tasks in a persistent map and an event an 8 MB result. What is read of a value here depends on
 * the bounds, never on the value; only the names of a plain object's fields cannot be read one by one, so those of a large
 * one are remembered.
 */
import { isCollection, isKeyed, isRecord } from 'immutable';

import { headOf } from '../../../machines/policies/text.ts';

export interface Bounds {
  /** Levels of nesting. */
  readonly depth: number;
  /** Entries shown of each collection, array or object. */
  readonly entries: number;
  /** Characters shown of each string. */
  readonly text: number;
  /** Characters of the whole, roughly. */
  readonly total: number;
}

export const glance: Bounds = { depth: 8, entries: 50, text: 2_000, total: 24_000 };

/** What a value costs beside its text: quotes, commas, brackets. */
const overhead = 4;
const more = '…';

/** Reduces a value; what was left out is told in its place. Never throws, and never calls a `toJSON`. */
export function bounded(value: unknown, bounds: Bounds = glance): unknown {
  try {
    return new Reduction(bounds).reduce(value, bounds.depth);
  } catch {
    // A getter or a proxy may throw anything.
    return '[unreadable]';
  }
}

/** The first entries of something, and how many there are in all. */
interface Portion {
  readonly isList: boolean;
  readonly entries: readonly (readonly [name: string, value: unknown])[];
  readonly size: number;
}

class Reduction {
  private readonly bounds: Bounds;
  private left: number;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
    this.left = bounds.total;
  }

  reduce(value: unknown, depth: number): unknown {
    this.left -= overhead;
    switch (typeof value) {
      case 'string':
        return this.text(value);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'boolean':
      case 'undefined':
        return value;
      case 'object':
        return value === null ? null : this.object(value, depth);
      default:
        return typeof value === 'function' ? `[function ${value.name}]` : this.text(String(value));
    }
  }

  private text(value: string): string {
    const shown = Math.max(0, Math.min(this.bounds.text, this.left));
    this.left -= Math.min(value.length, shown);
    return value.length <= shown ? value : `${headOf(value, shown)}${more} (${value.length} characters)`;
  }

  private object(value: object, depth: number): unknown {
    if (value instanceof Date) return String(value);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    const portion = portionOf(value, this.bounds.entries);
    if (portion.size > 0 && (depth <= 0 || this.left <= 0)) return `[${portion.size} ${portion.isList ? 'elements' : 'fields'}]`;
    return portion.isList ? this.list(portion, depth) : this.fields(portion, depth);
  }

  private list({ entries, size }: Portion, depth: number): unknown[] {
    const list = entries.map(([, value], index) => this.within(entries.length - index, () => this.reduce(value, depth - 1)));
    if (size > entries.length) list.push(`${more} ${size - entries.length} more`);
    return list;
  }

  private fields({ entries, size }: Portion, depth: number): object {
    // Without a prototype: any name is a name like others.
    const fields: Record<string, unknown> = Object.create(null);
    for (const [index, [name, value]] of entries.entries()) {
      this.within(entries.length - index, () => {
        fields[this.text(name)] = this.reduce(value, depth - 1);
      });
    }
    if (size > entries.length) fields[more] = `${size - entries.length} more`;
    return fields;
  }

  /** Gives a part its even share of what is left, so that a large one does not hide those after it; what it does not use remains. */
  private within<Result>(parts: number, reduce: () => Result): Result {
    const all = this.left;
    const share = Math.floor(all / parts);
    this.left = share;
    const result = reduce();
    this.left = all - share + this.left;
    return result;
  }
}

function portionOf(value: object, limit: number): Portion {
  if (Array.isArray(value)) return { isList: true, entries: value.slice(0, limit).map((item) => ['', item]), size: value.length };
  if (isRecord(value)) return keyed(value.toSeq().entries(), limit, value.toSeq().size ?? 0);
  if (isCollection(value)) {
    // Every collection has a size, a lazy one only perhaps; the type of their common base leaves it out.
    const { size = limit } = value as { readonly size?: number };
    return isKeyed(value) ? keyed(value.entries(), limit, size) : listed(value.values(), limit, size);
  }
  if (value instanceof Map) return keyed(value.entries(), limit, value.size);
  if (value instanceof Set) return listed(value.values(), limit, value.size);
  if (value instanceof Error) return portionOf({ ...value, name: value.name, message: value.message }, limit);
  const { names, size } = namesOf(value, limit);
  return { isList: false, entries: names.map((name) => [name, value[name as keyof typeof value]]), size };
}

function keyed(entries: Iterable<readonly [unknown, unknown]>, limit: number, size: number): Portion {
  return { isList: false, entries: first(entries, limit).map(([key, value]) => [nameOf(key), value]), size };
}

function listed(values: Iterable<unknown>, limit: number, size: number): Portion {
  return { isList: true, entries: first(values, limit).map((value) => ['', value]), size };
}

function nameOf(key: unknown): string {
  return typeof key === 'object' && key !== null ? '[object]' : String(key);
}

function first<Item>(items: Iterable<Item>, limit: number): Item[] {
  const taken: Item[] = [];
  if (limit === 0) return taken;
  for (const item of items) {
    taken.push(item);
    if (taken.length === limit) break;
  }
  return taken;
}

interface Names {
  readonly names: readonly string[];
  readonly size: number;
}

const largeNames = new WeakMap<object, Names>();

/** What is large is a value of the model, which never changes in place: its names are read once. */
function namesOf(value: object, limit: number): Names {
  const known = largeNames.get(value);
  if (known !== undefined && known.names.length >= limit) return { ...known, names: known.names.slice(0, limit) };
  const all = Object.keys(value);
  const names = { names: all.slice(0, limit), size: all.length };
  if (all.length > limit) largeNames.set(value, names);
  return names;
}
