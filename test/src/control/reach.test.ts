import { existsSync, symlinkSync } from 'node:fs';

import { describe, expect, it, onTestFinished } from 'vitest';

import { controlAddress } from '../../../src/control/address.ts';
import { askOwner } from '../../../src/control/client.ts';
import { reach } from '../../../src/control/reach.ts';
import { explainUnowned } from '../../../src/control/unowned.ts';
import { type GleitzeitEvent, loadWorkflow, sqliteJournal } from '../../../src/index.ts';
import { recordedSchedules } from '../../../src/runtime/schedules.ts';
import { recordOf } from '../../../src/workflow/restore.ts';
import { engineOn, gate, placeForJournal, until } from './places.ts';

const chain = async () =>
  loadWorkflow({
    name: 'chain',
    tasks: [
      { id: 'a', method: 'gate/wait' },
      { id: 'b', method: 'gate/wait', dependencies: ['a'] },
    ],
  });

const submit = async (id: string) => ({ command: 'submit', data: { workflow: recordOf(await chain()), id } }) as const;

async function factsIn(path: string): Promise<readonly GleitzeitEvent[]> {
  const journal = sqliteJournal(path, { readOnly: true });
  await journal.open();
  try {
    return await journal.read();
  } finally {
    await journal.close();
  }
}

const typesOf = (facts: readonly GleitzeitEvent[], workflowId: string) =>
  facts.filter(({ correlation }) => correlation.workflowId === workflowId).map(({ type }) => type);

