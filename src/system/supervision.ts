/**
 * What becomes of an actor that threw.
 *
 * Its state is the last sound one, so going on from there is its restart: only the event that it threw at is set aside. An
 * actor that used up its restarts and belongs to a workflow takes that workflow with it: never the system.
 */
import type { DataOf } from '../../machines/events/catalogue.ts';
import { components, type Component } from '../../machines/events/define.ts';
import type { Core } from './core.ts';

/** Components that the system works without; an actor of theirs that keeps throwing is let go. */
const dispensable: ReadonlySet<Component> = new Set<Component>(['alerts', 'metrics', 'health', 'backpressure', 'cleaner']);

export function superviseActors(core: Core): void {
  core.on('system:actor_failed', ({ data }) => {
    if (data.action === 'escalate') escalate(core, data);
    else if (data.action === 'stop') release(core, data);
  });
}

function parse(target: string): { readonly component: Component; readonly key: string } | undefined {
  const slash = target.indexOf('/');
  const name = slash === -1 ? target : target.slice(0, slash);
  const component = components.find((known) => known === name);
  return component && { component, key: slash === -1 ? '' : target.slice(slash + 1) };
}

function release(core: Core, { target }: DataOf<'system:actor_failed'>): void {
  const address = parse(target);
  if (address === undefined || !dispensable.has(address.component)) return;
  const actor = core.registry.get(address.component, address.key);
  if (actor !== undefined) core.registry.drop(actor);
}

/** A task that cannot go on is settled on its behalf; a workflow that cannot go on is ended on its behalf. */
function escalate(core: Core, { target, error, workflowId }: DataOf<'system:actor_failed'>): void {
  const address = parse(target);
  if (address === undefined || workflowId === undefined) return;
  const actor = core.registry.get(address.component, address.key);
  if (actor !== undefined) core.registry.drop(actor);
  if (address.component === 'task') {
    const taskId = address.key.slice(workflowId.length + 1);
    const { protocol = '', attempt = 0 } = (actor?.getSnapshot().context ?? {}) as { readonly protocol?: string; readonly attempt?: number };
    const data = { workflowId, taskId, protocol, reason: error.message, by: 'system', attempts: attempt };
    core.accept({ type: 'task:cancelled', data }, { source: target });
    return;
  }
  for (const task of [...core.registry.group('task', workflowId)]) core.registry.drop(task);
  for (const component of ['workflow', 'resolver'] as const) {
    const partner = core.registry.get(component, workflowId);
    if (partner !== undefined) core.registry.drop(partner);
  }
  const counts = { completed: 0, failed: 0, cancelled: 0, skipped: 0 };
  const data = { workflowId, error, failedTaskIds: [], durationMs: 0, counts };
  core.accept({ type: 'workflow:failed', data }, { source: `workflow/${workflowId}` });
}
