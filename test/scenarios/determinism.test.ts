import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { openScene } from './scene.ts';

const flaky = defineWorkflow({
  name: 'flaky',
  failurePolicy: 'continue_on_error',
  tasks: (task) => {
    const list = task('list', { run: (_, { random }) => Array.from({ length: 12 }, () => random()) });
    const each = task('each', {
      forEach: { items: list, concurrency: 3, tolerate: '50%' },
      retry: { maxAttempts: 3 },
      params: (item) => ({ item }),
      run: async ({ item }: { item: number }, { sleep, random, attempt }) => {
        await sleep(item * 1_000);
        if (random() < 0.5 && attempt < 3) throw new Error('unlucky');
        return item;
      },
    });
    return task('sum', { params: { each }, run: ({ each }: { each: readonly (number | null)[] }) => each.length });
  },
});

async function history(seed: string): Promise<string> {
  const { play, advance, events, close } = await openScene({ seed, metrics: true, pools: { 'function/v1': { max: 3 } } });
  await play(flaky);
  await play(flaky);
  await advance(60_000);
  await close();
  return events.map((event) => JSON.stringify(event)).join('\n');
}

describe('a simulation', () => {
  it('repeats itself byte for byte with the same seed', async () => {
    const first = await history('one');
    expect(first.split('\n').length).toBeGreaterThan(200);
    expect(await history('one')).toBe(first);
  });

  it('goes another way with another seed', async () => {
    expect(await history('two')).not.toBe(await history('one').then((text) => text.replaceAll('one', 'two')));
  });
});
