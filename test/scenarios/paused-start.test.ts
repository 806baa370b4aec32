import { describe, expect, it } from 'vitest';

import { defineProvider, loadWorkflow, memoryJournal } from '../../src/index.ts';
import { simulate } from '../../src/testing/index.ts';

function counted() {
  const calls: string[] = [];
  const provider = defineProvider({
    protocol: 'work/v1',
    methods: {
      'work/do': {
        run: async ({ ms = 0 }: { readonly ms?: number }, call) => {
          calls.push(`${call.workflowId}/${call.taskId}#${call.attempt}`);
          await call.sleep(ms);
          return {};
        },
      },
    },
  });
  return { provider, calls };
}

const slow = () => loadWorkflow({ name: 'slow', tasks: [{ id: 'a', method: 'work/do', parameters: { ms: 60_000 } }] });

/** A journal with two workflows in flight. */
async function interrupted() {
  const journal = memoryJournal();
  const { provider } = counted();
  const one = await simulate({ journal, providers: [provider], seed: 'one' });
  for (const id of ['v', 'w']) await one.until(one.system.submit(await slow(), { id }));
  await one.advance(1_000);
  await one.until(one.system.stop({ deadlineMs: 0 }));
  return journal;
}

describe('a paused start', () => {
  it('brings back what was in flight and admits more, and dispatches nothing until it is resumed', async () => {
    const journal = await interrupted();
    const { provider, calls } = counted();
    const two = await simulate({ journal, providers: [provider], seed: 'two', startAt: 5_000, start: { paused: 'for a look' } });
    expect(await two.system.actors()).toMatchObject({ workflow: 2 });
    await two.until(two.system.submit(await slow(), { id: 'x' }));
    await two.advance(600_000);
    expect(calls).toEqual([]);
    const { tasks } = await two.system.explain('w');
    expect(tasks[0]?.reasons[0]).toMatchObject({ kind: 'engine_paused', message: 'nothing is dispatched: for a look' });
    expect(two.events.find(({ type }) => type === 'system:started')?.data).toMatchObject({ paused: 'for a look' });

    await two.system.resume();
    for (const id of ['v', 'w', 'x']) expect((await two.until(two.system.result(id))).status).toBe('completed');
    expect(calls.sort()).toEqual(['v/a#2', 'w/a#2', 'x/a#1']);
    await two.system.stop();
  });

  it('may bring back some workflows only: the others wait in the journal as they were', async () => {
    const journal = await interrupted();
    const before = await journal.read({ workflowId: 'w' });
    const { provider, calls } = counted();
    const two = await simulate({ journal, providers: [provider], seed: 'two', startAt: 5_000, start: { paused: true, only: ['v', 'none'] } });
    expect(two.events.find(({ type }) => type === 'system:started')?.data).toMatchObject({ recovered: { workflows: 1, tasks: 1 } });
    await two.system.cancel('v');
    expect(await journal.find('v')).toMatchObject({ status: 'cancelled' });
    // What is submitted again is still known.
    expect((await two.until(two.system.submit(await slow(), { id: 'w' }))).id).toBe('w');
    await two.until(two.system.stop({ deadlineMs: 0 }));
    expect(await journal.read({ workflowId: 'w' })).toEqual(before);

    const three = await simulate({ journal, providers: [provider], seed: 'three', startAt: 10_000 });
    expect((await three.until(three.system.result('w'))).status).toBe('completed');
    expect(calls).toEqual(['w/a#2']);
    await three.system.stop();
  });
});
