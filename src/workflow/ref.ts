/** References as values: proxies that remember the way to what they refer to, and templates made of them. */
import { errorOf } from '../errors.ts';
import { describeValue } from '../thrown.ts';
import type { Faults, Path } from './faults.ts';
import { workflowDefaults } from './limits.ts';
import { readPlain } from './plain.ts';
import type { OptionalRef, Ref, RefTo } from './ref-types.ts';

interface Reference {
  /** The task, or `input`, `item`, `index`. */
  readonly root: string;
  readonly expression: string;
}

/** By proxy, so that no field of a reference is taken from what it refers to. */
const references = new WeakMap<object, Reference>();

/** Marks a reference inside a text that JavaScript put together, apart from the same text written by hand. */
const mark = '\u0000';
const marked = new RegExp(`${mark}\\$\\{([^${mark}]*)\\}${mark}`, 'g');

/** A reference to a task's result, or to `input`, `item`, `index`. */
export function refTo<T>(root: string): Ref<T> {
  // A proxy has the fields that its type says, whatever they are.
  return makeRef({ root, expression: root }) as Ref<T>;
}

/** What a value refers to, when it is a reference. */
export function referenceOf(value: unknown): Reference | undefined {
  return typeof value === 'object' && value !== null ? references.get(value) : undefined;
}

/**
 * A reference to what may not be there: null where it is not, or where anything on the way to it is not. The text `\${a.b?}` in files.
 *
 * In a longer text nothing stands in its place; as the list of `forEach` it is an empty one.
 *
 * @throws GleitzeitError WORKFLOW_VALIDATION_FAILED for what is no reference
 * @example
 * task('greet', { run: ({ nick }) => `Hello ${nick ?? 'you'}`, params: { nick: optional(input.nick) } });
 */
export function optional<T>(ref: RefTo<T>): OptionalRef<Exclude<T, undefined>> {
  const reference = referenceOf(ref);
  if (reference === undefined) throw errorOf('WORKFLOW_VALIDATION_FAILED', `optional() needs a reference, got ${describeValue(ref)}`);
  // A proxy is what its type says.
  return makeRef({ ...reference, expression: `${reference.expression.replace(/\?$/, '')}?` }) as OptionalRef<Exclude<T, undefined>>;
}

function makeRef(reference: Reference): object {
  const ref = new Proxy(Object.freeze(Object.create(null) as object), {
    get: (_, key) => {
      if (key === Symbol.toPrimitive) return (hint: string) => textOf(reference, hint);
      return typeof key === 'symbol' ? undefined : makeRef({ ...reference, expression: reference.expression + stepTo(key) });
    },
  });
  references.set(ref, reference);
  return ref;
}

function textOf({ expression }: Reference, hint: string): string {
  if (hint !== 'number') return `${mark}\${${expression}}${mark}`;
  throw errorOf(
    'WORKFLOW_VALIDATION_FAILED',
    `"\${${expression}}" refers to a value that is not there yet: compute with it in a function task, not while the workflow is defined`,
  );
}

function stepTo(key: string): string {
  if (/^(?:0|[1-9]\d*)$/.test(key)) return `[${key}]`;
  if (/^[^\s.[\]"'{}$\\?]+$/.test(key) && !key.includes(mark)) return `.${key}`;
  return `["${key.replaceAll(mark, '').replaceAll(/["\\]/g, '\\$&')}"]`;
}

/** A value with references in it as a template: references become `${...}`, and what looks like one in a text stays text. */
export function templateOf(value: unknown, path: Path, faults: Faults): unknown {
  const replace = (found: unknown): unknown => {
    const reference = referenceOf(found);
    if (reference) return `\${${reference.expression}}`;
    return typeof found === 'string' ? templateText(found, path, faults) : found;
  };
  const { value: template, faults: found } = readPlain(value, workflowDefaults.bounds, replace);
  faults.addAll(found.map((fault) => ({ ...fault, path: [...path, ...fault.path] })));
  return template;
}

function templateText(text: string, path: Path, faults: Faults): string {
  let template = '';
  let from = 0;
  for (const { 0: whole, 1: expression = '', index } of text.matchAll(marked)) {
    const before = text.slice(from, index);
    if (before.endsWith('$'))
      faults.add(path, 'dollar', `has a "$" right before a reference, which no template can say: ${describeValue(text.replaceAll(mark, ''))}`);
    template += `${literal(before)}\${${expression}}`;
    from = index + whole.length;
  }
  return template + literal(text.slice(from));
}

/** A text that stays what it is when references are replaced. */
export function literal(text: string): string {
  return text.replaceAll('${', () => '$${');
}
