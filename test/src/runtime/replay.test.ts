import { describe, expect, it } from 'vitest';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { replayedResult, replayWorkflow } from '../../../src/runtime/replay.ts';
import { defineWorkflow } from '../../../src/workflow/define.ts';
import { openScene, scene } from '../../scenarios/scene.ts';
import { tours } from '../../scenarios/tours.ts';

const mixed = defineWorkflow({
  name: 'mixed',
  failurePolicy: 'continue_on_error',
  tasks: (task) => {
    const list = task('list', { run: () => [1, 2, 3] });
    const each = task('each', {
      forEach: { items: list, tolerate: 1 },
      params: (item) => ({ item }),
      run: ({ item }: { item: number }) => {
        if (item === 2) throw new Error('two');
        return item;
      },
    });
    task('bad', {
      run: () => {
        throw new Error('bad');
      },
      retry: { maxAttempts: 2, baseDelayMs: 10 },
    });
    task('after', { run: () => 1, dependsOn: ['bad'] });
    return { each };
  },
});

describe('replay', () => {
  it('results in what the one who waited was told', async () => {
    const { play, core, system } = await scene();
    const live = await play(mixed);
    const replayed = replayWorkflow(await core.journal.read({ workflowId: live.workflowId }));
    expect(replayed && replayedResult(replayed)).toEqual(live);
    expect(await system.result(live.workflowId)).toEqual(live);
  });

  it('of every prefix of a history is sound, and never ahead of it', async () => {
    const { play, core } = await scene();
    const { workflowId } = await play(mixed);
    const facts = await core.journal.read({ workflowId });
    for (let length = 1; length <= facts.length; length++) {
      const replayed = replayWorkflow(facts.slice(0, length));
      expect(replayed?.end === undefined).toBe(length < facts.length);
      expect(replayed?.workflow.hasEnded()).toBe(length === facts.length);
    }
  });

  it('of nothing, or of what begins elsewhere, is nothing', async () => {
    const { play, core } = await scene();
    const { workflowId } = await play(mixed);
    const facts: readonly GleitzeitEvent[] = await core.journal.read({ workflowId });
    expect(replayWorkflow([])).toBeUndefined();
    expect(replayWorkflow(facts.slice(1))).toBeUndefined();
  });

  it('survives that facts went through JSON', async () => {
    const { play, core } = await scene();
    const live = await play(mixed);
    const facts = await core.journal.read({ workflowId: live.workflowId });
    const replayed = replayWorkflow(JSON.parse(JSON.stringify(facts)) as GleitzeitEvent[]);
    expect(replayed && replayedResult(replayed)).toEqual(live);
  });

  it.each(Object.keys(tours))('equals what was live after the tour of %s', async (name) => {
    const opened: (() => Promise<void>)[] = [];
    await tours[name]?.(async (options) => {
      const stage = await openScene(options);
      opened.push(() => stage.close());
      return stage;
    });
    // Closing a scene compares each of its workflows with what its facts replay to.
    for (const close of opened) await close();
  });
});
