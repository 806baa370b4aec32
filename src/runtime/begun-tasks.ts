/** Which facts of a workflow are about what is still to be done. */
import { type EventType, type GleitzeitEvent, specOf } from '../../machines/events/catalogue.ts';

const ends: ReadonlySet<EventType> = new Set<EventType>(['task:completed', 'task:retry_exhausted', 'task:cancelled', 'task:skipped']);

/** The facts that the state of workflows and tasks follows from, of a journal that may hold transient events as well. */
export function recordedOf(events: readonly GleitzeitEvent[]): readonly GleitzeitEvent[] {
  return events.every(({ type }) => specOf(type).recorded) ? events : events.filter(({ type }) => specOf(type).recorded);
}

/** The tasks that have begun and not ended, each with its facts since its workflow was submitted, or last retried. */
export function begunTasks(facts: readonly GleitzeitEvent[]): ReadonlyMap<string, readonly GleitzeitEvent[]> {
  const begun = new Map<string, GleitzeitEvent[]>();
  // What is said of a task after its end does not begin it again, nor does a report that nobody waited for begin one.
  const completed = new Set<string>();
  let others = new Set<string>();
  for (const fact of facts) {
    const { taskId } = fact.correlation;
    if (fact.type === 'workflow:retried') {
      begun.clear();
      others = new Set();
    }
    if (taskId === undefined || completed.has(taskId) || others.has(taskId)) continue;
    const its = begun.get(taskId);
    if (ends.has(fact.type)) {
      begun.delete(taskId);
      (fact.type === 'task:completed' ? completed : others).add(taskId);
    } else if (its !== undefined) its.push(fact);
    else if (fact.type !== 'task:stale_report') begun.set(taskId, [fact]);
  }
  return begun;
}
