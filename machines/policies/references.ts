/**
 * References: `${task.path}` inside JSON values, how they are found and read; `resolution.ts` replaces them.
 *
 * Everything here is linear in the text and iterative in the value.
 */
import { isRecord, type JsonPath } from './json.ts';

/** A piece of a text: literal, or the inside of a `${...}`. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  /** `expression` is trimmed; `at` is where its `${` stands. */
  | { readonly kind: 'reference'; readonly expression: string; readonly at: number }
  /** A `${` without its end: everything from there on, to be taken literally. */
  | { readonly kind: 'unclosed'; readonly text: string; readonly at: number };

/** An expression, read: the name that it starts with, and the way from there. */
export type SplitExpression = {
  readonly name: string;
  readonly path: JsonPath;
  /** Whether it ends in `?`: where there is nothing at the end of the way, it is null. */
  readonly optional?: true;
  /** What of the path could not be read. */
  readonly fault?: string;
};

/** A reference, read, with the text that it was written as. */
export type Reference = { readonly text: string; readonly root: string; readonly path: JsonPath };

/** Where in a value a reference stands. */
export type FoundReference = {
  readonly expression: string;
  readonly at: JsonPath;
  /** Whether it is the whole string, so that its value keeps its type. */
  readonly whole: boolean;
  /** Whether its `${` has no end: then it is no reference, and most probably a slip. */
  readonly unclosed: boolean;
};

/** Names are looked for in this many leading characters of an expression; no task id or name may be longer. */
export const longestName = 1_024;

/** Splits a text into literal pieces, with `$${` read as `${`, and references. */
export function scanTemplate(text: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let literal = '';
  let from = 0;
  const flush = () => {
    if (literal !== '') parts.push({ kind: 'text', text: literal });
    literal = '';
  };
  for (;;) {
    const at = text.indexOf('${', from);
    if (at === -1) break;
    if (at > from && text[at - 1] === '$') {
      literal += `${text.slice(from, at - 1)}\${`;
      from = at + 2;
      continue;
    }
    literal += text.slice(from, at);
    flush();
    const end = endOfExpression(text, at + 2);
    if (end === -1) return [...parts, { kind: 'unclosed', text: text.slice(at), at }];
    parts.push({ kind: 'reference', expression: text.slice(at + 2, end).trim(), at });
    from = end + 1;
  }
  literal += text.slice(from);
  flush();
  return parts;
}

/** Finds the `}` that ends an expression; one inside `["..."]` does not. */
function endOfExpression(text: string, start: number): number {
  let quote = '';
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (quote !== '') {
      if (char === '\\') i++;
      else if (char === quote) quote = '';
    } else if (char === '}') return i;
    else if ((char === '"' || char === "'") && text[i - 1] === '[') quote = char;
  }
  return -1;
}

/** Lists every reference in a JSON value, in the order in which they stand there. */
export function referencesIn(value: unknown): readonly FoundReference[] {
  type Place = { readonly value: unknown; readonly up?: Place; readonly key?: string | number };
  const found: FoundReference[] = [];
  const todo: Place[] = [{ value }];
  for (let place = todo.pop(); place !== undefined; place = todo.pop()) {
    if (typeof place.value === 'string') {
      if (!place.value.includes('${')) continue;
      const parts = scanTemplate(place.value);
      for (const part of parts) {
        if (part.kind === 'text') continue;
        const at: (string | number)[] = [];
        for (let step: Place | undefined = place; step?.key !== undefined; step = step.up) at.push(step.key);
        const unclosed = part.kind === 'unclosed';
        found.push({ expression: unclosed ? part.text : part.expression, at: at.reverse(), whole: parts.length === 1 && !unclosed, unclosed });
      }
    } else if (Array.isArray(place.value)) {
      for (let i = place.value.length - 1; i >= 0; i--) todo.push({ value: place.value[i], up: place, key: i });
    } else if (isRecord(place.value)) {
      for (const [key, child] of Object.entries(place.value).reverse()) todo.push({ value: child, up: place, key });
    }
  }
  return found;
}

/**
 * Reads an expression: the longest known name that it starts with, then `.field`, `[n]` and `["any field"]`, and a `?` at its end
 * where it may refer to nothing. A field with a `?` in its name is written `["ok?"]`.
 *
 * Gives undefined where no known name stands at its start.
 */
export function splitExpression(expression: string, isKnownName: (name: string) => boolean): SplitExpression | undefined {
  for (let end = Math.min(expression.length, longestName); end > 0; end--) {
    const next = expression[end];
    if (next !== undefined && next !== '.' && next !== '[' && !isMark(expression, end)) continue;
    const name = expression.slice(0, end).trim();
    if (isKnownName(name)) return { name, ...readPath(expression, end) };
  }
  return undefined;
}

/** Reads a reference as {@link splitExpression} does, and keeps its text. */
export function readReference(expression: string, isKnownName: (name: string) => boolean): Reference | undefined {
  const split = splitExpression(expression, isKnownName);
  return split && split.fault === undefined ? { text: `\${${expression}}`, root: split.name, path: split.path } : undefined;
}

/** The part of an expression that stands where a name is expected: what to show, and to compare, when no name is known. */
export function leadingName(expression: string): string {
  const end = expression.search(/[.[]|\?$/);
  return (end === -1 ? expression : expression.slice(0, end)).trim();
}

/** Whether the `?` that makes a reference optional stands here. */
function isMark(text: string, at: number): boolean {
  return text[at] === '?' && at === text.length - 1;
}

function readPath(text: string, start: number): Omit<SplitExpression, 'name'> {
  const path: (string | number)[] = [];
  let i = start;
  while (i < text.length) {
    if (isMark(text, i)) return { path, optional: true };
    const step = text[i] === '.' ? readField(text, i + 1) : readBracket(text, i);
    if (step === undefined) return { path, fault: text.slice(i) };
    path.push(step.key);
    i = step.end;
  }
  return { path };
}

type Step = { readonly key: string | number; readonly end: number };

function readField(text: string, start: number): Step | undefined {
  let end = start;
  while (end < text.length && text[end] !== '.' && text[end] !== '[' && text[end] !== '?') end++;
  return end === start ? undefined : { key: text.slice(start, end), end };
}

function readBracket(text: string, start: number): Step | undefined {
  const quote = text[start + 1];
  if (text[start] !== '[' || quote === undefined) return undefined;
  if (quote !== '"' && quote !== "'") {
    let end = start + 1;
    while (end < text.length && text[end]! >= '0' && text[end]! <= '9') end++;
    return end === start + 1 || text[end] !== ']' ? undefined : { key: Number(text.slice(start + 1, end)), end: end + 1 };
  }
  let key = '';
  for (let i = start + 2; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === quote) return text[i + 1] === ']' ? { key, end: i + 2 } : undefined;
    key += text[i] ?? '';
  }
  return undefined;
}
