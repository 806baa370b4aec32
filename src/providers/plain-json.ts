/**
 * Plain JSON, checked and copied in one walk.
 *
 * What a handler returns may be held, changed or shared by it later, or be no JSON at all; what is recorded is a copy that is.
 * Its size is that of its JSON text in UTF-8, escapes not counted.
 */

export interface JsonLimits {
  readonly bytes: number;
  readonly depth: number;
}

/** What one value may measure: far below the depth at which `JSON.stringify` overflows the stack. */
export const jsonLimits: JsonLimits = { bytes: 8 * 1024 * 1024, depth: 1_000 };

export type JsonCopy = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

/** Copies a value, or says why it is no JSON within the limits; `undefined` becomes null, and is left out of objects as JSON does. */
export function copyJson(value: unknown, limits: JsonLimits = jsonLimits): JsonCopy {
  try {
    return { ok: true, value: new JsonCopier(limits).copy(value) };
  } catch (error) {
    if (error instanceof TooLarge) return { ok: false, problem: `is ${sizeOf(value, limits)}, more than the limit of ${megabytes(limits.bytes)}` };
    // A getter or a `toJSON` of the value's own may throw anything.
    return { ok: false, problem: error instanceof NotJson ? error.message : 'throws while it is read' };
  }
}

class NotJson extends Error {}
class TooLarge extends Error {}

class JsonCopier {
  private readonly limits: JsonLimits;
  private readonly above: object[] = [];
  private readonly path: PropertyKey[] = [];
  /** Counted so far. */
  bytes = 0;

  constructor(limits: JsonLimits) {
    this.limits = limits;
  }

  copy(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        this.count(Buffer.byteLength(value) + 2);
        return value;
      case 'number':
        if (!Number.isFinite(value)) throw this.notJson(`the number ${value}`);
        this.count(String(value).length);
        // JSON knows no negative zero: what is recorded must be what is read again.
        return value === 0 ? 0 : value;
      case 'boolean':
        this.count(value ? 4 : 5);
        return value;
      case 'object':
        if (value !== null) return this.copyObject(value);
        break;
      case 'undefined':
        break;
      default:
        throw this.notJson(typeof value === 'bigint' ? `the bigint ${value}` : `a ${typeof value}`);
    }
    this.count(4);
    return null;
  }

  private copyObject(value: object): unknown {
    if (this.above.length >= this.limits.depth) throw this.tooDeep();
    this.above.push(value);
    const copy = this.copyKnown(value);
    this.above.pop();
    return copy;
  }

  private copyKnown(value: object): unknown {
    if (Array.isArray(value)) return this.copyArray(value);
    if (ArrayBuffer.isView(value)) throw this.notJson(`a ${value.constructor.name}`);
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.copy(value.toJSON(String(this.path.at(-1) ?? '')));
    if (value instanceof Map || value instanceof Set || value instanceof Promise || value instanceof ArrayBuffer)
      throw this.notJson(`a ${value.constructor.name}`);
    if (value instanceof Number || value instanceof String || value instanceof Boolean) return this.copy(value.valueOf());
    return this.copyFields(value);
  }

  private copyArray(value: readonly unknown[]): unknown[] {
    // Checked before a sparse array is walked: its length costs its maker nothing.
    this.count(2 + value.length);
    const copy: unknown[] = [];
    for (let i = 0; i < value.length; i++) {
      this.path.push(i);
      copy.push(this.copy(value[i]));
      this.path.pop();
    }
    return copy;
  }

  private copyFields(value: object): object {
    this.count(2);
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const field: unknown = value[key as keyof typeof value];
      if (field === undefined) continue;
      this.count(Buffer.byteLength(key) + 4);
      this.path.push(key);
      const copied = this.copy(field);
      this.path.pop();
      // Assigned, this one name would set the prototype.
      if (key === '__proto__') Object.defineProperty(copy, key, { value: copied, enumerable: true, configurable: true, writable: true });
      else copy[key] = copied;
    }
    return copy;
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > this.limits.bytes) throw new TooLarge();
  }

  private tooDeep(): NotJson {
    const circular = new Set(this.above).size < this.above.length;
    const where = this.where(3);
    return new NotJson(circular ? `is circular, at ${where}` : `is nested deeper than ${this.limits.depth} levels, at ${where}`);
  }

  private notJson(what: string): NotJson {
    return new NotJson(`is not JSON: ${what} at ${this.where(8)}`);
  }

  private where(segments: number): string {
    const named = this.path.slice(0, segments).map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
    const place = named.join('').replace(/^\./, '');
    return place === '' ? 'its top' : `"${place}${this.path.length > segments ? '…' : ''}"`;
  }
}

/** Counts on, to a multiple of the limit: a value that shares its parts can unfold without end. */
function sizeOf(value: unknown, limits: JsonLimits): string {
  const bound = { ...limits, bytes: limits.bytes * 2 };
  const counter = new JsonCopier(bound);
  try {
    counter.copy(value);
    return megabytes(counter.bytes);
  } catch {
    return `over ${megabytes(bound.bytes)}`;
  }
}

function megabytes(bytes: number): string {
  return bytes < 1024 * 1024 ? `${bytes} bytes` : `${(bytes / 1024 / 1024).toFixed(1).replace(/\.0$/, '')} MB`;
}
