import { describe, expect, it } from 'vitest';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { scene } from './scene.ts';

describe('functions as tasks', () => {
  it('run side by side, also those of a workflow that nobody knew before its first submit', async () => {
    let open = 0;
    let most = 0;
    const many = defineWorkflow({
      name: 'many',
      tasks: (task) => {
        for (let at = 0; at < 80; at++) {
          task(`t${at}`, {
            run: async (_, call) => {
              most = Math.max(most, ++open);
              await call.sleep(1_000);
              open -= 1;
              return at;
            },
          });
        }
        return null;
      },
    });
    const { play } = await scene();
    const { status, durationMs } = await play(many);
    expect([status, most, durationMs]).toEqual(['completed', 80, 1_000]);
  });

  it('may submit a workflow of functions and wait for its result', async () => {
    const inner = defineWorkflow({ name: 'inner', tasks: (task) => task('one', { run: () => 1 }) });
    const { play, system } = await scene();
    const outer = defineWorkflow({
      name: 'outer',
      tasks: (task) =>
        task('ask', {
          run: async () => {
            const run = await system.submit(inner);
            return (await run.result()).status;
          },
        }),
    });
    const { output } = await play(outer);
    expect(output).toBe('completed');
  });
});
