/**
 * Checks parameters before anything runs, as far as they are known by then: where they refer to nothing, the schema of their
 * method can say already what it would say of every attempt.
 *
 * What a schema makes of them is not kept: it judges again when the attempt begins. A schema that throws, or that several
 * providers of a method do not share, is left to that time.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';

import type { TaskDefinition } from '../../machines/events/definition.ts';
import { referencesIn } from '../../machines/policies/references.ts';
import { resolveValue } from '../../machines/policies/resolution.ts';
import { describeValue } from '../thrown.ts';
import { type Pace, portionMs } from '../work.ts';
import { errorWith, Faults, type Locate, lineOf, type Path } from './faults.ts';
import type { AnyWorkflow } from './workflow.ts';

/** The schemas by which the providers of a method judge its parameters; none where one of them takes anything. */
export type SchemasOf = (protocol: string, method: string) => readonly StandardSchemaV1[];

const shown = 20;
const nothing = { root: () => undefined } as const;

/**
 * @param pace - Does it in portions; at once where it is not given.
 * @throws GleitzeitError TASK_VALIDATION_FAILED, with every such parameter in `issues`.
 */
export async function checkParams({ definition, locate }: AnyWorkflow, schemasOf: SchemasOf, pace?: Pace): Promise<void> {
  let until = pace === undefined ? 0 : pace.now() + portionMs;
  const faults = new Faults();
  for (const [index, task] of definition.tasks.entries()) {
    if (pace !== undefined && pace.now() >= until) {
      await new Promise<void>((resolve) => pace.defer(resolve));
      until = pace.now() + portionMs;
    }
    const schemas = schemasOf(task.protocol, task.method);
    if (schemas.length === 0) continue;
    const pending = faultsOf(task, schemas);
    // Most schemas answer at once: a hundred thousand tasks are not a hundred thousand rounds of waiting.
    const found = pending instanceof Promise ? await pending : pending;
    for (const { path = [], message } of found)
      faults.add(
        ['tasks', index, 'params', ...path.map(stepOf)],
        'schema',
        `of task ${describeValue(task.id)} does not fit ${task.method}: ${message}`,
      );
  }
  if (faults.none) return;
  const issues = faults.issues('The definition', locate && nearest(locate));
  const lines = issues.slice(0, shown).map(lineOf);
  const more = issues.length > shown ? [`and ${issues.length - shown} more`] : [];
  throw errorWith('TASK_VALIDATION_FAILED', `Workflow ${describeValue(definition.name)}: ${[...lines, ...more].join('\n  ')}`, issues);
}

type Found = readonly StandardSchemaV1.Issue[];

/** What the first schema finds, where none of them accepts the parameters. */
function faultsOf({ params = {}, forEach }: TaskDefinition, schemas: readonly StandardSchemaV1[]): Found | Promise<Found> {
  if (forEach !== undefined || referencesIn(params).length > 0) return [];
  const resolved = resolveValue(params, nothing);
  if ('fault' in resolved) return [];
  const verdicts = schemas.map((schema) => verdictOf(schema, resolved.value));
  if (!verdicts.some((verdict) => verdict instanceof Promise)) return firstOf(verdicts as readonly Found[]);
  return Promise.all(verdicts).then(firstOf);
}

function verdictOf(schema: StandardSchemaV1, value: unknown): Found | Promise<Found> {
  const issuesOf = ({ issues = [] }: StandardSchemaV1.Result<unknown>): Found => issues;
  try {
    const answer = schema['~standard'].validate(value);
    return answer instanceof Promise ? answer.then(issuesOf, () => []) : issuesOf(answer);
  } catch {
    return [];
  }
}

function firstOf(verdicts: readonly Found[]): Found {
  return verdicts.every((issues) => issues.length > 0) ? (verdicts[0] ?? []) : [];
}

function stepOf(step: PropertyKey | StandardSchemaV1.PathSegment): Path[number] {
  const key = typeof step === 'object' ? step.key : step;
  return typeof key === 'number' ? key : String(key);
}

/** Where a parameter stands, or would have to stand; what is not there is located where its task is. Files call them `parameters` as well. */
function nearest(locate: Locate): Locate {
  return ([tasks = '', index = 0, , ...rest]) => {
    const ofTask = locate([tasks, index]);
    const places = ['params', 'parameters'].map((key) => locate([tasks, index, key, ...rest]));
    return places.find((place) => place?.line !== ofTask?.line || place?.column !== ofTask?.column) ?? ofTask;
  };
}