describe('a journal that no engine owns', { timeout: 20_000 }, () => {
  it('takes a submit, runs nothing of it, and calls no provider; the next engine does', async () => {
    const path = placeForJournal();
    const { provider, calls, open } = gate();
    const given = { providers: () => Promise.resolve([provider]) };
    expect(await reach(path, await submit('w'), given)).toEqual({ by: 'caller', answer: { workflowId: 'w', status: 'running' } });
    expect(calls).toEqual([]);
    expect(typesOf(await factsIn(path), 'w')).toEqual(['workflow:submitted', 'workflow:validated', 'workflow:started']);

    // Submitted again it is the same run.
    await reach(path, await submit('w'), given);
    expect(typesOf(await factsIn(path), 'w')).toHaveLength(3);

    open();
    const { system } = await engineOn(path, { provider });
    expect(await system.result('w')).toMatchObject({ status: 'completed' });
    expect(calls).toEqual(['start', 'a', 'b']);
  });

  it('refuses a submit that no provider could carry out, or that is another under the same id', async () => {
    const path = placeForJournal();
    const { provider } = gate();
    const given = { providers: () => Promise.resolve([provider]) };
    await expect(reach(path, await submit('w'))).rejects.toMatchObject({ code: 'PROTOCOL_NOT_FOUND' });
    await reach(path, await submit('w'), given);
    const other = recordOf(await loadWorkflow({ name: 'other', tasks: [{ id: 'a', method: 'gate/wait' }] }));
    await expect(reach(path, { command: 'submit', data: { workflow: other, id: 'w' } }, given)).rejects.toMatchObject({
      code: 'WORKFLOW_INVALID_STATE',
    });
  });

  it('has a workflow paused, resumed and cancelled, and touches no other', async () => {
    const path = placeForJournal();
    const { provider, calls } = gate();
    const given = { providers: () => Promise.resolve([provider]) };
    await reach(path, await submit('w'), given);
    await reach(path, await submit('other'), given);
    const other = typesOf(await factsIn(path), 'other');
    const about = { workflowId: 'w' };
    expect(await reach(path, { command: 'pause', data: about })).toMatchObject({ by: 'caller', answer: { status: 'paused' } });
    expect(await reach(path, { command: 'resume', data: about })).toMatchObject({ by: 'caller', answer: { status: 'running' } });
    expect(await reach(path, { command: 'cancel', data: { ...about, reason: 'enough' } })).toMatchObject({ answer: { status: 'cancelled' } });
    const facts = await factsIn(path);
    expect(facts.find(({ type }) => type === 'workflow:cancelling')?.data).toMatchObject({ reason: 'enough' });
    expect(typesOf(facts, 'other')).toEqual(other);
    expect(calls).toEqual([]);
    // What has ended stays as it is.
    expect(await reach(path, { command: 'cancel', data: about })).toMatchObject({ answer: { status: 'cancelled' } });
    await expect(reach(path, { command: 'pause', data: about })).rejects.toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
    await expect(reach(path, { command: 'cancel', data: { workflowId: 'none' } })).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  });

  it('gives an attempt that was under way a new one, counted as lost once only', async () => {
    const path = placeForJournal();
    const { provider, calls, open } = gate();
    const first = await engineOn(path, { provider });
    await first.system.submit(await chain(), { id: 'w' });
    await until(() => calls.includes('a'));
    await first.stop();
    for (const command of ['pause', 'resume', 'pause', 'resume'] as const) await reach(path, { command, data: { workflowId: 'w' } });
    expect(typesOf(await factsIn(path), 'w').filter((type) => type === 'task:failed')).toHaveLength(1);
    open();
    const second = await engineOn(path, { provider });
    expect(await second.system.result('w')).toMatchObject({ status: 'completed', tasks: { a: { attempts: 2 } } });
  });

  it('takes a schedule and gives it away again: none comes due meanwhile, and the next engine starts what is missed', async () => {
    const path = placeForJournal();
    const { provider, calls, open } = gate();
    const given = { providers: () => Promise.resolve([provider]) };
    const past = { at: Date.now() - 60_000, overlap: 'queue' };
    const schedule = async (id: string, options: object = past) =>
      reach(path, { command: 'schedule', data: { workflow: recordOf(await chain()), options: { id, ...options } } }, given);
    expect(await schedule('s')).toMatchObject({ by: 'caller', answer: { id: 's', overlap: 'queue', isBehind: true, running: null } });
    await schedule('gone');
    // Made again it is the same one, and another one is refused.
    await schedule('s');
    await expect(schedule('s', { everyMs: 60_000 })).rejects.toMatchObject({ code: 'SCHEDULING_FAILED' });
    await expect(schedule('bad', { everyMs: 1, more: true })).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
    expect(await reach(path, { command: 'unschedule', data: { scheduleId: 'gone' } })).toEqual({ by: 'caller', answer: { scheduleId: 'gone' } });
    await expect(reach(path, { command: 'unschedule', data: { scheduleId: 'gone' } })).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
    const types = (await factsIn(path)).map(({ type }) => type);
    expect(types.filter((type) => type.startsWith('cron:') || type.startsWith('workflow:'))).toEqual([
      'cron:created',
      'cron:created',
      'cron:removed',
    ]);

    open();
    const { system, events } = await engineOn(path, { provider });
    await until(() => events.some(({ type }) => type === 'cron:finished'));
    expect((await system.list()).map(({ workflowId, status }) => [workflowId, status])).toEqual([
      [`s@${new Date(past.at).toISOString()}`, 'completed'],
    ]);
    expect(calls).toEqual(['start', 'a', 'b']);
  });

  it('explains what a start would find, and is not written', async () => {
    const path = placeForJournal();
    const { provider } = gate();
    await reach(path, await submit('w'), { providers: () => Promise.resolve([provider]) });
    const before = await factsIn(path);
    const journal = sqliteJournal(path, { readOnly: true });
    await journal.open();
    const { status, tasks } = await explainUnowned(journal, { workflowId: 'w' });
    await journal.close();
    expect(status).toBe('running');
    expect(tasks.map(({ taskId, reasons }) => [taskId, reasons[0]?.kind])).toEqual([
      ['a', 'engine_paused'],
      ['b', 'dependency'],
    ]);
    expect(tasks[0]?.reasons[0]).toMatchObject({ releasedBy: 'an engine starts on the journal' });
    expect(await factsIn(path)).toEqual(before);
  });
});

