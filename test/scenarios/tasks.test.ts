import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const single = defineWorkflow({ name: 'single', tasks: (task) => task('one', { method: 'demo/work' }) });

describe('the task pattern', () => {
  it('is submitted, queued, started, completed', async () => {
    const hands = handOperated();
    const { submit, settle, order } = await scene({ providers: [hands.provider] });
    const run = await submit(single);
    expect(order('task:submitted', 'task:queued', 'task:started', 'task:completed')).toEqual(['task:submitted', 'task:queued', 'task:started']);
    hands.callOf('one').succeed(42);
    await settle();
    expect(order('task:submitted', 'task:queued', 'task:started', 'task:completed')).toEqual([
      'task:submitted',
      'task:queued',
      'task:started',
      'task:completed',
    ]);
    expect(await run.result()).toMatchObject({ status: 'completed', output: 42, tasks: { one: { status: 'completed', attempts: 1, result: 42 } } });
  });
});
