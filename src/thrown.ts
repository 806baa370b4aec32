/**
 * Reads values of unknown make without ever throwing: their getters and proxies may throw, they may refer to themselves, and
 * they may be larger than anybody wants to see.
 */
import { headOf } from '../machines/policies/text.ts';
import { formOf } from './json-form.ts';

/** The value of a field, or undefined where there is none or where reading it throws. */
export function readField(value: unknown, field: string): unknown {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined;
  try {
    return Reflect.get(value, field);
  } catch {
    return undefined;
  }
}

const shown = 80;

/** Says in a few words what a value is, for messages: `"text"`, `42`, `a list of 3`, `an object with a, b`. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(headOf(value, shown, '…'));
    case 'bigint':
      return headOf(`${value}n`, shown);
    case 'function':
      return 'a function';
    case 'symbol':
      return 'a symbol';
    case 'object':
      return describeObject(value);
    default:
      return String(value);
  }
}

function describeObject(value: object | null): string {
  if (value === null) return 'null';
  try {
    if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    if (kind !== 'Object') return `a ${kind}`;
    const keys = Object.keys(value);
    if (keys.length === 0) return 'an empty object';
    return headOf(`an object with ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ', …' : ''}`.toWellFormed(), 2 * shown);
  } catch {
    return 'an object that cannot be read';
  }
}

const maxDepth = 6;
const maxEntries = 100;
/** What is read of all texts of a value, in UTF-16 units: it is cut only once its secrets are blotted out. */
const maxText = 4 * 2 ** 20;

/** A text that can be written: half a character becomes U+FFFD. What is too long for anybody to look through is cut. */
export function readableText(text: string, most = maxText): string {
  return headOf(text.toWellFormed(), most, '…');
}

/** A plain copy for the details of a failure; what is no JSON, too deep or too much of it is described instead. */
export function toDetails(value: unknown): unknown {
  return copyOf(value, { above: [], left: { entries: 2_000, text: maxText } });
}

interface Copying {
  readonly above: readonly object[];
  readonly left: { entries: number; text: number };
}

function copyOf(value: unknown, copying: Copying): unknown {
  if (typeof value === 'string') return textOf(value, copying);
  if (value === null || typeof value === 'boolean') return value;
  // Plus zero: JSON knows no negative one.
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0;
  if (typeof value !== 'object') return describeValue(value);
  if (copying.above.includes(value)) return 'a circular reference';
  if (copying.above.length >= maxDepth) return describeValue(value);
  try {
    const inside = { ...copying, above: [...copying.above, value] };
    if (value instanceof Error) return copyOfFields(errorFields(value), inside);
    const form = formOf(value, '');
    if (form.is === 'nothing') return form.what;
    if (form.is === 'value') return copyOf(form.value, inside);
    if (form.is === 'list') return Array.from(form.list.slice(0, maxEntries), (element) => spend(element, inside));
    return copyOfFields(
      form.keys.map((key): [string, unknown] => [key, Reflect.get(value, key)]),
      inside,
    );
  } catch {
    return describeValue(value);
  }
}

function copyOfFields(fields: readonly (readonly [string, unknown])[], copying: Copying): object {
  const told = fields.filter(([, field]) => field !== undefined).slice(0, maxEntries);
  return Object.fromEntries(told.map(([key, field]) => [textOf(key, copying), spend(field, copying)]));
}

function textOf(text: string, { left }: Copying): string {
  const copy = readableText(text, left.text);
  left.text = Math.max(0, left.text - copy.length);
  return copy;
}

/** What an error inside of something else says. */
function errorFields(error: Error): readonly (readonly [string, unknown])[] {
  return ['name', 'message', 'code', 'cause', 'errors', 'stack'].map((field) => [field, readField(error, field)]);
}

function spend(value: unknown, copying: Copying): unknown {
  copying.left.entries -= 1;
  return copying.left.entries < 0 ? '…' : copyOf(value, copying);
}
