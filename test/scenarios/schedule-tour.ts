/** A tour through all that schedules and delayed starts say. */
import type { AlertRule } from '../../machines/policies/alert-rules.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import type { Scene, SceneOptions } from './scene.ts';

const minute = 60_000;
const single = defineWorkflow({ name: 'single', tasks: (task) => task('a', { method: 'demo/work', timeoutMs: 3_600_000 }) });
const many = defineWorkflow({
  name: 'many',
  tasks: (task) => {
    for (const id of ['x', 'y', 'z']) task(id, { method: 'demo/work', timeoutMs: 3_600_000 });
    return null;
  },
});

export async function schedules(open: (options?: SceneOptions) => Promise<Scene>, alerts: readonly AlertRule[]): Promise<void> {
  const journal = memoryJournal();
  const hands = handOperated({ pool: { min: 1, max: 1 } });
  const stage = await open({ journal, providers: [hands.provider], alerts, queue: { capacity: 2 } });
  const { system, advance, settle, submit } = stage;
  const answer = async (how: 'succeed' | 'fail'): Promise<void> => {
    hands.open()[0]?.[how]();
    await settle();
  };
  const later = await submit(single, { startAt: stage.clock.now() + 1_000 });
  await later.pause();
  await later.resume();
  await advance(2_000);
  await answer('succeed');
  await system.schedule(single, { id: 's', everyMs: minute, overlap: 'cancel_previous' });
  await system.schedule(single, { id: 'once', at: stage.clock.now() + 1_000 });
  system.emit('cron:create', { ...stage.of('cron:created')[0]!.data, specHash: 'another' });
  await advance(1_000);
  await answer('succeed');
  for (const how of ['succeed', 'fail'] as const) {
    await advance(minute);
    await answer(how);
  }
  // Two slots: the second run takes the place of the first.
  await advance(2 * minute);
  await answer('succeed');
  await submit(many);
  await advance(minute);
  await system.schedule(single, { id: 'skipping', everyMs: minute });
  for (let at = 0; at < 3; at++) await answer('succeed');
  await advance(2 * minute);
  await system.unschedule('skipping');
  await stage.close();
  const again = await open({ journal, providers: [handOperated().provider], alerts, seed: 'again', startAt: stage.clock.now() + 10 * minute });
  await again.advance(1_000);
}
