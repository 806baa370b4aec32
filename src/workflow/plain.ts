/**
 * Copies what a caller hands over into plain JSON values of our own: nothing that the caller changes later, and no getter,
 * class or cycle of its making, gets inside.
 */
import { describeValue } from '../thrown.ts';
import type { Fault, Path } from './faults.ts';
import type { ReadingBounds } from './limits.ts';
import { poisonedKey, type Reading, tooDeep, tooMany } from './reading.ts';

interface Copy {
  readonly value: unknown;
  /** Values in it, itself included. */
  readonly size: number;
  /** Lists and maps inside each other. */
  readonly depth: number;
}

/**
 * Copies a value; whatever in it is no JSON is a fault, but fields that are undefined, which JSON leaves out as well.
 *
 * @param replace - Gives what stands in the copy for a value.
 */
export function readPlain(value: unknown, bounds: ReadingBounds, replace: Replace = (found) => found): Reading {
  const copier = new Copier(bounds, replace);
  const copy = copier.copy(value, []);
  const isRefused = copier.faults.some(({ path }) => path.length === 0);
  return { value: isRefused ? undefined : copy.value, faults: copier.faults, locate: () => undefined };
}

type Replace = (found: unknown) => unknown;

const leaf = { size: 1, depth: 0 } as const;

class Copier {
  readonly faults: Fault[] = [];
  readonly #bounds: ReadingBounds;
  readonly #replace: Replace;
  /** What was copied already: a value that stands in many places is copied once. */
  readonly #copies = new Map<object, Copy>();
  readonly #above = new Set<object>();
  #size = 0;

  constructor(bounds: ReadingBounds, replace: Replace) {
    this.#bounds = bounds;
    this.#replace = replace;
  }

  copy(found: unknown, path: Path): Copy {
    const value = this.#replace(found);
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return { value, ...leaf };
    if (typeof value === 'number' && Number.isFinite(value)) return { value, ...leaf };
    if (typeof value !== 'object') return this.#refuse(path, 'not_json', `must be a JSON value, got ${describeValue(value)}`);
    if (this.#above.has(value)) return this.#refuse(path, 'circular', 'refers back to what it stands in');
    const known = this.#copies.get(value);
    if (known && known.depth + path.length <= this.#bounds.maxDepth) return this.#count(known, path);
    if (path.length >= this.#bounds.maxDepth) return this.#refuse(path, 'too_deep', tooDeep(this.#bounds.maxDepth));
    this.#above.add(value);
    const copy = this.#copyInside(value, path);
    this.#above.delete(value);
    this.#copies.set(value, copy);
    return copy;
  }

  #copyInside(value: object, path: Path): Copy {
    try {
      if (Array.isArray(value)) return this.#copyList(value, path);
      const prototype: unknown = Object.getPrototypeOf(value);
      // An object of another realm has a prototype of its own, without one above it.
      const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
      if (!isPlain) return this.#refuse(path, 'not_json', `must be a JSON value, got ${describeInstance(value)}`);
      return this.#copyFields(value, path);
    } catch (error) {
      return this.#refuse(path, 'not_json', `cannot be read: ${error instanceof Error ? error.message : describeValue(error)}`);
    }
  }

  #copyList(list: readonly unknown[], path: Path): Copy {
    if (list.length + this.#size > this.#bounds.maxValues) return this.#refuse(path, 'too_large', tooMany(this.#bounds.maxValues));
    let [size, depth] = [1, 0];
    const value = Array.from(list, (element, index) => {
      const copy = this.copy(element, [...path, index]);
      size += copy.size;
      depth = Math.max(depth, copy.depth);
      return copy.value;
    });
    return this.#count({ value, size, depth: depth + 1 }, path, 1 + value.length);
  }

  #copyFields(fields: object, path: Path): Copy {
    let [size, depth] = [1, 0];
    const value: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(fields)) {
      if (field === undefined) continue;
      if (key === poisonedKey) {
        this.#refuse([...path, key], 'forbidden_name', `must not be a key: every object answers to "${key}"`);
        continue;
      }
      const copy = this.copy(field, [...path, key]);
      size += copy.size;
      depth = Math.max(depth, copy.depth);
      value[key] = copy.value;
    }
    return this.#count({ value, size, depth: depth + 1 }, path, 1 + Object.keys(value).length);
  }

  /** Counts values against the bound: those of a copy that stands here once more, or those just made. */
  #count(copy: Copy, path: Path, made: number = copy.size): Copy {
    this.#size += made;
    return this.#size > this.#bounds.maxValues ? this.#refuse(path, 'too_large', tooMany(this.#bounds.maxValues)) : copy;
  }

  #refuse(path: Path, rule: string, message: string): Copy {
    this.faults.push({ path, rule, message });
    return { value: null, ...leaf };
  }
}

function describeInstance(value: object): string {
  const { name } = value.constructor;
  return name === '' ? 'an object of a nameless class' : `an object of class ${name}`;
}
