/**
 * Where the secrets of a workflow come from, which is what its secret parameters refer to; and what it refers to at all.
 *
 * `authorization: "Bearer ${login.json.token}"` makes the field `json.token` of the result of `login` a secret, whatever it is
 * called; `password: "${item.pw}"` one of each element that its task runs over. It looks one step back: what that result was
 * made of, nobody knows.
 */
import type { TaskDefinition, WorkflowDefinition } from '../../machines/events/definition.ts';
import type { JsonPath } from '../../machines/policies/json.ts';
import { referencesIn, splitExpression } from '../../machines/policies/references.ts';
import { scopeOf } from '../../machines/policies/scope.ts';
import type { Work } from '../work.ts';

/** Steps to a value; null is every element of a list. */
export type Place = readonly (string | number | null)[];

/** Places in what a workflow is given and what it makes. */
export interface Places {
  /** In the input. */
  readonly input: readonly Place[];
  /** In the results of tasks, by their ids; of a fan-out in the list of its results. */
  readonly tasks: ReadonlyMap<string, readonly Place[]>;
}

export interface SecretSources {
  readonly secret: Places;
  /** What anything refers to, secret or not. */
  readonly referred: Places;
  /** The names of fields on the ways there: the definition says them in the open, so that they are no secrets. */
  readonly fieldNames: ReadonlySet<string>;
}

const noPlaces: Places = { input: [], tasks: new Map() };
export const noSources: SecretSources = { secret: noPlaces, referred: noPlaces, fieldNames: new Set() };

/** A text with references, and where it stands. */
export interface Template {
  readonly text: string;
  /** The task whose parameters it is in; none for the output, and for what a task runs over. */
  readonly task: TaskDefinition | undefined;
  /** Under a secret name. */
  readonly isSecret: boolean;
  /** Goes on from what it refers to. @defaultValue `[]` */
  readonly beyond?: Place;
}

/** Templates that are read in one step. */
const templatesAtOnce = 200;

/** What the templates of a definition refer to. */
export function* sourcesOf(definition: WorkflowDefinition, templates: readonly Template[]): Work<SecretSources> {
  const secret = templates.filter(({ isSecret }) => isSecret);
  const referred = yield* placesOf(definition, templates);
  const steps = [...referred.input, ...[...referred.tasks.values()].flat()].flat();
  const fieldNames = new Set(steps.filter((step) => typeof step === 'string'));
  return { secret: secret.length === 0 ? noPlaces : yield* placesOf(definition, secret), referred, fieldNames };
}

function* placesOf(definition: WorkflowDefinition, templates: readonly Template[]): Work<Places> {
  const input: Place[] = [];
  const tasks = new Map<string, Place[]>();
  const read = ({ text, task }: Pick<Template, 'text' | 'task'>, beyond: Place): void => {
    for (const { expression, unclosed } of referencesIn(text)) {
      const source = unclosed ? undefined : sourceOf(definition, task, expression);
      if (source === undefined) continue;
      const place = [...source.path, ...beyond];
      if (source.of === 'input') input.push(place);
      else if (source.of === 'item' && task?.forEach !== undefined) read({ text: task.forEach.items, task: undefined }, [null, ...place]);
      else if (source.of === 'task') addTo(tasks, source.taskId, place);
    }
  };
  for (const [at, template] of templates.entries()) {
    if (at % templatesAtOnce === 0) yield;
    read(template, template.beyond ?? []);
  }
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
  const known = tasks.get(taskId);
  if (known === undefined) tasks.set(taskId, [...places]);
  else known.push(...places);
}

/** The places in the result of one attempt: an element of a fan-out has a part of its task's. */
export function placesIn({ tasks }: Places, taskId: string): readonly Place[] {
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
