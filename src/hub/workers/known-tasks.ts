/** Which tasks there are, or were: what is stated of a task is recorded, and of one that never was nothing must be. */
import type { Journal } from '../../journal/journal.ts';

/** With every event recorded the command comes before the fact. */
const firstFacts = 3;

/** Whether a workflow has a task, or an element of one, of that id; it may have ended long ago. */
export async function hasTask(journal: Pick<Journal, 'read'>, workflowId: string, taskId: string): Promise<boolean> {
  for (const fact of await journal.read({ workflowId, limit: firstFacts })) {
    if (fact.type !== 'workflow:submitted') continue;
    const [, of] = /^(.*)\[\d+\]$/s.exec(taskId) ?? [];
    return fact.data.definition.tasks.some(({ id, forEach }) => id === taskId || (forEach !== undefined && id === of));
  }
  return false;
}
