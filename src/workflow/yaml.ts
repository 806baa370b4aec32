/**
 * Reads YAML text with a bound on everything that can be made to explode: size, depth, and what aliases write out to.
 *
 * The parser's own check for keys that stand twice is quadratic, and its conversion to values looks up each alias from the
 * start of the document: both are done here, in one linear walk, which refuses as well what JSON does not know.
 */
import {
  type Alias,
  Composer,
  type CST,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Parser,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

import { type Misfit, misfitOfKey, misfitOfNumber, misfitOfText, tooDeep } from '../json-rules.ts';
import { describeValue } from '../thrown.ts';
import type { Fault, Path, Place } from './faults.ts';
import type { ReadingBounds } from './limits.ts';
import { placesIn } from './places.ts';
import { type Reading, tooMany } from './reading.ts';
import { offsetTooDeep } from './yaml-depth.ts';

export function readYaml(text: string, given: ReadingBounds): Reading {
  const bounds = { ...given, maxDepth: Math.min(given.maxDepth, parserDepth) };
  const placeOf = placesIn(text);
  const refused = (rule: string, message: string, place?: Place): Reading => ({
    value: undefined,
    faults: [{ path: [], rule, message, place }],
    locate: () => undefined,
  });
  const tokens = tokensOf(text, bounds.maxDepth);
  const deep = offsetTooDeep(tokens, bounds.maxDepth);
  if (deep !== undefined) return refused('too_deep', tooDeep(bounds.maxDepth).message, placeOf(deep));
  const documents = [...new Composer({ uniqueKeys: false, merge: false, version: '1.2', schema: 'core' }).compose(tokens, true, text.length)];
  const [document, second] = documents;
  if (!document || (document.contents === null && document.errors.length === 0)) return refused('syntax', 'is empty');
  const mistakes = [...document.errors, ...document.warnings].slice(0, maxMistakes);
  if (mistakes.length > 0) {
    const faults = mistakes.map(({ message, pos }) => ({ path: [], rule: 'syntax', message: `is not YAML: ${message}`, place: placeOf(pos[0]) }));
    return { value: undefined, faults, locate: () => undefined };
  }
  if (second) return refused('syntax', 'must be one document, got several', placeOf(second.range[0]));
  const walk = new Walk(bounds, placeOf);
  return { value: walk.valueOf(document.contents as Node | null), faults: walk.faults, locate: (path) => walk.locate(document, path) };
}

const maxMistakes = 100;
/** Lists and maps inside each other in YAML: its parser recurses, and overflows the stack at some 850. */
const parserDepth = 400;

/** Goes on until it is clear that the text is too deep: what it opens the parser has on its stack. */
function tokensOf(text: string, maxDepth: number): readonly CST.Token[] {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > 2 * maxDepth + margin) break;
  }
  return [...tokens, ...parser.end()];
}

/** What else is on the stack: the document, what has been begun. */
const margin = 10;

/** What a node became, and how much that is with its aliases written out. */
interface Value {
  readonly value: unknown;
  readonly size: number;
  readonly depth: number;
}

const leaf = { size: 1, depth: 0 } as const;

interface Entry {
  readonly key: Node;
  readonly value: Node | null;
}

class Walk {
  readonly faults: Fault[] = [];
  readonly #bounds: ReadingBounds;
  readonly #placeOf: (offset: number) => Place;
  /** The latest node of each anchor, with its value once it is complete. */
  readonly #anchors = new Map<string, { readonly node: Node; value?: Value }>();
  readonly #targets = new Map<Alias, Node>();
  readonly #keys = new Map<YAMLMap, ReadonlyMap<string, Entry>>();
  /** Where it is: one for all, copied where there is something to say. */
  readonly #path: (string | number)[] = [];
  #aliased = 0;

  constructor(bounds: ReadingBounds, placeOf: (offset: number) => Place) {
    this.#bounds = bounds;
    this.#placeOf = placeOf;
  }

  valueOf(root: Node | null): unknown {
    const { value, size } = this.#read(root);
    if (size > this.#bounds.maxValues) this.#refuse(null, { rule: 'too_large', message: tooMany(this.#bounds.maxValues) });
    return this.faults.some(({ rule }) => fatal.has(rule)) ? undefined : value;
  }

  /** Where a part stands: its key, or what is closest above it. */
  locate(document: Document, path: Path): Place | undefined {
    let node = document.contents as Node | null | undefined;
    let found = node?.range?.[0];
    for (const step of path) {
      if (isAlias(node)) node = this.#targets.get(node);
      const child: { readonly at?: Node | null; readonly node?: Node | null } = isMap(node)
        ? this.#entry(node, String(step))
        : isSeq(node)
          ? elementOf(node, step)
          : {};
      if (!child.at?.range) break;
      found = child.at.range[0];
      node = child.node;
    }
    return found === undefined ? undefined : this.#placeOf(found);
  }

  #entry(map: YAMLMap, key: string): { readonly at?: Node; readonly node?: Node | null } {
    const entry = this.#keys.get(map)?.get(key);
    return entry ? { at: entry.key, node: entry.value } : {};
  }

