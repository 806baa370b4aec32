/** Reads what a task of a workflow file says about running once per element of a list. */
import type { ForEach } from '../../machines/events/definition.ts';
import { referencesIn } from '../../machines/policies/references.ts';
import { describeValue } from '../thrown.ts';
import type { Faults, Path } from './faults.ts';
import { readShape } from './read-shape.ts';
import { forEachKeys, forEachShape, type TaskShape } from './shape.ts';

const fanOut = {
  keys: forEachKeys,
  schema: forEachShape,
  noun: 'one reference such as "${list.items}", or a map of items, concurrency and tolerate',
} as const;

/** The options may stand in the map of `for_each` or beside it. */
export function forEachOf(values: Partial<TaskShape>, at: (key: string) => Path, faults: Faults): ForEach | undefined {
  const { forEach, ...beside } = values;
  if (forEach === undefined) {
    for (const key of ['concurrency', 'tolerate'] as const)
      if (beside[key] !== undefined) faults.add(at(key), 'for_each', 'means something only beside for_each');
    return undefined;
  }
  const written = typeof forEach === 'string' ? { items: forEach } : readShape(forEach, fanOut, { path: at('forEach'), faults })?.values;
  if (written?.items === undefined) return undefined;
  checkItems(written.items, at('forEach'), faults);
  const { concurrency = beside.concurrency, tolerate = beside.tolerate } = written as Partial<TaskShape>;
  return {
    items: written.items,
    ...(concurrency !== undefined && { concurrency }),
    ...(tolerate !== undefined && { tolerate: toleranceOf(tolerate) }),
  };
}

function checkItems(items: string, path: Path, faults: Faults): void {
  const [found, second] = referencesIn(items);
  if (found?.unclosed || (found?.whole && !second)) return;
  faults.add(path, 'for_each', `must be one reference such as "\${list.items}", got ${describeValue(items)}`);
}

type Tolerance = NonNullable<ForEach['tolerate']>;

/** A number of elements, or a share such as `10%`. */
function toleranceOf(tolerate: string | number | Tolerance): Tolerance {
  if (typeof tolerate === 'object') return tolerate;
  return typeof tolerate === 'number' ? { count: tolerate } : { ratio: Math.min(1, Number.parseFloat(tolerate) / 100) };
}
