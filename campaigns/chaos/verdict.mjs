/** Whether everybody tells the same: the journal, the workers' ledger, the submitter and the listener. */
import { createHash } from 'node:crypto';

import { expectedOf, protocol } from './workload.mjs';

/** @returns what is wrong, in words, and what there was */
export function judge({ journal, ledger, fates, submitter, listener, leaseMs }) {
  const runs = runsOf(ledger, journal.attempts);
  const losses = lossesOf(journal.attempts, { ledger, fates, leaseMs });
  const takenOver = judgeRestarts(journal);
  const wrong = [
    ...journal.damages.map(({ message }) => `the journal is damaged: ${message}`),
    ...judgeWorkflows(journal, submitter),
    ...judgeTasks(journal),
    ...judgeRuns(runs, journal),
    ...judgeReports(runs, { journal, fates }),
    ...losses.wrong,
    ...listener.wrong,
    ...judgeListener(listener, journal),
  ];
  const counts = { ...countsOf(journal, runs), losses: losses.counts, overRestarts: takenOver, digest: digestOf(journal.facts).slice(0, 16) };
  return { wrong, counts };
}

/** What the ledger says of each attempt. */
function runsOf(ledger, attempts) {
  const leases = new Map([...attempts.values()].map(({ task, attempt, leaseId }) => [`${task}#${attempt}`, leaseId]));
  const runs = new Map();
  for (const line of ledger) {
    const { at, workflowId, taskId, attempt, pid } = line;
    if (at === 'heard') continue;
    const name = `${workflowId}/${taskId}#${attempt}`;
    const leaseId = line.leaseId ?? leases.get(name) ?? name;
    const run = runs.get(leaseId) ?? { name, leaseId, begins: [], values: [], sent: [], accepted: 0, refused: 0, codes: [] };
    runs.set(leaseId, run);
    if (at === 'begin') run.begins.push(line);
    if (at === 'end') run.values.push(line.value);
    if (at === 'sent') run.sent.push(pid);
    if (at === 'answered' && line.accepted === true) run.accepted++;
    if (at === 'answered' && line.accepted === false) run.refused++;
    if (at === 'answered' && line.accepted === undefined) run.codes.push(line.code);
  }
  return runs;
}

function judgeWorkflows({ workflows }, { acknowledged, results }) {
  const wrong = [];
  for (const id of acknowledged) if (!workflows.has(id)) wrong.push(`${id} was acknowledged and is not there`);
  for (const [id, { submitted, retried, ends }] of workflows) {
    const [result, end, { output }] = [results.get(id), ends.at(-1), expectedOf(id)];
    if (submitted !== 1 || ends.length !== 1 + retried)
      wrong.push(`${id} was submitted ${submitted} times, retried ${retried} times, and ended ${ends.length} times`);
    else if (end.type !== 'workflow:completed') wrong.push(`${id} is ${end.type}: ${end.error?.code} ${end.error?.message}`);
    else if (end.output !== output || result?.output !== output)
      wrong.push(`${id} must give ${output}, gave ${end.output}, and its submitter was told ${result?.output}`);
  }
  return wrong;
}

function judgeTasks({ tasks, workflows }) {
  const wrong = [];
  for (const id of workflows.keys()) {
    for (const [taskId, value] of Object.entries(expectedOf(id).values)) {
      const completed = tasks.get(`${id}/${taskId}`)?.completed ?? [];
      if (completed.length !== 1) wrong.push(`${id}/${taskId} completed ${completed.length} times`);
      else if (completed[0].result.value !== value) wrong.push(`${id}/${taskId} must give ${value}, and gave ${completed[0].result.value}`);
    }
  }
  for (const [name, { started, completed, after, lost, quarantined }] of tasks) {
    // A fan-out ends with the error of the element that it fails for.
    if (lost < 3 * quarantined && !isFanOut(name)) wrong.push(`${name} was quarantined ${quarantined} times after ${lost} lost attempts`);
    if (completed.length > 1) wrong.push(`${name} completed ${completed.length} times`);
    if (after.length > 0) wrong.push(`${name} had completed, and then there is ${after.join(', ')}`);
    if (started.some((attempt, at) => at > 0 && attempt <= started[at - 1])) wrong.push(`${name} has attempts out of order: ${started.join(', ')}`);
  }
  return wrong;
}

function judgeRuns(runs, { tasks, attempts }) {
  const wrong = [];
  for (const { name, leaseId, begins, values } of runs.values()) {
    const task = name.slice(0, name.lastIndexOf('#'));
    if (attempts.get(leaseId)?.startedSeq === undefined) wrong.push(`${name} ran, and its start is not recorded`);
    if (begins.length > 1) wrong.push(`${name} began ${begins.length} times under one lease`);
    if (begins.some(({ idempotencyKey }) => idempotencyKey !== task)) wrong.push(`${name} ran with the idempotency key ${begins[0].idempotencyKey}`);
    const [completed] = tasks.get(task)?.completed ?? [];
    for (const { attempt, time } of begins) {
      if (completed !== undefined && (attempt > completed.attempt || (attempt === completed.attempt && time > completed.time)))
        wrong.push(`${name} began after attempt ${completed.attempt} had completed`);
    }
    if (completed?.leaseId === leaseId && !values.includes(completed.result.value)) wrong.push(`${name} completed with what no worker came to`);
  }
  for (const [name, { completed }] of tasks) {
    const ran = completed.filter(({ leaseId }) => leaseId !== undefined && !runs.has(leaseId));
    if (ran.length > 0) wrong.push(`${name} completed, and never ran`);
  }
  return wrong;
}

