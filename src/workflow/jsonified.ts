/** What a value is once it was recorded, as a type: what `src/json-form.ts` makes of the value itself. */
import type { Loose } from './ref-types.ts';

/** An Error inside a value. */
export interface ErrorValue {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

type AnyFunction = (...args: never[]) => unknown;
type NoValue = bigint | symbol | AnyFunction;

/** What is refused, whatever fields and `toJSON` it has. */
type NoJson =
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | WeakMap<WeakKey, unknown>
  | WeakSet<WeakKey>
  | RegExp
  | Promise<unknown>
  | ArrayBuffer
  | SharedArrayBuffer
  | ArrayBufferView;
/** What is refused unless it has a `toJSON`; iterables that are no list as well. */
type NoFields = PromiseLike<unknown> | Iterator<unknown> | AsyncIterable<unknown>;

/**
 * What a value of type T is as JSON: a Date is a text, `undefined` is absent in an object and null in a list, and what is refused
 * is never there.
 */
export type Jsonified<T> = 0 extends 1 & T
  ? Loose
  : unknown extends T
    ? unknown
    : T extends string | number | boolean | null | undefined
      ? T
      : T extends NoValue
        ? never
        : T extends Error
          ? ErrorValue
          : T extends NoJson
            ? never
            : T extends { toJSON(...args: never[]): infer Json }
              ? Jsonified<Json>
              : T extends NoFields
                ? never
                : JsonObject<T>;

type JsonObject<T> = T extends readonly unknown[]
  ? { [Index in keyof T]: OrNull<Jsonified<T[Index]>> }
  : T extends Iterable<unknown>
    ? never
    : T extends object
      ? { [Key in keyof T as Key extends symbol ? never : T[Key] extends AnyFunction ? never : Key]: Jsonified<T[Key]> }
      : T;

type OrNull<T> = undefined extends T ? Exclude<T, undefined> | null : T;

/** What a handler's value is once it was recorded: nothing is null. */
export type JsonResult<T> = 0 extends 1 & T ? Loose : [T] extends [ReturnType<() => void>] ? null : OrNull<Jsonified<T>>;
