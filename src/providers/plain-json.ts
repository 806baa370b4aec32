/**
 * Plain JSON of what a handler takes and gives.
 *
 * What a handler returns may be held, changed or shared by it later, or be no JSON at all; what is recorded is a copy that is.
 * Its size is that of its JSON text in UTF-8, escapes not counted.
 */
import { type CopyFault, JsonCopier } from '../json-copy.ts';
import { maxDepth } from '../json-rules.ts';

export interface JsonLimits {
  readonly bytes: number;
  readonly depth: number;
}

/** What one value may measure. */
export const jsonLimits: JsonLimits = { bytes: 8 * 1024 * 1024, depth: maxDepth };

export type JsonCopy = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string };

/** Copies a value, or says why it is no JSON within the limits; `undefined` becomes null, and is left out of objects as JSON does. */
export function copyJson(value: unknown, limits: JsonLimits = jsonLimits): JsonCopy {
  try {
    return { ok: true, value: copierWithin(limits).copy(value) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ok: false, problem: problemOf(error.fault, value, limits) };
  }
}

/** Ends the copy at the first fault; never leaves this file. */
class Refused extends Error {
  readonly fault: CopyFault;

  constructor(fault: CopyFault) {
    super(fault.rule);
    this.fault = fault;
  }
}

function copierWithin(limits: JsonLimits): JsonCopier {
  return new JsonCopier({
    bounds: limits,
    refuse: (fault) => {
      throw new Refused(fault);
    },
  });
}

function problemOf({ rule, path, message, what, advice }: CopyFault, value: unknown, limits: JsonLimits): string {
  if (message !== undefined) return `does not fit: ${placeOf(path, 8)} ${message}`;
  switch (rule) {
    case 'too_large':
      return `is ${sizeOf(value, limits)}, more than the limit of ${megabytes(limits.bytes)}`;
    case 'too_deep':
      return `is nested deeper than ${limits.depth} levels, at ${placeOf(path, 3)}`;
    case 'circular':
      return `is circular, at ${placeOf(path, 8)}`;
    case 'unreadable':
      return `throws while it is read, at ${placeOf(path, 8)}: ${what}`;
    default:
      return `is not JSON: ${what} at ${placeOf(path, 8)}; ${advice}`;
  }
}

function placeOf(path: CopyFault['path'], segments: number): string {
  const named = path.slice(0, segments).map((key) => (typeof key === 'number' ? `[${key}]` : `.${key.toWellFormed()}`));
  const place = named.join('').replace(/^\./, '');
  return place === '' ? 'its top' : `"${place}${path.length > segments ? '…' : ''}"`;
}

/** Counts on, to a multiple of the limit: a value that shares its parts can unfold without end. */
function sizeOf(value: unknown, limits: JsonLimits): string {
  const bound = { ...limits, bytes: limits.bytes * 2 };
  const counter = copierWithin(bound);
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
