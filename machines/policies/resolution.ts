/**
 * Replaces references in JSON values by what they refer to.
 *
 * What stands in the place of a reference is data: never scanned for references again, never evaluated. Only a value's own
 * fields are seen. Iterative, so that no depth of a value exhausts the stack.
 */
import { type Failure, failure } from '../failures.ts';
import { copyWith, isRecord, showPath } from './json.ts';
import { leadingName, scanTemplate, splitExpression } from './references.ts';
import { headOf } from './text.ts';

/** What a name stands for: a value, or the reason why it has none (yet). */
export type Root = TaskRoot | { readonly of: 'input' | 'item' | 'index'; readonly value: unknown };
export type TaskRoot = { readonly of: 'task'; readonly value: unknown } | { readonly of: 'task'; readonly absent: string };

/** What references are replaced from; `root` gives undefined for a name that nobody knows. */
export type Scope = {
  readonly root: (name: string) => Root | undefined;
};

/** `isAbsent`: an optional reference found nothing, and is null. */
export type Resolved = { readonly value: unknown; readonly isAbsent?: true } | { readonly fault: Failure };

/** The longest text, in characters, that replacing references inside a string may result in. */
export const longestText = 8 * 1024 * 1024;

const fieldsShown = 20;

/**
 * Replaces every reference in a value. What holds none is given back as it is, not copied.
 *
 * The first reference that cannot be replaced makes a failure TASK_PARAMETER_ERROR of the whole.
 */
export function resolveValue(value: unknown, scope: Scope): Resolved {
  type Frame = { readonly source: object; readonly keys: readonly string[]; at: number; copy?: object };
  const frames: Frame[] = [];
  const place = () => showPath(frames.map(({ source, keys, at }) => (Array.isArray(source) ? Number(keys[at]) : keys[at]!)));
  let done: unknown = value;
  let entering = true;
  for (;;) {
    if (entering && typeof done === 'string') {
      const resolved = resolveText(done, scope);
      if (frames.length === 0) return resolved;
      if ('fault' in resolved) return { fault: placed(resolved.fault, place()) };
      done = resolved.value;
    } else if (entering && typeof done === 'object' && done !== null) {
      const keys = Object.keys(done);
      if (keys.length > 0) {
        frames.push({ source: done, keys, at: 0 });
        done = (done as Record<string, unknown>)[keys[0]!];
        continue;
      }
    }
    const frame = frames.at(-1);
    if (frame === undefined) return { value: done };
    const key = frame.keys[frame.at]!;
    if (done !== (frame.source as Record<string, unknown>)[key]) frame.copy = copyWith(frame.copy, frame.source, [key, done]);
    frame.at++;
    entering = frame.at < frame.keys.length;
    if (entering) done = (frame.source as Record<string, unknown>)[frame.keys[frame.at]!];
    else done = frames.pop()!.copy ?? frame.source;
  }
}

function placed(fault: Failure, place: string): Failure {
  return { ...fault, message: `${place}: ${fault.message}` };
}

function resolveText(text: string, scope: Scope): Resolved {
  if (!text.includes('${')) return { value: text };
  const parts = scanTemplate(text);
  const [only] = parts;
  if (parts.length === 1 && only?.kind === 'reference') return resolveExpression(only.expression, scope);
  const pieces: string[] = [];
  let length = 0;
  for (const part of parts) {
    const resolved = part.kind === 'reference' ? resolveExpression(part.expression, scope) : { value: part.text };
    if ('fault' in resolved) return resolved;
    // Nothing is nothing in a text; a null that is there is a value like others.
    const piece = 'isAbsent' in resolved ? '' : asText(resolved.value);
    length += piece?.length ?? 0;
    if (piece === undefined || length > longestText) {
      return unresolvable(
        `The text around '${shorten(text)}' would be longer than ${longestText} characters, or a value in it is nested too deeply.`,
      );
    }
    pieces.push(piece);
  }
  return { value: pieces.join('') };
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value ?? null);
  try {
    return JSON.stringify(value);
  } catch {
    // It throws for a nesting beyond the call stack; the edge bounds that, a value made by hand may still have it.
    return undefined;
  }
}

/** Gives the value of one expression, without its `${` and `}`. */
export function resolveExpression(expression: string, scope: Scope): Resolved {
  const shown = `\${${shorten(expression)}}`;
  const split = splitExpression(expression, (name) => scope.root(name) !== undefined);
  if (split === undefined) return unresolvable(`'${shown}' refers to '${shorten(leadingName(expression))}', which is no task here, nor 'input'.`);
  if (split.fault !== undefined) return unresolvable(`'${shown}' has a path that cannot be read from '${shorten(split.fault)}' on.`);
  const root = scope.root(split.name)!;
  if ('absent' in root && split.optional) return absent;
  if ('absent' in root) return unresolvable(`'${shown}' refers to task '${split.name}', which has no result: ${root.absent}.`);
  const start = root.of === 'task' && split.path[0] === 'result' && !hasField(root.value, 'result') ? 1 : 0;
  let value = root.value;
  for (let i = start; i < split.path.length; i++) {
    const key = split.path[i]!;
    if (!hasField(value, key)) {
      if (split.optional) return absent;
      const whose = `${root.of === 'task' ? `the result of task '${split.name}'` : `'${split.name}'`}${i > start ? ` at '${showPath(split.path.slice(start, i))}'` : ''}`;
      return unresolvable(`'${shown}' refers to '${shorten(String(key))}', which ${whose} does not have; ${describeFields(value)}.`);
    }
    value = (value as Record<string | number, unknown>)[key];
  }
  return { value: value ?? null };
}

const absent = { value: null, isAbsent: true } as const;

function unresolvable(message: string): { readonly fault: Failure } {
  return { fault: failure('TASK_PARAMETER_ERROR', message) };
}

function hasField(value: unknown, key: string | number): boolean {
  if (Array.isArray(value)) return key !== 'length' && Object.hasOwn(value, key);
  return isRecord(value) && Object.hasOwn(value, key);
}

/** Says what fields a value has, for a person who named another. */
function describeFields(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'it is an empty array' : `it is an array with elements 0 to ${value.length - 1}`;
  if (!isRecord(value)) return `it is ${value === null || value === undefined ? 'null' : `a ${typeof value}`}`;
  const fields = Object.keys(value);
  if (fields.length === 0) return 'it has no fields';
  const more = fields.length > fieldsShown ? ` and ${fields.length - fieldsShown} more` : '';
  return `its fields are ${fields
    .slice(0, fieldsShown)
    .map((field) => `'${shorten(field)}'`)
    .join(', ')}${more}`;
}

function shorten(text: string): string {
  return headOf(text, 99, '…');
}
