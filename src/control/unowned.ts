/**
 * Explains a workflow of a journal that no engine runs on, without touching it: its facts are brought back in a system in memory
 * that is paused and goes when the question is answered.
 */
import type { Journal } from '../journal/journal.ts';
import { memoryJournal } from '../journal/memory.ts';
import type { Explanation } from '../observe/explain.ts';
import { silentLogger } from '../runtime/logger.ts';
import { createSystem } from '../runtime/system.ts';

export interface Question {
  readonly workflowId: string;
  readonly taskId?: string | undefined;
}

/** @throws GleitzeitError WORKFLOW_NOT_FOUND, TASK_NOT_FOUND */
export async function explainUnowned(journal: Journal, { workflowId, taskId }: Question): Promise<Explanation> {
  const copy = memoryJournal();
  await copy.append(await journal.read({ workflowId }));
  const system = createSystem({ journal: copy, builtins: false, log: silentLogger });
  try {
    await system.start({ paused: 'no engine runs on its journal', only: [workflowId] });
    return released(await system.explain(workflowId, taskId));
  } finally {
    await system.stop({ deadlineMs: 0 });
  }
}

/** What a paused engine would have to be asked for, here takes one. */
function released(explanation: Explanation): Explanation {
  const tasks = explanation.tasks.map((task) => ({
    ...task,
    reasons: task.reasons.map((reason) => (reason.kind === 'engine_paused' ? { ...reason, releasedBy: 'an engine starts on the journal' } : reason)),
  }));
  return { ...explanation, tasks };
}
