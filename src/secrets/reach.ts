/**
 * Which parts of a value its workflow refers to. They have to stay within reach where the value is sealed: the machines replace
 * references, and open nothing. A reference into a list or map that is sealed as a whole would find a text.
 */
import type { JsonPath } from '../../machines/policies/json.ts';
import type { Place } from './sources.ts';
import { mayHoldToken } from './token.ts';

/** A list or map with more leaves is sealed as a whole, whatever refers into it: each part would be sealed by itself. */
const mostLeaves = 1_000;

/** Steps to go on by; null is any. */
type Steps = Map<string | null, Steps>;

/** The parts of an input, or of a result, that are referred to. */
export class Reach {
  private readonly steps: Steps = new Map();

  constructor(places: readonly Place[]) {
    for (const place of places) {
      let steps = this.steps;
      for (const step of place) {
        const key = step === null ? null : String(step);
        const next: Steps = steps.get(key) ?? new Map();
        steps.set(key, next);
        steps = next;
      }
    }
  }

  /**
   * Whether a list or map has to be sealed in parts.
   * @param path - From its second step on, the way to it.
   */
  isInto(path: JsonPath, value: object): boolean {
    return this.at(path).some((steps) => steps.size > 0) && leavesOf(value) <= mostLeaves;
  }

  /** Whether the field at the end of a path has to keep its name. One that looks like a token never does. */
  isTo(path: JsonPath): boolean {
    return this.steps.size > 0 && !mayHoldToken(String(path.at(-1))) && this.at(path).length > 0;
  }

  private at(path: JsonPath): readonly Steps[] {
    let reached: Steps[] = [this.steps];
    for (const step of path.slice(1)) {
      reached = reached.flatMap((steps) => [steps.get(String(step)), steps.get(null)].filter((next) => next !== undefined));
      if (reached.length === 0) break;
    }
    return reached;
  }
}

/** Counted no further than needed. */
function leavesOf(value: unknown, most = mostLeaves): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 0;
  for (const part of Object.values(value)) {
    count += leavesOf(part, most - count);
    if (count > most) break;
  }
  return count;
}
