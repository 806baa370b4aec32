/**
 * Types of references: what a task will result in, known while the workflow is written, long before there is a value.
 *
 * A reference to a value of a known type has that type's fields, each a reference in turn; a wrong field does not compile.
 * A reference to a value of an unknown type has any field.
 */

/** What is known of a value without a type: nothing, so that everything may be asked of it. */
// JSON.parse is the language's own word for that.
export type Loose = ReturnType<typeof JSON.parse>;

declare const referred: unique symbol;

/** A reference to a value of type T. */
export interface RefTo<T> {
  readonly [referred]: T;
}

/** A reference with the fields, or the elements, of what it refers to. */
export type Ref<T> = unknown extends T ? Loose : RefTo<T> & Parts<NonNullable<T>>;

type Parts<T> = T extends readonly (infer Element)[]
  ? { readonly [index: number]: Ref<Element> }
  : T extends object
    ? { readonly [Key in keyof T & (string | number)]-?: Ref<Exclude<T[Key], undefined>> }
    : unknown;

type Plain = string | number | boolean | null | undefined;

/** What may be written where a value of type T is wanted: the value, a reference to one, or a value with references inside. */
export type Templated<T> = unknown extends T ? unknown : RefTo<T> | Written<T>;

type Written<T> = T extends Plain ? T : T extends object ? { readonly [Key in keyof T]: Templated<T[Key]> } : T;

/** What a template becomes once every reference in it is replaced. */
export type Resolved<T> = 0 extends 1 & T
  ? Loose
  : T extends RefTo<infer Value>
    ? Value
    : T extends Plain
      ? T
      : T extends object
        ? { -readonly [Key in keyof T]: Resolved<T[Key]> }
        : T;
