/**
 * Reads the keys of a workflow file in whichever spelling they have: snake_case, camelCase, and a few older names.
 *
 * Inside, a key has one name. What its author wrote is kept beside it, because faults are told in the author's words.
 */
import { describeValue } from '../thrown.ts';
import type { Faults, Path } from './faults.ts';
import { suggestion } from './nearest.ts';

/** The keys that one kind of map may have, in camelCase, each with its other names. */
export type KeyTable = Readonly<Record<string, readonly string[]>>;

export interface Keyed {
  /** The values by our names of the keys. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The author's spelling of a key. */
  readonly spelled: (key: string) => string;
}

const spellings = new WeakMap<KeyTable, ReadonlyMap<string, string>>();

/** Reads a map's keys; unknown ones, and one key in two spellings, are faults. */
export function readKeys(map: Readonly<Record<string, unknown>>, table: KeyTable, at: { readonly path: Path; readonly faults: Faults }): Keyed {
  const known = spellingsOf(table);
  const values: Record<string, unknown> = {};
  const written = new Map<string, string>();
  for (const [spelling, value] of Object.entries(map)) {
    const key = known.get(spelling);
    const twin = key === undefined ? undefined : written.get(key);
    if (key === undefined) {
      if (spelling.startsWith('x-')) continue;
      const hint = at.faults.suggest(() => suggestion(spelling, known.keys()) || ` Known are ${Object.keys(table).map(snakeCase).join(', ')}.`);
      at.faults.add([...at.path, spelling], 'unknown_key', `is not a known key.${hint}`);
    } else if (twin !== undefined) {
      at.faults.add([...at.path, spelling], 'duplicate_key', `says again what ${describeValue(twin)} says already`);
    } else {
      written.set(key, spelling);
      // A key without a value is how YAML shows one that is left out.
      if (value !== null) values[key] = value;
    }
  }
  return { values, spelled: (key) => written.get(key) ?? key };
}

function spellingsOf(table: KeyTable): ReadonlyMap<string, string> {
  const made = spellings.get(table);
  if (made) return made;
  const all = new Map<string, string>();
  for (const [key, others] of Object.entries(table)) for (const name of [key, ...others]) all.set(snakeCase(name), key).set(name, key);
  spellings.set(table, all);
  return all;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
