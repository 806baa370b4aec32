/** Where ids come from: injected, so that a simulation repeats them exactly. */
import { customAlphabet } from 'nanoid';

/** Where ids come from. */
export interface IdSource {
  /** A new event id. */
  event(): string;
  /** A new workflow id. */
  workflow(): string;
}

const readable = customAlphabet('0123456789abcdefghijkmnpqrstvwxyz', 12);

/** Ids for production: unique across processes by a random part, cheap within one by a counter. */
export function randomIds(): IdSource {
  return countedIds(readable(), readable);
}

/** Ids that a seed decides; the same seed gives the same ids in the same order. */
export function seededIds(seed: string): IdSource {
  let workflows = 0;
  return countedIds(seed, () => `${seed}${(workflows++).toString(36).padStart(4, '0')}`);
}

function countedIds(prefix: string, unique: () => string): IdSource {
  let events = 0;
  return {
    event: () => `${prefix}-${(events++).toString(36)}`,
    workflow: () => `wf-${unique()}`,
  };
}
