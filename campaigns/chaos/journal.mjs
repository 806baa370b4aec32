/** What the journal says in the end: of workflows, of tasks, and of each attempt by its lease. */
import { checkJournal, sqliteJournal } from '../library.mjs';

export async function readJournal(path) {
  const { damages } = await checkJournal(path);
  const journal = sqliteJournal(path, { readOnly: true });
  await journal.open();
  const facts = await journal.read();
  await journal.close();
  return { damages, facts, ...folded(facts) };
}

const nameOf = ({ workflowId, taskId }) => `${workflowId}/${taskId}`;
const madeIn = (map, key, make) => map.get(key) ?? map.set(key, make()).get(key);

function folded(facts) {
  const [workflows, tasks, attempts] = [new Map(), new Map(), new Map()];
  /** When the hub came back, by `seq`: what ran by then ran while it was gone. */
  const starts = [];
  for (const { type, seq, time, data, correlation } of facts) {
    if (type === 'system:started') starts.push(seq);
    const { workflowId, taskId } = correlation;
    if (workflowId === undefined) continue;
    const workflow = madeIn(workflows, workflowId, () => ({ submitted: 0, retried: 0, ends: [] }));
    if (type === 'workflow:submitted') workflow.submitted++;
    if (type === 'workflow:retried') workflow.retried++;
    if (/^workflow:(completed|failed|cancelled)$/.test(type)) workflow.ends.push({ type, ...data });
    if (taskId === undefined) continue;
    const task = madeIn(tasks, nameOf(correlation), () => ({ workflowId, taskId, started: [], completed: [], after: [], lost: 0, quarantined: 0 }));
    if (task.completed.length > 0 && type !== 'task:stale_report') task.after.push(type);
    const { leaseId } = data;
    const attempt = leaseId === undefined ? undefined : madeIn(attempts, leaseId, () => ({ leaseId, task: nameOf(correlation), stale: 0, ends: [] }));
    if (type === 'task:started') {
      task.started.push(data.attempt);
      Object.assign(attempt, {
        attempt: data.attempt,
        workerId: data.workerId,
        idempotencyKey: data.idempotencyKey,
        startedSeq: seq,
        startedAt: time,
      });
    }
    if (type === 'task:completed') task.completed.push({ attempt: data.attempt, time, leaseId, result: data.result });
    if (type === 'task:completed') attempt?.ends.push({ how: 'completed', seq, time });
    if (type === 'task:failed') attempt?.ends.push({ how: data.ended, seq, time });
    if (type === 'task:failed' && data.ended === 'lost') task.lost++;
    if (type === 'task:cancelled') attempt?.ends.push({ how: 'cancelled', seq, time });
    if (type === 'task:stale_report') attempt.stale++;
    if (type === 'task:retry_exhausted' && data.error.code === 'TASK_QUARANTINED') task.quarantined++;
  }
  return { workflows, tasks, attempts, starts };
}
