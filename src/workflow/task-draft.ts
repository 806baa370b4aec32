/** Reads one task of a workflow file. */
import type { Priority } from '../../machines/events/definition.ts';
import { isRecord } from '../../machines/policies/json.ts';
import { describeValue } from '../thrown.ts';
import type { DependencyDraft, TaskDraft } from './draft.ts';
import { forEachOf } from './fan-out.ts';
import type { Faults, Path } from './faults.ts';
import { type WorkflowLimits, workflowDefaults } from './limits.ts';
import { readShape } from './read-shape.ts';
import { retryOf } from './retry-policy.ts';
import { dependencyKeys, dependencyShape, type TaskShape, taskKeys, taskShape } from './shape.ts';
import { timeoutOf } from './timing.ts';

const taskOf = { keys: taskKeys, schema: taskShape, noun: 'a task, which is a map' } as const;
const dependencyOf = { keys: dependencyKeys, schema: dependencyShape, noun: 'the id or name of a task, or a map of task and when' } as const;
const priorityNumbers: Readonly<Record<number, Priority>> = { 1: 'high', 2: 'normal', 3: 'low' };

/** Undefined where the value is no map; its fault was told. */
export function readTask(value: unknown, path: Path, held: { readonly faults: Faults; readonly limits: WorkflowLimits }): TaskDraft | undefined {
  const { faults, limits } = held;
  const read = readShape(value, taskOf, { path, faults });
  if (!read) return undefined;
  const { values, at } = read;
  const { id = values.name, name, params = {}, priority = 'normal' } = values;
  if (id === undefined && !hasName(value)) faults.add(path, 'required', 'needs "id" or "name", a text');
  const timeoutMs = timeoutOf(values, { at, faults, longestMs: limits.maxTaskTimeoutMs }) ?? workflowDefaults.taskTimeoutMs;
  const retry = retryOf(values.retry, at('retry'), faults);
  const forEach = forEachOf(values, at, faults);
  return {
    task: {
      id: id ?? `${path.at(-1)}`,
      ...(name !== undefined && { name }),
      ...routeOf(values, { path, at, faults }),
      params,
      dependencies: [],
      priority: typeof priority === 'number' ? (priorityNumbers[priority] ?? 'normal') : priority,
      timeoutMs,
      ...(retry && { retry }),
      ...(forEach && { forEach }),
    },
    dependencies: dependenciesOf(values.dependencies, at('dependencies'), faults),
    path,
    at,
    impliesProtocol: values.protocol === undefined,
  };
}

/** Whether the task has an id or a name, be it a wrong one: that fault was told. */
function hasName(value: unknown): boolean {
  return isRecord(value) && ['id', 'name'].some((key) => value[key] !== undefined && value[key] !== null);
}

/** The protocol and method of a task: `http/request` alone implies `http/v1`. */
function routeOf(values: Partial<TaskShape>, where: { readonly path: Path; readonly at: (key: string) => Path; readonly faults: Faults }) {
  const { method = '', protocol } = values;
  if (protocol !== undefined) return { protocol, method };
  const implied = impliedProtocol(method);
  if (implied === undefined && method !== '') {
    where.faults.add(
      where.path,
      'required',
      `needs "protocol", because its method ${describeValue(method)} implies none as "http/request" implies "http/v1"`,
    );
  }
  return { protocol: implied ?? '', method };
}

/** The protocol that a method implies where none is said. */
export function impliedProtocol(method: string): string | undefined {
  const slash = method.indexOf('/');
  return slash > 0 && slash < method.length - 1 ? `${method.slice(0, slash)}/v1` : undefined;
}

function dependenciesOf(value: unknown, path: Path, faults: Faults): readonly DependencyDraft[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return readDependency(value, path, faults);
  return value.flatMap((element: unknown, index) => readDependency(element, [...path, index], faults));
}

function readDependency(value: unknown, path: Path, faults: Faults): readonly DependencyDraft[] {
  if (typeof value === 'number' || (typeof value === 'string' && value !== '')) return [{ task: String(value), when: 'success', path }];
  const read = readShape(value, dependencyOf, { path, faults });
  const { task, when = 'success' } = read?.values ?? {};
  return task === undefined ? [] : [{ task, when, path }];
}
