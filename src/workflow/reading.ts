/** What the readers of YAML, JSON and plain objects have in common. */
import type { Fault, Locate } from './faults.ts';

/** A document as plain JSON values, with what is wrong with its form; undefined where nothing could be read. */
export interface Reading {
  readonly value: unknown;
  readonly faults: readonly Fault[];
  readonly locate: Locate;
}

/** The key that plain objects cannot have as data: setting it changes what they are. */
export const poisonedKey = '__proto__';

/** Names that every object answers to, whether somebody gave them to it or not. */
export const forbiddenNames: ReadonlySet<string> = new Set([poisonedKey, 'constructor', 'prototype']);

export function tooDeep(maxDepth: number): string {
  return `is nested deeper than the ${maxDepth} levels that a definition may have`;
}

export function tooMany(maxValues: number): string {
  return `has more than the ${maxValues.toLocaleString('en')} values that a definition may have`;
}
