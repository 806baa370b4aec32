/**
 * Secret values that are known, to be found wherever they turn up again: inside texts, and as other programs write them, escaped
 * as in JSON or as in a URL.
 *
 * All of them are looked for at once, by their first characters: a few by a regular expression, which skips most of a text, many by
 * a look at every place.
 */

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
    for (const form of [text, text.replace(scheme, '')].flatMap(formsOf)) if (form.length >= shortestSought) this.values.add(form);
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
    let replaced = '';
    let from = 0;
    for (let at = next(text, 0); at !== -1; ) {
      const found = foundAt(text, at, byHead.get(text.slice(at, at + shortestSought)) ?? []);
      if (found !== undefined) {
        replaced += text.slice(from, at) + by(found);
        from = at + found.length;
      }
      at = next(text, at + (found?.length ?? 1));
    }
    return from === 0 ? text : replaced + text.slice(from);
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

function foundAt(text: string, at: number, among: readonly string[]): string | undefined {
  const whole = among.find((value) => text.startsWith(value, at));
  if (whole !== undefined || text.length - at > (among[0]?.length ?? 0)) return whole;
  if (text.length < mayBeCut && !text.endsWith('…')) return undefined;
  const rest = text.slice(at).replace(/…$/, '');
  return among.some((value) => value.startsWith(rest)) ? rest : undefined;
}

function formsOf(text: string): readonly string[] {
  return [text, JSON.stringify(text).slice(1, -1), ...urlFormOf(text)];
}

function urlFormOf(text: string): readonly string[] {
  try {
    return [encodeURIComponent(text)];
  } catch {
    // Half a character has no such form.
    return [];
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
