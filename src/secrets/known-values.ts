/**
 * Secret values that are known, to be found wherever they turn up again: inside texts, and in the forms in which other programs
 * write them (`value-forms.ts`).
 *
 * All of them are looked for at once, by their first characters: a few by a regular expression, which skips most of a text, many by
 * a look at every place.
 */

import { formsOf } from './value-forms.ts';

/** Characters that a value has at least that is looked for: shorter ones turn up everywhere by chance. */
export const shortestSought = 6;

/** What an HTTP header says before its secret, as in `Bearer …`. */
const scheme = /^[A-Za-z][\w-]* +(?=\S)/;

/**
 * A text from this length on may have been cut, as parts of long ones are that stand in the details of an error: to 500, or one less
 * where that would part a character.
 */
const mayBeCut = 499;

/** The values by their first characters, the longest first: one may be the beginning of another. */
type ByHead = ReadonlyMap<string, readonly string[]>;

/** What is looked for, ready to be. */
interface Search {
  readonly byHead: ByHead;
  /** The next place from this one on at which a value may begin; -1 where there is none. */
  readonly next: (text: string, from: number) => number;
}

/** More values than that are not looked for by their ends, which takes a look at each of them. */
const mostSoughtByEnd = 2_000;

/** Forms from which on values are only looked for as they are: a list of secrets may be as long as any other. */
const mostForms = 50_000;

/** Beginnings up to which the regular expression is faster. */
const fewHeads = 200;

export class KnownValues {
  private readonly values = new Set<string>();
  private search: Search | undefined;

  get isEmpty(): boolean {
    return this.values.size === 0;
  }

  /** Learns a value that was opened, or found under a secret name. */
  add(value: unknown): void {
    if (typeof value !== 'string' && typeof value !== 'number') return;
    const text = String(value);
    const texts = [text, text.replace(scheme, '')];
    for (const form of this.values.size < mostForms ? texts.flatMap((each) => [...formsOf(each)]) : texts)
      if (form.length >= shortestSought) this.values.add(form);
    this.search = undefined;
  }

  has(text: string): boolean {
    return this.values.has(text);
  }

  /** Replaces every known value in a text; also the beginning of one that a long text ends within, as if it was cut there. */
  replace(text: string, by: (found: string) => string): string {
    if (this.isEmpty || text.length < shortestSought) return text;
    this.search ??= searchFor(this.values);
    const { byHead, next } = this.search;
    const rest = this.restAt(text);
    let replaced = rest === '' ? '' : by(rest);
    let from = rest.length;
    for (let at = next(text, from); at !== -1; ) {
      const found = foundAt(text, at, byHead.get(text.slice(at, at + shortestSought)) ?? []);
      if (found !== undefined) {
        replaced += text.slice(from, at) + by(found);
        from = at + found.length;
      }
      at = next(text, at + (found?.length ?? 1));
    }
    return from === 0 ? text : replaced + text.slice(from);
  }

  /** The end of a value that a long text begins within, as what is kept of the last of an output may. */
  private restAt(text: string): string {
    if (text.length < mayBeCut || this.values.size > mostSoughtByEnd) return '';
    const head = text.slice(0, shortestSought);
    let longest = '';
    for (const value of this.values) {
      for (let at = value.indexOf(head, 1); at !== -1; at = value.indexOf(head, at + 1)) {
        const rest = value.slice(at);
        if (rest.length > longest.length && text.startsWith(rest)) longest = rest;
      }
    }
    return longest;
  }
}

function searchFor(values: Iterable<string>): Search {
  const byHead = new Map<string, string[]>();
  for (const value of [...values].sort((a, b) => b.length - a.length)) {
    const head = value.slice(0, shortestSought);
    const same = byHead.get(head);
    if (same === undefined) byHead.set(head, [value]);
    else same.push(value);
  }
  return { byHead, next: byHead.size <= fewHeads ? byExpression(byHead) : byLooking(byHead) };
}

function byExpression(byHead: ByHead): Search['next'] {
  const heads = new RegExp([...byHead.keys()].map(escaped).join('|'), 'g');
  return (text, from) => {
    heads.lastIndex = from;
    return heads.exec(text)?.index ?? -1;
  };
}

function byLooking(byHead: ByHead): Search['next'] {
  return (text, from) => {
    for (let at = from; at <= text.length - shortestSought; at++) if (byHead.has(text.slice(at, at + shortestSought))) return at;
    return -1;
  };
}

/** A value that begins here, or the beginning of one that was cut off right after it. */
function foundAt(text: string, at: number, among: readonly string[]): string | undefined {
  const whole = among.find((value) => text.startsWith(value, at));
  if (whole !== undefined) return whole;
  const longest = Math.max(0, ...among.map((value) => sharedLength(text, at, value)));
  return longest >= shortestSought && isCutAt(text, at + longest) ? text.slice(at, at + longest) : undefined;
}

function sharedLength(text: string, at: number, value: string): number {
  let length = 0;
  while (length < value.length && at + length < text.length && text[at + length] === value[length]) length++;
  return length;
}

/** Whether a text ends here and may have been cut, or says that something is left out. */
function isCutAt(text: string, at: number): boolean {
  return at === text.length ? text.length >= mayBeCut : text[at] === '…' || text.startsWith('...', at);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
