/**
 * Copies what a caller hands over into plain JSON values of our own: nothing that the caller changes later, and no getter,
 * class or cycle of its making, gets inside.
 */
import { type CopyFault, JsonCopier } from '../json-copy.ts';
import { type Misfit, tooDeep } from '../json-rules.ts';
import type { Fault, Path } from './faults.ts';
import { type ReadingBounds, workflowDefaults } from './limits.ts';
import { type Reading, tooMany } from './reading.ts';

/**
 * Copies a value; whatever in it is no JSON is a fault.
 *
 * @param replace - Gives what stands in the copy for a value.
 */
export function readPlain(value: unknown, bounds: ReadingBounds, replace?: (found: unknown) => unknown): Reading {
  const faults: Fault[] = [];
  let isTooLarge = false;
  const copier = new JsonCopier({
    bounds: { depth: bounds.maxDepth, values: bounds.maxValues },
    shares: true,
    ...(replace && { replace }),
    refuse: (fault) => {
      // What is too large is so once, wherever the walk goes on.
      if (fault.rule !== 'too_large' || !isTooLarge) faults.push(faultOf(fault, bounds));
      isTooLarge ||= fault.rule === 'too_large';
    },
  });
  const copy = copier.copy(value);
  const isRefused = isTooLarge || faults.some(({ path }) => path.length === 0);
  return { value: isRefused ? undefined : copy, faults, locate: () => undefined };
}

const kept: ReadonlySet<string> = new Set<Misfit['rule']>(['text', 'number', 'forbidden_name']);

/** What in some data cannot be kept as it is; the form of the data is judged elsewhere. */
export function misfitsIn(data: unknown, path: Path): readonly Fault[] {
  const { faults } = readPlain(data, workflowDefaults.bounds);
  return faults.filter(({ rule }) => kept.has(rule)).map((fault) => ({ ...fault, path: [...path, ...fault.path] }));
}

function faultOf({ path, rule, message, what, advice }: CopyFault, bounds: ReadingBounds): Fault {
  if (message !== undefined) return { path, rule, message };
  switch (rule) {
    case 'too_large':
      return { path, rule, message: tooMany(bounds.maxValues) };
    case 'too_deep':
      return { path, ...tooDeep(bounds.maxDepth) };
    case 'circular':
      return { path, rule, message: 'refers back to what it stands in' };
    case 'unreadable':
      return { path, rule: 'not_json', message: `cannot be read: ${what}` };
    default:
      return { path, rule, message: `must be a JSON value, got ${what}: ${advice}` };
  }
}
