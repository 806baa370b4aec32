import { expect, it } from 'vitest';

import { memoryJournal } from '../../../src/journal/memory.ts';
import { defineWorkflow } from '../../../src/workflow/define.ts';
import { handOperated } from '../../scenarios/hands.ts';
import { scene } from '../../scenarios/scene.ts';

it('A priority that a user gave a waiting task holds after a restart, too', async () => {
  const three = defineWorkflow({
    name: 'three',
    tasks: (task) => {
      for (const id of ['first', 'second', 'third']) task(id, { method: 'demo/work' });
      return null;
    },
  });
  const journal = memoryJournal();
  const hands = handOperated({ pool: { min: 1, max: 1 } });
  const before = await scene({ journal, providers: [hands.provider] });
  const run = await before.submit(three);
  await before.system.setPriority(run.id, 'third', 'urgent');
  await before.settle();
  await before.close();

  const again = handOperated({ pool: { min: 1, max: 1 } });
  const after = await scene({ journal, providers: [again.provider], seed: 'second' });
  for (let at = 0; at < 3; at++) {
    again.open()[0]?.succeed();
    await after.settle();
  }
  // The one that ran when the first system ended is tried again as soon as time goes on.
  expect(again.calls.map(({ taskId }) => taskId)).toEqual(['third', 'second']);
  await after.advance(1);
  again.callOf('first').succeed();
});
