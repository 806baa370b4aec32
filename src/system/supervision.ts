/**
 * What becomes of an actor that threw.
 *
 * Its state is the last sound one, so going on from there is its restart: only the event that it threw at is set aside. An
 * actor that used up its restarts and belongs to a workflow takes that workflow with it: never the system.
 */
import type { DataOf, EventOf } from '../../machines/events/catalogue.ts';
import { type Component, components } from '../../machines/events/define.ts';
import type { Registry } from './registry.ts';

/** What supervision needs of the core. */
interface Supervised {
  readonly registry: Registry;
  on(type: 'system:actor_failed', effect: (event: EventOf<'system:actor_failed'>) => void): void;
}

/** Components that the system works without; an actor of theirs that keeps throwing is let go. */
const dispensable: ReadonlySet<Component> = new Set<Component>(['alerts', 'metrics', 'health', 'backpressure', 'cleaner']);

export function superviseActors(core: Supervised): void {
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

function release(core: Supervised, { target }: DataOf<'system:actor_failed'>): void {
  const address = parse(target);
  if (address === undefined || !dispensable.has(address.component)) return;
  const actor = core.registry.get(address.component, address.key);
  if (actor !== undefined) core.registry.drop(actor);
}

/** The workflow hears of it by itself, and settles the lost task; here the lost actor goes. */
function escalate(core: Supervised, { target }: DataOf<'system:actor_failed'>): void {
  const address = parse(target);
  const actor = address?.component === 'task' ? core.registry.get('task', address.key) : undefined;
  if (actor !== undefined) core.registry.drop(actor);
}
