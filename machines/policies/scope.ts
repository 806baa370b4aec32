/** What references see from inside a workflow: its tasks, its input, and the element of a fan-out. */
import type { WorkflowDefinition } from '../events/definition.ts';
import type { Scope, TaskRoot } from './resolution.ts';
import { topologyOf } from './topology.ts';

export type ScopeSource = {
  readonly definition: WorkflowDefinition;
  readonly input: unknown;
  /** What has become of the task at a position. */
  readonly ofTask: (index: number) => TaskRoot;
  /** The element that `item` and `index` stand for. */
  readonly element?: { readonly item: unknown; readonly index: number };
};

/** Makes the scope; `item` and `index` stand for themselves inside a fan-out only, `input` always, before any task so called. */
export function scopeOf({ definition, input, ofTask, element }: ScopeSource): Scope {
  const { byName } = topologyOf(definition);
  return {
    root: (name) => {
      if (name === 'input') return { of: 'input', value: input };
      if (element !== undefined && name === 'item') return { of: 'item', value: element.item };
      if (element !== undefined && name === 'index') return { of: 'index', value: element.index };
      const index = byName.get(name);
      return index === undefined ? undefined : ofTask(index);
    },
  };
}
