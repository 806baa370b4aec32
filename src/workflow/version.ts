/** Tells two definitions apart by a hash of what they say, whatever the order of their keys. */
import { createHash } from 'node:crypto';

import type { WorkflowDefinition } from '../../machines/events/definition.ts';
import { isRecord } from '../../machines/policies/json.ts';
import type { Work } from '../work.ts';
import type { WorkflowDraft } from './draft.ts';
import type { Faults } from './faults.ts';
import type { WorkflowLimits } from './limits.ts';

/** Tasks that are hashed in one step. */
const tasksAtOnce = 16;

/** JSON with the keys of every map in order. The value is no deeper than a definition may be. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? 'null';
  const fields = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`);
  return `{${fields.join(',')}}`;
}

/** The hash of a definition whose size was checked already. */
export function* hashing({ tasks, ...settings }: WorkflowDefinition): Work<string> {
  const hash = createHash('sha256').update(canonicalJson(settings));
  for (const [index, task] of tasks.entries()) {
    if (index % tasksAtOnce === 0) yield;
    hash.update('\n').update(canonicalJson(task));
  }
  return hash.digest('hex');
}

/** Hashes a definition, task by task, and tells what of it is larger than it may be. */
export function versionOf(
  { tasks, ...settings }: WorkflowDefinition,
  draft: WorkflowDraft,
  held: { readonly limits: WorkflowLimits; readonly faults: Faults },
): string {
  const { maxPayloadBytes, maxDefinitionBytes } = held.limits;
  const hash = createHash('sha256').update(canonicalJson(settings));
  let bytes = 0;
  for (const [index, task] of tasks.entries()) {
    const text = canonicalJson(task);
    const size = Buffer.byteLength(text);
    if (size > maxPayloadBytes) {
      held.faults.add(
        draft.tasks[index]?.at('params') ?? [],
        'payload',
        `must be at most ${maxPayloadBytes} bytes of JSON, is ${size}: pass large values by file or by reference`,
      );
    }
    bytes += size;
    if (bytes > maxDefinitionBytes) {
      held.faults.add([], 'payload', `must be at most ${maxDefinitionBytes} bytes of JSON in all`);
      break;
    }
    hash.update('\n').update(text);
  }
  return hash.digest('hex');
}
