/** The names by which the tasks of one workflow know each other. */
import { longestName } from '../../machines/policies/references.ts';
import { misfitOfText } from '../json-rules.ts';
import { describeValue } from '../thrown.ts';
import type { TaskDraft } from './draft.ts';
import { type Faults, pathText } from './faults.ts';
import { forbiddenNames } from './reading.ts';

export class Names {
  readonly #ids = new Map<string, number>();
  readonly #names = new Map<string, number>();
  readonly #shared = new Set<string>();

  /** Takes the ids and names of all tasks, and tells those that cannot be names or that are given twice. */
  constructor(tasks: readonly TaskDraft[], faults: Faults) {
    for (const [index, { task, at, path }] of tasks.entries()) {
      const wrong = whyNoName(task.id) ?? (task.name === undefined ? undefined : whyNoName(task.name));
      const first = this.#ids.get(task.id);
      if (wrong !== undefined) faults.add(at('id'), 'forbidden_name', wrong);
      if (first === undefined) this.#ids.set(task.id, index);
      else {
        const other = pathText(tasks[first]?.path ?? []);
        faults.add(
          at('id'),
          'duplicate_id',
          `must be unique in the workflow, ${describeValue(task.id)} is the id of ${other} as well as of ${pathText(path)}`,
        );
      }
    }
    for (const [index, { task, at }] of tasks.entries()) {
      if (task.name === undefined || task.name === task.id) continue;
      const owner = this.#ids.get(task.name);
      if (owner !== undefined && owner !== index) {
        faults.add(
          at('name'),
          'duplicate_id',
          `must not be the id of another task, ${describeValue(task.name)} is that of ${pathText(tasks[owner]?.path ?? [])}`,
        );
      } else if (this.#names.has(task.name)) this.#shared.add(task.name);
      else this.#names.set(task.name, index);
    }
  }

  /** The position of the task that an id or a name stands for. */
  find(name: string): number | undefined {
    return this.#ids.get(name) ?? this.#names.get(name);
  }

  /** Whether several tasks have the name, so that it stands for none of them. */
  isShared(name: string): boolean {
    return this.#shared.has(name) && !this.#ids.has(name);
  }

  *all(): Generator<string> {
    yield* this.#ids.keys();
    yield* this.#names.keys();
  }
}

/** Why a text cannot name a task or a workflow, or undefined where it can. */
export function whyNoName(name: string): string | undefined {
  const misfit = misfitOfText(name);
  if (misfit) return misfit.message;
  if (forbiddenNames.has(name)) return `must not be ${describeValue(name)}: every object answers to that name`;
  if (name === 'input') return 'must not be "input": in references that is the input of the workflow';
  if (name.length > longestName) return `must have at most ${longestName} characters, has ${name.length}`;
  if (name !== name.trim()) return `must not begin or end with a blank, got ${describeValue(name)}`;
  if (/[\u0000-\u001f\u007f]/.test(name)) return `must not contain control characters, got ${describeValue(name)}`;
  if (/[{}]/.test(name)) return `must not contain braces, which end a reference, got ${describeValue(name)}`;
  if (/\[\d+\]$/.test(name)) return `must not end like ${describeValue(name)}: so are the elements of a fan-out called`;
  return undefined;
}
