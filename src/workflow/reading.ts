/** What the readers of YAML, JSON and plain objects have in common. */
import { poisonedKey } from '../json-rules.ts';
import type { Fault, Locate } from './faults.ts';

/** A document as plain JSON values, with what is wrong with its form; undefined where nothing could be read. */
export interface Reading {
  readonly value: unknown;
  readonly faults: readonly Fault[];
  readonly locate: Locate;
}

/** Names that every object answers to, whether somebody gave them to it or not. */
export const forbiddenNames: ReadonlySet<string> = new Set([poisonedKey, 'constructor', 'prototype']);

export function tooMany(maxValues: number): string {
  return `has more than the ${maxValues.toLocaleString('en')} values that a definition may have`;
}
