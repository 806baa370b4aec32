/**
 * Makes a definition of a draft: looks up every name in dependencies and references, adds the dependencies that follow from
 * references, and tells all that does not hold.
 */
import type { Dependency, TaskDefinition, WorkflowDefinition } from '../../machines/events/definition.ts';
import { type FoundReference, leadingName, referencesIn, splitExpression } from '../../machines/policies/references.ts';
import { describeValue } from '../thrown.ts';
import type { DependencyDraft, TaskDraft, WorkflowDraft } from './draft.ts';
import type { Faults, Path } from './faults.ts';
import { cyclesOf, levelsOf } from './graph.ts';
import { Names, whyNoName } from './names.ts';
import { suggestion } from './nearest.ts';

export interface Linked {
  readonly definition: WorkflowDefinition;
  /** The length of the longest chain of dependencies. */
  readonly levels: number;
}

/** What is meaningful only inside the parameters of a fan-out. */
const elementNames: ReadonlySet<string> = new Set(['item', 'index']);
/** A circle may have thousands of tasks: its message shows this many. */
const shownOfCycle = 20;

export function linkWorkflow(draft: WorkflowDraft, faults: Faults): Linked {
  const wrong = whyNoName(draft.settings.name);
  if (wrong !== undefined) faults.add(draft.at('name'), 'forbidden_name', wrong);
  const names = new Names(draft.tasks, faults);
  const linking = new Linking(names, draft.tasks, faults);
  const needs = draft.tasks.map((task, index) => linking.needsOf(task, index));
  linking.checkOutput(draft.settings.output, draft.at('output'));
  const graph = needs.map((needed) => [...needed.keys()]);
  for (const cycle of cyclesOf(graph)) {
    const ids = [...cycle, ...cycle.slice(0, 1)].map((index) => draft.tasks[index]?.task.id ?? '');
    const shown = ids.length > shownOfCycle ? [...ids.slice(0, shownOfCycle - 1), `… ${ids.length - shownOfCycle} more …`, ids.at(-1)] : ids;
    const first = draft.tasks[cycle[0] ?? 0];
    faults.add(
      first?.dependencies[0] ? first.at('dependencies') : (first?.path ?? []),
      'cycle',
      `closes a circle of tasks that wait for each other: ${shown.join(' -> ')}`,
    );
  }
  const tasks = draft.tasks.map(({ task }, index): TaskDefinition => ({ ...task, dependencies: dependenciesOf(needs[index], draft.tasks) }));
  return { definition: { ...draft.settings, tasks }, levels: levelsOf(graph) };
}

type Needs = ReadonlyMap<number, Dependency['when']>;

function dependenciesOf(needs: Needs | undefined, tasks: readonly TaskDraft[]): Dependency[] {
  return [...(needs ?? [])].map(([index, when]) => ({ task: tasks[index]?.task.id ?? '', when }));
}

/** Where a reference stands, and in whose words. */
interface Standing {
  readonly path: Path;
  /** Whether `item` and `index` mean an element here. */
  readonly inFanOut: boolean;
  /** The position of the task that refers; the output belongs to none. */
  readonly from?: number;
}

class Linking {
  readonly #names: Names;
  readonly #tasks: readonly TaskDraft[];
  readonly #faults: Faults;

  constructor(names: Names, tasks: readonly TaskDraft[], faults: Faults) {
    this.#names = names;
    this.#tasks = tasks;
    this.#faults = faults;
  }

  /** What a task waits for: what it says, and what it refers to. */
  needsOf(draft: TaskDraft, index: number): Needs {
    const needs = new Map<number, Dependency['when']>();
    for (const dependency of draft.dependencies) {
      const on = this.#dependencyOf(dependency, index);
      // Of two that say different things the stricter one holds.
      if (on !== undefined && needs.get(on) !== 'success') needs.set(on, dependency.when);
    }
    const { params, forEach } = draft.task;
    const referred = this.#referredIn(params, { path: draft.at('params'), inFanOut: forEach !== undefined, from: index });
    if (forEach) referred.push(...this.#referredIn(forEach.items, { path: draft.at('forEach'), inFanOut: false, from: index }));
    for (const on of referred) if (!needs.has(on)) needs.set(on, 'success');
    return needs;
  }

  checkOutput(output: unknown, path: Path): void {
    this.#referredIn(output, { path, inFanOut: false });
  }

  #dependencyOf({ task, path }: DependencyDraft, from: number): number | undefined {
    const on = this.#names.find(task);
    if (on === from) this.#faults.add(path, 'self_dependency', `must name another task, got the task's own name ${describeValue(task)}`);
    else if (this.#names.isShared(task)) this.#faults.add(path, 'ambiguous_name', `names several tasks: ${describeValue(task)}. Use an id`);
    else if (on === undefined) this.#faults.add(path, 'unknown_dependency', `names an unknown task: ${describeValue(task)}.${this.#suggest(task)}`);
    else return on;
    return undefined;
  }

  #referredIn(value: unknown, standing: Standing): number[] {
    return referencesIn(value).flatMap((found) => {
      const on = this.#referredBy(found, { ...standing, path: [...standing.path, ...found.at] });
      return on === undefined ? [] : [on];
    });
  }

  #referredBy({ expression, unclosed }: FoundReference, { path, inFanOut, from }: Standing): number | undefined {
    const shown = describeValue(unclosed ? expression : `\${${expression}}`);
    const tell = (rule: string, message: string): undefined => this.#faults.add(path, rule, message) as undefined;
    if (unclosed) return tell('unclosed_reference', `has a reference without its "}": ${shown}. Write "$\${" for a literal "\${"`);
    const isOfElement = (name: string) => inFanOut && elementNames.has(name);
    const split = splitExpression(expression, (name) => name === 'input' || isOfElement(name) || this.#names.find(name) !== undefined);
    if (!split) {
      const name = leadingName(expression);
      if (elementNames.has(name))
        return tell('unknown_reference', `has ${shown}, which means something only in the parameters of a task with for_each`);
      return tell('unknown_reference', `refers to an unknown task, ${shown}.${this.#suggest(name)} Write "$\${" for a literal "\${"`);
    }
    if (split.fault !== undefined) return tell('bad_reference', `has ${shown}, which cannot be read from ${describeValue(split.fault)} on`);
    if (split.name === 'input' || isOfElement(split.name)) return undefined;
    if (this.#names.isShared(split.name)) return tell('ambiguous_name', `refers to ${shown}, a name that several tasks have. Use an id`);
    const on = this.#names.find(split.name);
    if (on === from)
      return tell('self_reference', `must refer to another task, got ${shown} in task ${describeValue(this.#tasks[on ?? 0]?.task.id)} itself`);
    return on;
  }

  #suggest(name: string): string {
    return this.#faults.suggest(() => suggestion(name, this.#names.all()));
  }
}
