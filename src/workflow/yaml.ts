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
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';

import { describeValue } from '../thrown.ts';
import type { Fault, Path, Place } from './faults.ts';
import type { ReadingBounds } from './limits.ts';
import { placesIn } from './places.ts';
import { poisonedKey, type Reading, tooDeep, tooMany } from './reading.ts';
import { offsetTooDeep } from './yaml-depth.ts';

export function readYaml(text: string, bounds: ReadingBounds): Reading {
  const placeOf = placesIn(text);
  const refused = (rule: string, message: string, place?: Place): Reading => ({
    value: undefined,
    faults: [{ path: [], rule, message, place }],
    locate: () => undefined,
  });
  const tokens = tokensOf(text, bounds.maxDepth);
  const deep = offsetTooDeep(tokens, bounds.maxDepth);
  if (deep !== undefined) return refused('too_deep', tooDeep(bounds.maxDepth), placeOf(deep));
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
  #aliased = 0;

  constructor(bounds: ReadingBounds, placeOf: (offset: number) => Place) {
    this.#bounds = bounds;
    this.#placeOf = placeOf;
  }

  valueOf(root: Node | null): unknown {
    const { value, size } = this.#read(root, []);
    if (size > this.#bounds.maxValues) this.#refuse([], null, ['too_large', tooMany(this.#bounds.maxValues)]);
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

  #read(node: Node | null, path: Path): Value {
    if (node === null) return { value: null, ...leaf };
    if (isAlias(node)) return this.#follow(node, path);
    const { anchor } = node as { readonly anchor?: string };
    const entry: { readonly node: Node; value?: Value } = { node };
    if (anchor !== undefined) this.#anchors.set(anchor, entry);
    const value = isMap(node) ? this.#readMap(node, path) : isSeq(node) ? this.#readList(node, path) : this.#readScalar(node, path);
    entry.value = value;
    return value;
  }

  #follow(alias: Alias, path: Path): Value {
    const target = this.#anchors.get(alias.source);
    if (!target?.value) {
      const why = target ? 'refers back to what it stands in' : 'refers to an anchor that does not stand before it';
      return this.#refuse(path, alias, ['alias', `${why}: *${alias.source}`]);
    }
    this.#targets.set(alias, target.node);
    this.#aliased += target.value.size;
    const { maxAliasValues, maxDepth } = this.#bounds;
    if (this.#aliased > maxAliasValues) {
      return this.#refuse(path, alias, ['too_many_aliases', `has aliases that write out to more than ${maxAliasValues.toLocaleString('en')} values`]);
    }
    if (path.length + target.value.depth > maxDepth) return this.#refuse(path, alias, ['too_deep', tooDeep(maxDepth)]);
    return target.value;
  }

  #readScalar(node: Node, path: Path): Value {
    const value: unknown = isScalar(node) ? (node.value ?? null) : undefined;
    const isJson = value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
    // Plus zero: JSON knows no negative one.
    return isJson
      ? { value: typeof value === 'number' ? value + 0 : value, ...leaf }
      : this.#refuse(path, node, ['not_json', `must be a JSON value, got ${describeValue(value)}`]);
  }

  #readList(list: YAMLSeq, path: Path): Value {
    let [size, depth] = [1, 0];
    const value = list.items.map((item, index) => {
      // `- a: 1` inside a flow list is a map of one pair, as YAML has it; the parser makes it one.
      const read = this.#read((isPair(item) ? null : item) as Node | null, [...path, index]);
      size += read.size;
      depth = Math.max(depth, read.depth);
      return read.value;
    });
    return { value, size, depth: depth + 1 };
  }

  #readMap(map: YAMLMap, path: Path): Value {
    let [size, depth] = [1, 0];
    const value: Record<string, unknown> = {};
    const merged: Value[] = [];
    const keys = new Map<string, Entry>();
    this.#keys.set(map, keys);
    for (const { key: keyNode, value: node } of map.items as readonly Entry[]) {
      const key = this.#keyOf(keyNode, path);
      if (key === undefined) continue;
      const read = this.#read(node, [...path, key]);
      size += read.size;
      depth = Math.max(depth, read.depth);
      if (isMergeKey(keyNode)) merged.push(read);
      else if (keys.has(key)) this.#refuse([...path, key], keyNode, ['duplicate_key', `must not stand twice in one map: ${describeValue(key)}`]);
      else {
        keys.set(key, { key: keyNode, value: node });
        value[key] = read.value;
      }
    }
    for (const source of merged) this.#merge(value, source.value, [...path, '<<']);
    return { value, size, depth: depth + 1 };
  }

  #keyOf(node: Node | null, path: Path): string | undefined {
    const key: unknown = isScalar(node) ? node.value : isAlias(node) ? this.#follow(node, path).value : node;
    if (key === poisonedKey) {
      this.#refuse([...path, poisonedKey], node, ['forbidden_name', `must not be a key: every object answers to "${poisonedKey}"`]);
    } else if (typeof key === 'string' || typeof key === 'number' || typeof key === 'boolean') return String(key);
    else this.#refuse(path, node, ['key', `has a key that is no text: ${isCollection(node) ? 'a list or map' : describeValue(key)}`]);
    return undefined;
  }

  /** What a map's own keys do not say, a merged map says, as YAML 1.1 has it and its readers still do. */
  #merge(into: Record<string, unknown>, source: unknown, path: Path): void {
    for (const from of Array.isArray(source) ? source : [source]) {
      if (typeof from !== 'object' || from === null || Array.isArray(from)) {
        this.#refuse(path, null, ['alias', `must name maps to merge, got ${describeValue(from)}`]);
        continue;
      }
      for (const [key, value] of Object.entries(from)) if (!Object.hasOwn(into, key)) into[key] = value;
    }
  }

  #refuse(path: Path, at: Node | null, [rule, message]: readonly [rule: string, message: string]): Value {
    // What is beyond a bound once is so again and again.
    if (fatal.has(rule) && this.faults.some((fault) => fault.rule === rule)) return { value: null, ...leaf };
    this.faults.push({ path, rule, message, place: at?.range ? this.#placeOf(at.range[0]) : undefined });
    return { value: null, ...leaf };
  }
}

const fatal: ReadonlySet<string> = new Set(['too_large', 'too_deep', 'too_many_aliases']);

function isMergeKey(key: Node | null): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

function elementOf(list: YAMLSeq, step: string | number): { readonly at?: Node | null; readonly node?: Node | null } {
  const item = typeof step === 'number' ? (list.items[step] as Node | null | undefined) : undefined;
  return item ? { at: item, node: item } : {};
}