/** What counts stands in the journal; what was refused stands there as refused. */
function judgeReports(runs, { journal: { attempts }, fates }) {
  const wrong = [];
  const gone = new Set(fates.filter(({ what }) => what === 'killed').map(({ pid }) => pid));
  for (const { name, leaseId, sent, accepted, refused, codes } of runs.values()) {
    const { stale = 0, ends = [] } = attempts.get(leaseId) ?? {};
    const reported = ends.filter(({ how }) => how === 'completed' || how === 'error').length;
    if (ends.length > 1) wrong.push(`${name} ended ${ends.length} times: ${ends.map(({ how }) => how).join(', ')}`);
    if (accepted > reported) wrong.push(`${name}: ${accepted} reports were accepted, and ${reported} stand in the journal`);
    if (refused > stale) wrong.push(`${name}: ${refused} reports were refused, and ${stale} are seen as task:stale_report`);
    if (reported + stale > sent.length) wrong.push(`${name}: ${sent.length} reports were sent, and ${reported + stale} were heard`);
    // What it was told to abort a worker may forget.
    if (sent.length > 0 && ends.length === 0 && !sent.some((pid) => gone.has(pid)))
      wrong.push(`${name} was reported by a worker that lives, and never answered (${codes.join(', ')})`);
  }
  return wrong;
}

/** An attempt that began may be lost, or given up, only where nothing was heard of its worker for a lease. */
function lossesOf(attempts, { ledger, fates, leaseMs }) {
  const wrong = [];
  const counts = { killed: 0, stopped: 0, 'told to end': 0, 'cut off': 0, 'never begun': 0 };
  const begun = new Set(ledger.filter(({ at }) => at === 'begin').map(({ workflowId, taskId, attempt }) => `${workflowId}/${taskId}#${attempt}`));
  for (const { task, attempt, workerId = '', startedAt, ends } of attempts.values()) {
    const [{ how, time } = {}] = ends;
    const name = workerId.slice(0, -protocol.length - 1);
    const fate = fates.find((each) => each.name === name && each.from <= time && each.to >= startedAt);
    const isLoss = how === 'lost' || (how === 'abandoned' && begun.has(`${task}#${attempt}`));
    if (how === 'abandoned' && !isLoss) counts['never begun']++;
    if (isLoss && fate !== undefined) counts[fate.what]++;
    if (isLoss && fate === undefined) {
      const heard = ledger.findLast((line) => line.at === 'heard' && line.workerId === workerId && line.from > time - leaseMs && line.time < time);
      if (heard === undefined) counts['cut off']++;
      else wrong.push(`${task}#${attempt} was ${how} by ${name}, which had been heard of ${time - heard.from} ms before`);
    }
    if (how === 'timeout') wrong.push(`${task}#${attempt} ran into its timeout`);
  }
  return { wrong, counts };
}

/** What became of the attempts that ran while the hub was gone: each went on, or is among the losses. */
function judgeRestarts({ attempts, starts }) {
  const counts = { adopted: 0, lost: 0, givenBack: 0 };
  for (const seq of starts.slice(1)) {
    for (const { startedSeq, ends } of attempts.values()) {
      const [end] = ends;
      if (startedSeq === undefined || startedSeq > seq || end === undefined || end.seq < seq) continue;
      if (end.how === 'lost') counts.lost++;
      else if (end.how === 'abandoned') counts.givenBack++;
      else counts.adopted++;
    }
  }
  return counts;
}

function judgeListener({ heard }, { facts }) {
  const wrong = [];
  const known = new Set(facts.map(({ seq }) => seq));
  const told = [...heard].map(([seq, { id, type }]) => ({ seq, id, type })).sort((a, b) => a.seq - b.seq);
  const missed = facts.filter(({ seq, id }) => heard.get(seq)?.id !== id);
  const extra = told.filter(({ seq }) => !known.has(seq));
  for (const { seq, type } of missed.slice(0, 10)) wrong.push(`the listener was not told of ${seq} (${type})`);
  for (const { seq, type } of extra.slice(0, 10)) wrong.push(`the listener was told of ${seq} (${type}), which is not in the journal`);
  if (digestOf(told) !== digestOf(facts))
    wrong.push(`the digest of ${told.length} events that the listener was told of is not that of the journal's`);
  return wrong;
}

/** Each event's place and id, chained. */
function digestOf(events) {
  return events.reduce((digest, { seq, id }) => createHash('sha256').update(`${digest} ${seq} ${id}`).digest('hex'), '');
}

const isFanOut = (name) => name.endsWith('/each');

function countsOf({ facts, workflows, tasks, attempts }, runs) {
  const all = [...runs.values()];
  const sum = (list, count) => list.reduce((total, each) => total + count(each), 0);
  const isLost = ({ leaseId }) => attempts.get(leaseId)?.ends.some(({ how }) => how === 'lost') === true;
  return {
    workflows: workflows.size,
    facts: facts.length,
    completed: [...tasks.values()].filter(({ completed }) => completed.length === 1).length,
    quarantined: sum([...tasks], ([name, { quarantined }]) => (isFanOut(name) ? 0 : quarantined)),
    attempts: attempts.size,
    runs: sum(all, ({ begins }) => begins.length),
    accepted: sum(all, ({ accepted }) => accepted),
    refusedLate: sum(all.filter(isLost), ({ refused }) => refused),
    refusedRepeated: sum(
      all.filter((run) => !isLost(run)),
      ({ refused }) => refused,
    ),
    staleReports: sum([...attempts.values()], ({ stale }) => stale),
  };
}
