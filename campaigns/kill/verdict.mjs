/** Whether a journal and a ledger keep what was promised, whatever happened to the engines between. */
import { existsSync, readFileSync } from 'node:fs';

import { checkJournal, sqliteJournal } from '../library.mjs';
import { expectedOf } from './workload.mjs';

const linesOf = (file) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);
/** The ledger is kept by the clock on the wall, and events by one that goes on evenly: they need not agree to the millisecond. */
const clockSkewMs = 250;
const ends = new Set(['workflow:completed', 'workflow:failed', 'workflow:cancelled']);
const nameOf = ({ workflowId, taskId }) => `${workflowId}/${taskId}`;

/** @returns what is wrong, in words, and what there was */
export async function judge(path) {
  const { damages } = await checkJournal(path);
  const wrong = damages.map(({ message }) => `the journal is damaged: ${message}`);
  const journal = sqliteJournal(path, { readOnly: true });
  await journal.open();
  const [heads, facts] = [await journal.list(), await journal.read()];
  await journal.close();
  const acks = new Set(linesOf(`${path}.acks`));
  const ledger = linesOf(`${path}.ledger`).map((line) => JSON.parse(line));
  const tasks = tasksOf(facts);
  wrong.push(...judgeWorkflows(heads, { facts, acks, tasks }), ...judgeTasks(tasks), ...judgeLedger(ledger, tasks));
  const all = [...tasks.values()];
  const counts = {
    acknowledged: acks.size,
    workflows: heads.length,
    facts: facts.length,
    tasks: tasks.size,
    attempts: ledger.filter(({ at }) => at === 'start').length,
    lostAttempts: all.reduce((sum, { lost }) => sum + lost, 0),
    quarantined: all.filter(({ quarantined }) => quarantined).length,
  };
  return { wrong, counts };
}

/** What the facts say of each task. */
function tasksOf(facts) {
  const tasks = new Map();
  for (const { type, data, time, correlation } of facts) {
    if (correlation.taskId === undefined) continue;
    const name = nameOf(correlation);
    const task = tasks.get(name) ?? { started: [], completed: [], after: [], lost: 0, quarantined: false };
    tasks.set(name, task);
    if (task.completed.length > 0) task.after.push(type);
    if (type === 'task:started') task.started.push(data.attempt);
    if (type === 'task:completed') task.completed.push({ attempt: data.attempt, time });
    if (type === 'task:failed' && data.ended === 'lost') task.lost++;
    if (type === 'task:retry_exhausted' && data.error.code === 'TASK_QUARANTINED') task.quarantined = true;
  }
  return tasks;
}

function judgeWorkflows(heads, { facts, acks, tasks }) {
  const wrong = [];
  const known = new Map(heads.map((head) => [head.workflowId, head]));
  for (const id of acks) if (!known.has(id)) wrong.push(`${id} was acknowledged and is not there`);
  const seen = new Map(heads.map(({ workflowId }) => [workflowId, { submitted: 0, ends: [] }]));
  for (const fact of facts) {
    const entry = seen.get(fact.correlation.workflowId);
    if (fact.type === 'workflow:submitted') entry.submitted++;
    if (ends.has(fact.type)) entry.ends.push(fact);
  }
  const gaveUp = new Set([...tasks].filter(([, { quarantined }]) => quarantined).map(([name]) => name.slice(0, name.indexOf('/'))));
  for (const [id, entry] of seen) {
    if (entry.submitted !== 1) wrong.push(`${id} was submitted ${entry.submitted} times`);
    if (entry.ends.length !== 1) wrong.push(`${id} ended ${entry.ends.length} times`);
    else if (!gaveUp.has(id)) wrong.push(...judgeEnd(id, entry.ends[0]));
    else if (entry.ends[0].type !== 'workflow:failed') wrong.push(`${id} has a quarantined task and ended as ${entry.ends[0].type}`);
  }
  return wrong;
}

function judgeEnd(id, { type, data }) {
  const { status, output, code } = expectedOf(id);
  if (type !== `workflow:${status}`) return [`${id} must end ${status}, and is ${type} (${data.error?.code}: ${data.error?.message})`];
  if (status === 'completed' && data.output !== output) return [`${id} must give ${output}, and gave ${JSON.stringify(data.output)}`];
  if (code !== undefined && data.error.code !== code) return [`${id} must fail with ${code}, and failed with ${data.error.code}`];
  return [];
}

function judgeTasks(tasks) {
  const wrong = [];
  for (const [name, { started, completed, after, lost, quarantined }] of tasks) {
    if (completed.length > 1) wrong.push(`${name} completed ${completed.length} times`);
    if (after.length > 0) wrong.push(`${name} had completed, and then there is ${after.join(', ')}`);
    if (started.some((attempt, at) => at > 0 && attempt <= started[at - 1])) wrong.push(`${name} has attempts out of order: ${started.join(', ')}`);
    // A fan-out fails with the error of the element that it fails for.
    if (quarantined && lost < 3 && !name.endsWith('/each')) wrong.push(`${name} was quarantined after ${lost} lost attempts`);
    if (!quarantined && lost > 3) wrong.push(`${name} lost ${lost} attempts and was not quarantined`);
  }
  return wrong;
}

function judgeLedger(ledger, tasks) {
  const wrong = [];
  const starts = new Set();
  const ended = new Set();
  for (const { at, attempt, idempotencyKey, time, life, ...of } of ledger) {
    const [name, run] = [nameOf(of), `${nameOf(of)}#${attempt}`];
    const task = tasks.get(name);
    if (idempotencyKey !== name) wrong.push(`${run} ran with the idempotency key ${idempotencyKey}`);
    if (at === 'end') ended.add(run);
    if (at !== 'start') continue;
    if (starts.has(run)) wrong.push(`${run} ran twice, the second time in life ${life}`);
    starts.add(run);
    if (task?.started.includes(attempt) !== true) wrong.push(`${run} ran, and its start is not recorded`);
    const [completed] = task?.completed ?? [];
    if (completed !== undefined && (attempt > completed.attempt || time > completed.time + clockSkewMs)) {
      wrong.push(`${run} ran in life ${life}, after attempt ${completed.attempt} had completed`);
    }
  }
  for (const [name, { completed }] of tasks) {
    // A fan-out completes by its elements.
    if (name.endsWith('/each')) continue;
    for (const { attempt } of completed) if (!ended.has(`${name}#${attempt}`)) wrong.push(`${name}#${attempt} completed, and never ran to its end`);
  }
  return wrong;
}
