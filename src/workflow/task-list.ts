/** The tasks of a workflow that is being written in code. */
import { isRecord } from '../../machines/policies/json.ts';
import type { AnyProvider } from '../providers/provider.ts';
import { describeValue } from '../thrown.ts';
import type { TaskDraft } from './draft.ts';
import type { Faults, Path } from './faults.ts';
import type { WorkflowLimits } from './limits.ts';
import { misfitsIn } from './plain.ts';
import { referenceOf, refTo, templateOf } from './ref.ts';
import { readTask } from './task-draft.ts';
import type { FunctionHandler } from './workflow.ts';

/** The protocol of functions that are tasks. */
export const functionProtocol = 'function/v1';

/** The method under which a function is known to the system. */
export function functionMethod(workflow: string, taskId: string): string {
  return `function/${workflow}/${taskId}`;
}

export interface TaskListOptions {
  readonly workflow: string;
  readonly providers: readonly AnyProvider[];
  readonly faults: Faults;
  readonly limits: WorkflowLimits;
}

/** What a task may be given; whoever writes no TypeScript may give anything. */
type Given = Readonly<Record<string, unknown>>;

export class TaskList {
  readonly drafts: TaskDraft[] = [];
  readonly functions = new Map<string, FunctionHandler>();
  readonly #options: TaskListOptions;

  constructor(options: TaskListOptions) {
    this.#options = options;
  }

  /** Adds a task, and gives the reference to its result. */
  add(id: string, given: object): unknown {
    const { faults } = this.#options;
    const path: Path = ['tasks', String(id)];
    if (/[.[]/.test(String(id)))
      faults.add(path, 'forbidden_name', `must not be an id with "." or "[", with which a reference goes on, got ${describeValue(id)}`);
    if (!isRecord(given)) {
      faults.add(path, 'type', `must be given options, got ${describeValue(given)}`);
      return refTo(String(id));
    }
    const { run, method, protocol, params, forEach, dependsOn, ...settings } = given;
    const task = {
      ...settings,
      id,
      ...this.#routeOf(given, String(id), path),
      params: this.#paramsOf(params, forEach !== undefined, [...path, 'params']),
      ...(forEach !== undefined && { forEach: fanOutOf(forEach, [...path, 'forEach'], faults) }),
      ...(dependsOn !== undefined && { dependsOn: this.#dependenciesOf(dependsOn, [...path, 'dependsOn']) }),
    };
    // Its id is looked at as a name, its templates as they were made.
    faults.addAll(misfitsIn({ ...task, id: undefined, params: undefined, forEach: undefined }, path));
    const draft = readTask(withoutUndefined(task), path, this.#options);
    if (draft) this.drafts.push(draft);
    return refTo(String(id));
  }

  #routeOf({ run, method, protocol }: Given, id: string, path: Path): Given {
    const { workflow, providers, faults } = this.#options;
    if ((run === undefined) === (method === undefined)) faults.add(path, 'route', 'needs either "run", a function, or "method", the name of one');
    if (run === undefined) {
      const [owner, second] = providers.filter(({ methods }) => typeof method === 'string' && Object.hasOwn(methods, method));
      return { method, protocol: protocol ?? (second?.protocol === owner?.protocol || !second ? owner?.protocol : undefined) };
    }
    const name = functionMethod(workflow, id);
    if (typeof run !== 'function') faults.add([...path, 'run'], 'type', `must be a function, got ${describeValue(run)}`);
    // Parameters reach it as the template makes them, which its type was inferred from.
    else this.functions.set(name, run as FunctionHandler);
    return { method: name, protocol: functionProtocol };
  }

  #paramsOf(params: unknown, inFanOut: boolean, path: Path): unknown {
    const { faults } = this.#options;
    if (typeof params !== 'function') return templateOf(params ?? {}, path, faults);
    if (inFanOut) return templateOf(params(refTo('item'), refTo('index')) ?? {}, path, faults);
    faults.add(path, 'type', 'must be a map of parameters: a function makes those of the elements of a fan-out, and here is no forEach');
    return {};
  }

  #dependenciesOf(dependsOn: unknown, path: Path): unknown {
    if (!Array.isArray(dependsOn)) {
      this.#options.faults.add(path, 'type', `must be a list of references or ids, got ${describeValue(dependsOn)}`);
      return [];
    }
    return dependsOn.map((entry: unknown) => {
      const isPair = isRecord(entry) && !referenceOf(entry);
      return isPair ? { ...entry, task: idOf(entry['task']) } : idOf(entry);
    });
  }
}

/** The id of the task that a reference starts from. */
function idOf(task: unknown): unknown {
  return referenceOf(task)?.root ?? task;
}

function fanOutOf(forEach: unknown, path: Path, faults: Faults): unknown {
  if (referenceOf(forEach) || !isRecord(forEach)) return templateOf(forEach, path, faults);
  return withoutUndefined({ ...forEach, items: templateOf(forEach['items'], [...path, 'items'], faults) });
}

function withoutUndefined(record: Given): Given {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
