/**
 * What a value of JavaScript is in JSON: the one place that says what is taken, what becomes something else, and what is refused.
 *
 * As `JSON.stringify` has it where that keeps what a value says: a `toJSON` is honoured (a Date is a text), a boxed primitive is
 * the primitive, an object is its own enumerable fields. What it would lose in silence (`{}` for a Map, null for an invalid
 * Date) is refused instead, and an Error is kept as its name, message and stack.
 */

import { types } from 'node:util';
import { headOf } from '../machines/policies/text.ts';
import { failureLimits } from './failure-limits.ts';

/** What stands for an object in JSON: another value, a list, fields, or nothing, and then why and what to do about it. */
export type JsonForm =
  | { readonly is: 'value'; readonly value: unknown }
  | { readonly is: 'list'; readonly list: readonly unknown[] }
  | { readonly is: 'fields'; readonly keys: readonly string[] }
  | NoJson;

export interface NoJson {
  readonly is: 'nothing';
  /** What it is: `a Map`. */
  readonly what: string;
  /** What its author can do. */
  readonly advice: string;
}

/** The most that is kept of an Error inside a value, in characters. */
export const keptOfErrors = { message: failureLimits.messageBytes, stack: failureLimits.stackBytes } as const;

/** What a primitive is that JSON does not have; undefined for those that it has. `undefined` itself is up to where it stands. */
export function refusalOf(value: unknown): NoJson | undefined {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? undefined : refused(`the number ${value}`, 'give null or a text for it');
    case 'bigint':
      return refused(`the bigint ${String(value).slice(0, 80)}`, 'convert it to text first');
    case 'symbol':
      return refused('a symbol', 'convert it to text first');
    case 'function':
      return refused('a function', 'call it first, or leave it out');
    default:
      return undefined;
  }
}

/**
 * What an object is in JSON. Asks the object's own getters and methods: they may throw.
 *
 * @param key - Where it stands, as `toJSON` is told.
 */
export function formOf(value: object, key: string): JsonForm {
  if (Array.isArray(value)) return { is: 'list', list: value };
  const isPlain = isPlainObject(value);
  const special = isPlain ? undefined : specialForm(value);
  if (special !== undefined) return special;
  const stated = readToJson(value, key);
  if (stated !== undefined && stated.value !== value) return { is: 'value', value: stated.value };
  if (!isPlain && 'then' in value && typeof value.then === 'function') return refused(named(value), awaitIt);
  if (isIterable(value)) return refused(named(value), convertIt);
  if ('pipe' in value && typeof value.pipe === 'function') return refused(named(value), readIt);
  return fieldsOf(value, isPlain);
}

const convertIt = 'convert it to a list or text first';
const awaitIt = 'await it first';
const readIt = 'read it to a text first';
const encodeIt = 'convert it to text first, for example to base64';

/** Plain is what has the prototype of objects, of this realm or of another, or none. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Those that have a form of their own, or none, whatever fields or `toJSON` somebody gave them. */
function specialForm(value: object): JsonForm | undefined {
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return refused(named(value), encodeIt);
  if (types.isDate(value) && Number.isNaN(value.getTime())) return refused('an invalid Date', 'give null or a text for it');
  if (value instanceof Error || types.isNativeError(value)) return { is: 'value', value: errorForm(value) };
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return { is: 'value', value: value.valueOf() };
  if (types.isPromise(value)) return refused(named(value), awaitIt);
  if (types.isMap(value) || types.isSet(value) || types.isRegExp(value)) return refused(named(value), convertIt);
  return undefined;
}

/** An error says something to people: what it is called, what it says, and where it comes from. */
function errorForm(error: Error): object {
  const text = (field: string, longest: number): string | undefined => {
    const found: unknown = Reflect.get(error, field);
    return typeof found === 'string' ? headOf(found, longest - 1, '…') : undefined;
  };
  const { message, stack } = keptOfErrors;
  return { name: text('name', message) ?? 'Error', message: text('message', message) ?? '', stack: text('stack', stack) };
}

/** What an object says of itself, where it does. */
function readToJson(value: object, key: string): { readonly value: unknown } | undefined {
  return 'toJSON' in value && typeof value.toJSON === 'function' ? { value: value.toJSON(key) } : undefined;
}

function isIterable(value: object): boolean {
  return typeof Reflect.get(value, Symbol.iterator) === 'function' || typeof Reflect.get(value, Symbol.asyncIterator) === 'function';
}

/** An object without a single field that JSON sees may be empty only where there is nothing that it hides. */
function fieldsOf(value: object, isPlain: boolean): JsonForm {
  const keys = Object.keys(value);
  const symbol = Object.getOwnPropertySymbols(value).find((each) => Object.prototype.propertyIsEnumerable.call(value, each));
  if (symbol !== undefined && (isPlain || keys.length > 0))
    return refused(`${named(value)} with the key ${String(symbol).slice(0, 80)}`, 'use texts as keys, or leave it out');
  if (keys.length > 0) return { is: 'fields', keys };
  const hides = !isPlain || types.isProxy(value) || Reflect.ownKeys(value).length > 0 || named(value) !== 'an Object';
  return hides ? refused(`${named(value)} without fields`, 'convert it to a plain object, a list or text first') : { is: 'fields', keys };
}

function named(value: object): string {
  if (types.isProxy(value)) return 'a Proxy';
  const made: unknown = Reflect.get(value, 'constructor');
  const name: unknown = typeof made === 'function' ? made.name : undefined;
  const called = typeof name === 'string' && name !== '' && name !== 'Object' ? name : Object.prototype.toString.call(value).slice(8, -1);
  return `${/^[AEIO]/.test(called) ? 'an' : 'a'} ${called.slice(0, 80)}`;
}

function refused(what: string, advice: string): NoJson {
  return { is: 'nothing', what, advice };
}
