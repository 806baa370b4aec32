/**
 * Types of references: what a task will result in, known while the workflow is written, long before there is a value.
 *
 * A reference to a value of a known type has that type's fields, each a reference in turn; a wrong field does not compile.
 * A reference to a value of an unknown type has any field.
 */

import type { Jsonified } from './jsonified.ts';

/** What is known of a value without a type: nothing, so that everything may be asked of it. */
// JSON.parse is the language's own word for that.
export type Loose = ReturnType<typeof JSON.parse>;

declare const referred: unique symbol;
declare const mayFindNothing: unique symbol;

/** A reference to a value of type T. */
export interface RefTo<T> {
  readonly [referred]: T;
}

/** A reference that is null where there is nothing. */
export interface OptionalRef<T> extends RefTo<T | null> {
  readonly [mayFindNothing]: true;
}

/**
 * A reference with the fields, or the elements, of what it refers to. What may be absent has `undefined` in its type, and so has
 * everything in it: such a reference is written `optional(ref)`.
 */
export type Ref<T> = unknown extends T ? Loose : RefTo<T> & Parts<NonNullable<T>, T extends null | undefined ? undefined : never>;

type Parts<T, Absent> = T extends readonly (infer Element)[]
  ? { readonly [index: number]: Ref<Element | Absent> }
  : T extends object
    ? { readonly [Key in keyof T & (string | number)]-?: Ref<T[Key] | Absent> }
    : unknown;

type Plain = string | number | boolean | null | undefined;

/** What may be written where a value of type T is wanted: the value, a reference to one, or a value with references inside. */
export type Templated<T> = unknown extends T ? unknown : RefTo<Exclude<T, undefined>> | Written<T>;

type Written<T> = T extends Plain ? T : T extends object ? { readonly [Key in keyof T]: Templated<T[Key]> } : T;

/** What a template becomes once every reference in it is replaced. */
export type Resolved<T> = 0 extends 1 & T
  ? Loose
  : T extends RefTo<infer Value>
    ? Value
    : T extends Plain
      ? T
      : T extends { toJSON(...args: never[]): unknown }
        ? Jsonified<T>
        : T extends object
          ? { -readonly [Key in keyof T]: Resolved<T[Key]> }
          : T;

/** What stands in the place of a reference to what may be absent: nothing that anybody can write. */
interface WriteOptional {
  readonly 'this may be absent: write optional(…)': never;
}

/** A template as it may be written: without references to what may be absent, unless they are `optional`. */
export type Present<T> = 0 extends 1 & T
  ? T
  : T extends RefTo<infer Value>
    ? undefined extends Value
      ? unknown extends Value
        ? T
        : WriteOptional
      : T
    : T extends Plain | ((...args: never[]) => unknown)
      ? T
      : T extends object
        ? { [Key in keyof T]: Present<T[Key]> }
        : T;
