/**
 * Copies what a caller hands over into plain JSON values of our own: nothing that the caller changes later, and no getter,
 * class or cycle of its making, gets inside.
 */
import { type CopyFault, JsonCopier } from '../json-copy.ts';
import type { Fault } from './faults.ts';
import type { ReadingBounds } from './limits.ts';
import { poisonedKey, type Reading, tooDeep, tooMany } from './reading.ts';

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
    forbiddenKey: poisonedKey,
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

function faultOf({ path, rule, what, advice }: CopyFault, bounds: ReadingBounds): Fault {
  switch (rule) {
    case 'too_large':
      return { path, rule, message: tooMany(bounds.maxValues) };
    case 'too_deep':
      return { path, rule, message: tooDeep(bounds.maxDepth) };
    case 'circular':
      return { path, rule, message: 'refers back to what it stands in' };
    case 'forbidden_name':
      return { path, rule, message: `must not be a key: every object answers to "${poisonedKey}"` };
    case 'unreadable':
      return { path, rule: 'not_json', message: `cannot be read: ${what}` };
    default:
      return { path, rule, message: `must be a JSON value, got ${what}: ${advice}` };
  }
}
