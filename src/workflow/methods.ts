/** Checks that somebody can carry out what a workflow asks for. */
import type { TaskDefinition, WorkflowDefinition } from '../../machines/events/definition.ts';
import type { Issue } from '../errors.ts';
import { describeValue } from '../thrown.ts';
import { finished, type Work } from '../work.ts';
import { errorWith, Faults, lineOf } from './faults.ts';
import { suggestion } from './nearest.ts';
import type { AnyWorkflow } from './workflow.ts';

/** Tasks that are looked at in one step. */
const tasksAtOnce = 64;

/** The methods of every protocol that is known. */
export type KnownMethods = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Checks the protocol and method of every task, and gives the definition with implied protocols found: a task that asks for
 * `text/words` alone, where `text/v1` does not have it, gets the one protocol that does.
 *
 * @param own - Where that one is looked for: what is found so is not to be found at whoever cares to offer it from outside.
 * @throws GleitzeitError PROTOCOL_NOT_FOUND or METHOD_NOT_FOUND, with every such task in `issues`.
 */
export function checkMethods(workflow: AnyWorkflow, known: KnownMethods, own = known): WorkflowDefinition {
  return finished(checkingMethods(workflow, known, own));
}

/** The same as {@link checkMethods}, for whoever does it in portions. */
export function* checkingMethods(
  { definition, impliedProtocols: implied, locate }: AnyWorkflow,
  known: KnownMethods,
  own = known,
): Work<WorkflowDefinition> {
  const faults = new Faults();
  const owners = ownersOf(own);
  const found = new Map<TaskDefinition, string>();
  let isProtocolMissing = false;
  for (const [index, task] of definition.tasks.entries()) {
    if (index % tasksAtOnce === 0) yield;
    const methods = known.get(task.protocol);
    if (methods?.has(task.method)) continue;
    const [owner, second] = implied.has(task.id) ? (owners.get(task.method) ?? []) : [];
    if (owner !== undefined && second === undefined) {
      found.set(task, owner);
      continue;
    }
    isProtocolMissing ||= !methods;
    const of = `of task ${describeValue(task.id)}`;
    if (methods) {
      const hint = faults.suggest(() => suggestion(task.method, methods));
      const all = [...methods].slice(0, 20).join(', ');
      faults.add(
        ['tasks', index, 'method'],
        'unknown_method',
        `${of} must be a method of ${task.protocol}, got ${describeValue(task.method)}.${hint || ` It has ${all}.`}`,
      );
    } else {
      const hint = faults.suggest(() => suggestion(task.protocol, known.keys()));
      const all = [...known.keys()].slice(0, 20).join(', ');
      faults.add(
        ['tasks', index, 'protocol'],
        'unknown_protocol',
        `${of} must be a protocol that a provider carries out, got ${describeValue(task.protocol)}.${hint || ` Known are ${all}.`}`,
      );
    }
  }
  if (!faults.none) throw methodsError(definition.name, faults.issues('The definition', locate), isProtocolMissing);
  if (found.size === 0) return definition;
  return { ...definition, tasks: definition.tasks.map((task) => ({ ...task, protocol: found.get(task) ?? task.protocol })) };
}

function methodsError(name: string, issues: readonly Issue[], isProtocolMissing: boolean) {
  const shown = issues.slice(0, 20).map(lineOf);
  const more = issues.length > shown.length ? [`and ${issues.length - shown.length} more`] : [];
  const code = isProtocolMissing ? 'PROTOCOL_NOT_FOUND' : 'METHOD_NOT_FOUND';
  return errorWith(code, `Workflow ${describeValue(name)}: ${[...shown, ...more].join('\n  ')}`, issues);
}

function ownersOf(known: KnownMethods): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string[]>();
  for (const [protocol, methods] of known) for (const method of methods) owners.set(method, [...(owners.get(method) ?? []), protocol]);
  return owners;
}
