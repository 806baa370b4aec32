import { it } from 'vitest';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';
const ones = (p: string, count: number) =>
  defineWorkflow({ name: 'ones', failurePolicy: 'continue_on_error', tasks: (task) => { for (let at = 0; at < count; at++) task(`${p}${at}`, { method: 'demo/work' }); return null; } });
it('x', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, events, settle, advance, of } = await scene({ providers: [hands.provider], queue: { capacity: 20 } });
    await submit(ones('t', 15));
    await submit(ones('u', 2));
    console.log(of('queue:task_enqueued').map(e => e.data.depth).join(), of('queue:task_dequeued').map(e => e.data.depth).join());
    console.log(events.filter(e => e.type.startsWith('backpressure')).map(e => e.type + JSON.stringify(e.data)));
});
it('y', async () => {
    const hands = handOperated({ pool: { min: 1, max: 1 } });
    const { submit, events, settle, advance, of, system, until } = await scene({ providers: [hands.provider], queue: { capacity: 2, policy: 'block' } });
    await submit(ones('first', 1));
    await submit(ones('t', 2));
    const ps = ['x', 'y'].map((id) => system.submit(ones(id, 1), { id }));
    await settle();
    hands.open()[0]?.succeed(); await settle();
    await until(Promise.all(ps));
    console.log(events.map(e => `${e.time} ${e.type} ${e.source} ${e.correlation.taskId ?? ''}`).filter(s => !s.includes('schedule') && !s.includes('health')).join('\n'));
});
it('z', async () => {
    const hands = handOperated({ pool: { min: 1, max: 2, cooldownMs: 3_000 } });
    const { submit, advance, of, only } = await scene({ providers: [hands.provider] });
    await advance(3_000);
    await submit(ones('t', 4));
    await advance(2_000);
    for (let at = 0; at < 4; at++) {
      hands.open()[0]?.succeed();
      await advance(1_000);
    }
    await advance(20_000);
    console.log(of('backpressure:high').concat(of('backpressure:normal') as any).map((e) => [e.time, JSON.stringify(e.data)]));
});