  #read(node: Node | null): Value {
    if (node === null) return { value: null, ...leaf };
    if (isAlias(node)) return this.#follow(node);
    const { anchor } = node as { readonly anchor?: string };
    const entry: { readonly node: Node; value?: Value } = { node };
    if (anchor !== undefined) this.#anchors.set(anchor, entry);
    const value = isMap(node) ? this.#readMap(node) : isSeq(node) ? this.#readList(node) : this.#readScalar(node);
    entry.value = value;
    return value;
  }

  #readAt(step: string | number, node: Node | null): Value {
    this.#path.push(step);
    const read = this.#read(node);
    this.#path.pop();
    return read;
  }

  #follow(alias: Alias): Value {
    const target = this.#anchors.get(alias.source);
    if (!target?.value) {
      const why = target ? 'refers back to what it stands in' : 'refers to an anchor that does not stand before it';
      return this.#refuse(alias, { rule: 'alias', message: `${why}: *${alias.source}` });
    }
    this.#targets.set(alias, target.node);
    this.#aliased += target.value.size;
    const { maxAliasValues, maxDepth } = this.#bounds;
    if (this.#aliased > maxAliasValues) {
      const message = `has aliases that write out to more than ${maxAliasValues.toLocaleString('en')} values`;
      return this.#refuse(alias, { rule: 'too_many_aliases', message });
    }
    if (this.#path.length + target.value.depth > maxDepth) return this.#refuse(alias, tooDeep(maxDepth));
    return target.value;
  }

  #readScalar(node: Node): Value {
    const value: unknown = isScalar(node) ? (node.value ?? null) : undefined;
    const misfit = isScalar(node) ? misfitOfScalar(node) : undefined;
    if (misfit) return this.#refuse(node, misfit);
    const isJson = value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
    // Plus zero: JSON knows no negative one.
    return isJson
      ? { value: typeof value === 'number' ? value + 0 : value, ...leaf }
      : this.#refuse(node, { rule: 'not_json', message: `must be a JSON value, got ${describeValue(value)}` });
  }

  #readList(list: YAMLSeq): Value {
    let [size, depth] = [1, 0];
    const value = list.items.map((item, index) => {
      // `- a: 1` inside a flow list is a map of one pair, as YAML has it; the parser makes it one.
      const read = this.#readAt(index, (isPair(item) ? null : item) as Node | null);
      size += read.size;
      depth = Math.max(depth, read.depth);
      return read.value;
    });
    return { value, size, depth: depth + 1 };
  }

  #readMap(map: YAMLMap): Value {
    let [size, depth] = [1, 0];
    const value: Record<string, unknown> = {};
    const merged: Value[] = [];
    const keys = new Map<string, Entry>();
    this.#keys.set(map, keys);
    for (const { key: keyNode, value: node } of map.items as readonly Entry[]) {
      const key = this.#keyOf(keyNode);
      if (key === undefined) continue;
      const read = this.#readAt(key, node);
      size += read.size;
      depth = Math.max(depth, read.depth);
      if (isMergeKey(keyNode)) merged.push(read);
      else if (keys.has(key))
        this.#refuseKey(key, keyNode, { rule: 'duplicate_key', message: `must not stand twice in one map: ${describeValue(key)}` });
      else {
        keys.set(key, { key: keyNode, value: node });
        value[key] = read.value;
      }
    }
    for (const source of merged) this.#merge(value, source.value);
    return { value, size, depth: depth + 1 };
  }

  #keyOf(node: Node | null): string | undefined {
    const key: unknown = isScalar(node) ? node.value : isAlias(node) ? this.#follow(node).value : node;
    if (typeof key !== 'string' && typeof key !== 'number' && typeof key !== 'boolean') {
      const got = isCollection(node) ? 'a list or map' : describeValue(key);
      this.#refuse(node, { rule: 'key', message: `has a key that is no text: ${got}` });
      return undefined;
    }
    const misfit = (isScalar(node) ? misfitOfScalar(node) : undefined) ?? misfitOfKey(String(key));
    if (misfit === undefined) return String(key);
    this.#refuseKey(String(key), node, misfit);
    return undefined;
  }

  /** What a map's own keys do not say, a merged map says, as YAML 1.1 has it and its readers still do. */
  #merge(into: Record<string, unknown>, source: unknown): void {
    for (const from of Array.isArray(source) ? source : [source]) {
      if (typeof from !== 'object' || from === null || Array.isArray(from)) {
        this.#refuseKey('<<', null, { rule: 'alias', message: `must name maps to merge, got ${describeValue(from)}` });
        continue;
      }
      for (const [key, value] of Object.entries(from)) if (!Object.hasOwn(into, key)) into[key] = value;
    }
  }

  #refuseKey(key: string, at: Node | null, said: Said): void {
    this.#path.push(key);
    this.#refuse(at, said);
    this.#path.pop();
  }

  #refuse(at: Node | null, { rule, message }: Said): Value {
    // What is beyond a bound once is so again and again.
    if (fatal.has(rule) && this.faults.some((fault) => fault.rule === rule)) return { value: null, ...leaf };
    this.faults.push({ path: [...this.#path], rule, message, place: at?.range ? this.#placeOf(at.range[0]) : undefined });
    return { value: null, ...leaf };
  }
}

type Said = Pick<Fault, 'rule' | 'message'>;

/** Numbers are judged by how they are written: what the parser makes of them is rounded already. */
function misfitOfScalar({ value, source }: Scalar): Misfit | undefined {
  if (typeof value === 'string') return misfitOfText(value);
  // `.inf` and `.nan` are written as such: they are no JSON, not too large.
  return typeof value === 'number' && !/^[-+]?\.(?:inf|nan)$/i.test(source ?? '') ? misfitOfNumber(value, source) : undefined;
}

const fatal: ReadonlySet<string> = new Set(['too_large', 'too_deep', 'too_many_aliases']);

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

function elementOf(list: YAMLSeq, step: string | number): { readonly at?: Node | null; readonly node?: Node | null } {
  const item = typeof step === 'number' ? (list.items[step] as Node | null | undefined) : undefined;
  return item ? { at: item, node: item } : {};
}