describe('a journal that an engine owns', { timeout: 20_000 }, () => {
  it('is spoken to by any path of the file, and does what it is asked for', async () => {
    const path = placeForJournal();
    const held = gate();
    const { system, events } = await engineOn(path, held);
    const link = `${path}.link`;
    symlinkSync(path, link);
    expect(controlAddress(link)).toBe(controlAddress(path));

    expect(await reach(link, { command: 'hello', data: {} })).toEqual({
      by: 'owner',
      answer: { pid: process.pid, phase: 'running', storage: null, wallAheadMs: expect.any(Number) },
    });
    expect(await reach(path, await submit('w'))).toMatchObject({ by: 'owner', answer: { workflowId: 'w' } });
    await until(() => held.calls.includes('a'));
    const { answer } = await reach(path, { command: 'explain', data: { workflowId: 'w', taskId: 'a' } });
    expect(answer.tasks.map(({ taskId, state }) => [taskId, state])).toEqual([['a', 'running']]);
    expect(await reach(path, { command: 'pause', data: { workflowId: 'w', reason: 'lunch' } })).toMatchObject({
      by: 'owner',
      answer: { status: 'paused' },
    });
    expect(events.find(({ type }) => type === 'workflow:paused')?.data).toMatchObject({ reason: 'lunch' });
    // It was durable when the answer came.
    expect((await factsIn(path)).map(({ type }) => type)).toContain('workflow:paused');
    await reach(path, { command: 'resume', data: { workflowId: 'w' } });
    await reach(path, { command: 'cancel', data: { workflowId: 'w' } });
    expect(await system.result('w')).toMatchObject({ status: 'cancelled' });
    await expect(reach(path, { command: 'explain', data: { workflowId: 'none' } })).rejects.toMatchObject({
      code: 'WORKFLOW_NOT_FOUND',
      rpcCode: -28_002,
    });
  });

  it('takes a submit that its own providers can carry out, with its faults told', async () => {
    const path = placeForJournal();
    await engineOn(path, gate());
    const unknown = recordOf(await loadWorkflow({ name: 'u', tasks: [{ id: 'a', method: 'gate/none', protocol: 'gate/v1' }] }));
    await expect(reach(path, { command: 'submit', data: { workflow: unknown, id: 'u' } })).rejects.toMatchObject({
      code: 'METHOD_NOT_FOUND',
      issues: [expect.objectContaining({ rule: 'unknown_method' })],
    });
  });

  it('makes and takes away schedules, which the journal tells as the engine does', async () => {
    const path = placeForJournal();
    const held = gate();
    const { system } = await engineOn(path, held);
    const options = { id: 's', at: Date.now() - 1_000, catchUp: 'all' };
    const asked = { command: 'schedule', data: { workflow: recordOf(await chain()), options } } as const;
    expect(await reach(path, asked)).toMatchObject({ by: 'owner', answer: { id: 's', catchUp: 'all' } });
    await reach(path, { ...asked, data: { ...asked.data, options: { id: 't', cron: '0 3 * * *', timeZone: 'Europe/Berlin', input: { n: 1 } } } });
    await until(() => held.calls.includes('a'));
    const journal = sqliteJournal(path, { readOnly: true });
    await journal.open();
    onTestFinished(() => journal.close());
    const live = await system.schedules();
    expect(live).toMatchObject([
      { id: 's', running: expect.stringMatching(/^s@/) },
      { id: 't', input: { n: 1 } },
    ]);
    expect(await recordedSchedules(journal, Date.now())).toEqual(live);
    for (const scheduleId of ['s', 't']) expect(await reach(path, { command: 'unschedule', data: { scheduleId } })).toMatchObject({ by: 'owner' });
    expect(await system.schedules()).toEqual([]);
    expect(await recordedSchedules(journal, Date.now())).toEqual([]);
  });

  it('is left alone once it has stopped: its socket is gone, and the next command takes the journal', async () => {
    const path = placeForJournal();
    const held = gate();
    const { system, stop } = await engineOn(path, held);
    await system.submit(await chain(), { id: 'w' });
    await stop();
    expect(existsSync(controlAddress(path))).toBe(false);
    expect(await askOwner(path, { command: 'hello', data: {} })).toEqual({ isHeard: false });
    expect(await reach(path, { command: 'pause', data: { workflowId: 'w' } })).toMatchObject({ by: 'caller' });
  });

  it('is waited for while it does not listen, and taken when it is gone', async () => {
    const path = placeForJournal();
    const held = gate();
    const { system, ear } = await engineOn(path, held);
    await system.submit(await chain(), { id: 'w' });
    await ear.close();
    const waits: string[] = [];
    const pending = reach(path, { command: 'pause', data: { workflowId: 'w' } }, { onWait: (message) => waits.push(message) });
    await until(() => waits.length > 0);
    await system.stop({ deadlineMs: 0 });
    expect(await pending).toMatchObject({ by: 'caller', answer: { status: 'paused' } });
    expect(waits).toEqual([expect.stringContaining(`in use by process ${process.pid}`)]);
  });

  it('is not waited for for ever', async () => {
    const path = placeForJournal();
    const { ear } = await engineOn(path, gate());
    await ear.close();
    const pending = reach(path, { command: 'cancel', data: { workflowId: 'w' } }, { patienceMs: 0 });
    await expect(pending).rejects.toMatchObject({ code: 'PERSISTENCE_CONNECTION_FAILED', details: { reason: 'owned' } });
  });
});
