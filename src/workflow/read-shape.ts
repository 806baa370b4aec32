/** Reads one map of a workflow file: its keys by their table, its values by their schema. */
import type * as z from 'zod';

import { isRecord } from '../../machines/policies/json.ts';
import { describeValue } from '../thrown.ts';
import type { Faults, Path } from './faults.ts';
import { type KeyTable, readKeys } from './keys.ts';

export interface Shape<Schema extends z.ZodObject> {
  readonly keys: KeyTable;
  readonly schema: Schema;
  /** What a map of this kind is, for the fault of a value that is no map: `a task`. */
  readonly noun: string;
}

export interface ShapeRead<Values> {
  /** What of the map is sound; where a fault was told, its key is missing. */
  readonly values: Partial<Values>;
  /** The path of a key, as its author spelled it. */
  readonly at: (key: string) => Path;
}

/** Reads a value as a map of a kind, and tells its faults; undefined where it is no map. */
export function readShape<Schema extends z.ZodObject>(
  value: unknown,
  { keys, schema, noun }: Shape<Schema>,
  { path, faults }: { readonly path: Path; readonly faults: Faults },
): ShapeRead<z.infer<Schema>> | undefined {
  if (!isRecord(value)) {
    faults.add(path, 'type', `must be ${noun}, got ${describeValue(value)}`);
    return undefined;
  }
  const { values, spelled } = readKeys(value, keys, { path, faults });
  const at = (key: string): Path => [...path, spelled(key)];
  const parsed = schema.safeParse(values);
  // With all keys sound, none is missing: a full map is a partial one.
  if (parsed.success) return { values: parsed.data as Partial<z.infer<Schema>>, at };
  const sound = new Map(Object.entries(values));
  for (const issue of parsed.error.issues) {
    const [key = '', ...inside] = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    sound.delete(String(key));
    const found = [key, ...inside].reduce<unknown>((from, step) => (from as Readonly<Record<string | number, unknown>> | undefined)?.[step], values);
    if (found === undefined) faults.add(path, 'required', `needs ${describeValue(key)}, ${issue.message}`);
    else faults.add([...at(String(key)), ...inside], 'type', `must be ${issue.message}, got ${describeValue(found)}`);
  }
  const rest = partialOf(schema).safeParse(Object.fromEntries(sound));
  return { values: (rest.data ?? {}) as Partial<z.infer<Schema>>, at };
}

const partials = new WeakMap<z.ZodObject, z.ZodObject>();

function partialOf(schema: z.ZodObject): z.ZodObject {
  const made = partials.get(schema) ?? schema.partial();
  partials.set(schema, made);
  return made;
}
