/**
 * Where the secrets of a workflow come from: what its secret parameters refer to.
 *
 * `authorization: "Bearer ${login.json.token}"` makes the field `json.token` of the result of `login` a secret, whatever it is
 * called; `password: "${item.pw}"` one of each element that its task runs over. It looks one step back: what that result was
 * made of, nobody knows.
 */
import type { TaskDefinition, WorkflowDefinition } from '../../machines/events/definition.ts';
import type { JsonPath } from '../../machines/policies/json.ts';
import { referencesIn, splitExpression } from '../../machines/policies/references.ts';
import { scopeOf } from '../../machines/policies/scope.ts';

/** Steps to a value; null is every element of a list. */
export type Place = readonly (string | number | null)[];

export interface SecretSources {
  /** In the input. */
  readonly input: readonly Place[];
  /** In the results of tasks, by their ids; of a fan-out in the list of its results. */
  readonly tasks: ReadonlyMap<string, readonly Place[]>;
}

export const noSources: SecretSources = { input: [], tasks: new Map() };

/** A template that stands under a secret name, and the task whose parameters it is in; none for the output. */
export interface SecretTemplate {
  readonly text: string;
  readonly task: TaskDefinition | undefined;
}

/** What secret templates refer to. */
export function sourcesOf(definition: WorkflowDefinition, templates: readonly SecretTemplate[]): SecretSources {
  const input: Place[] = [];
  const tasks = new Map<string, Place[]>();
  const read = ({ text, task }: SecretTemplate, beyond: Place): void => {
    for (const { expression, unclosed } of referencesIn(text)) {
      const source = unclosed ? undefined : sourceOf(definition, task, expression);
      if (source === undefined) continue;
      const place = [...source.path, ...beyond];
      if (source.of === 'input') input.push(place);
      else if (source.of === 'item' && task?.forEach !== undefined) read({ text: task.forEach.items, task: undefined }, [null, ...place]);
      else if (source.of === 'task') addTo(tasks, source.taskId, place);
    }
  };
  for (const template of templates) read(template, []);
  return { input, tasks };
}

type Source = { readonly path: JsonPath } & ({ readonly of: 'input' | 'item' | 'index' } | { readonly of: 'task'; readonly taskId: string });

function sourceOf(definition: WorkflowDefinition, task: TaskDefinition | undefined, expression: string): Source | undefined {
  const element = task?.forEach === undefined ? {} : { element: { item: null, index: 0 } };
  // Each task stands for its own id here.
  const ofTask = (index: number) => ({ of: 'task', value: definition.tasks[index]?.id }) as const;
  const scope = scopeOf({ definition, input: null, ofTask, ...element });
  const split = splitExpression(expression, (name) => scope.root(name) !== undefined);
  const root = split && scope.root(split.name);
  if (split === undefined || root === undefined || 'absent' in root) return undefined;
  if (root.of !== 'task') return { of: root.of, path: split.path };
  return { of: 'task', taskId: String(root.value), path: split.path };
}

/** `result` at the beginning of a path may be a field of the value, or stand for the value itself. */
function addTo(tasks: Map<string, Place[]>, taskId: string, place: Place): void {
  const places = place[0] === 'result' ? [place, place.slice(1)] : [place];
  tasks.set(taskId, [...(tasks.get(taskId) ?? []), ...places]);
}

/** The places in the result of one attempt: an element of a fan-out has a part of its task's. */
export function placesIn({ tasks }: SecretSources, taskId: string): readonly Place[] {
  const own = tasks.get(taskId);
  if (own !== undefined) return own;
  const bracket = taskId.endsWith(']') ? taskId.lastIndexOf('[') : -1;
  return bracket === -1 ? [] : (tasks.get(taskId.slice(0, bracket)) ?? []).map((place) => place.slice(1));
}

/** Whether a path, from its second step on, leads to one of the places. */
export function isPlace(places: readonly Place[], path: JsonPath): boolean {
  return places.some(
    (place) => place.length === path.length - 1 && place.every((step, at) => (step === null ? true : String(step) === String(path[at + 1]))),
  );
}
