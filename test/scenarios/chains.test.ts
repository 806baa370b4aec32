import { describe, expect, it } from 'vitest';

import type { EventType, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { namespaceOf, namespaces } from '../../machines/events/namespace.ts';
import { renderTrace } from '../../src/observe/trace.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

/** Whether these types stand in this order among the events. */
function runsThrough(events: readonly GleitzeitEvent[], types: readonly EventType[]): boolean {
  let at = 0;
  for (const { type } of events) if (type === types[at]) at++;
  return at === types.length;
}

describe("the seed's correlation trace", () => {
  it('is what a workflow of two tasks leaves, one of which fails once: nine events, literally', async () => {
    const { play, system } = await scene();
    const workflow = defineWorkflow({
      name: 'seed',
      tasks: (task) => {
        task('task-1', { run: () => 1 });
        task('task-2', {
          dependsOn: ['task-1'],
          retry: { maxAttempts: 2 },
          run: (_, { attempt }) => {
            if (attempt === 1) throw new Error('once');
            return 2;
          },
        });
        return null;
      },
    });
    await play(workflow, { id: 'workflow-123' });
    const trace = await system.trace('workflow-123');
    const types = [
      'workflow:started',
      'task:started',
      'task:completed',
      'task:failed',
      'task:retry_scheduled',
      'task:retry_executed',
      'workflow:completed',
    ];
    // What the seed leaves out of its nine lines is the second `task:started` of task-2, which follows its retry.
    const lines = renderTrace(trace, { types, bare: true }).split('\n');
    expect(lines.filter((line, at) => !(line.includes('task:started') && lines[at - 1]?.includes('task:retry_executed'))).join('\n')).toBe(
      [
        'Workflow Submission (correlation_id: workflow-123)',
        '├── workflow:started (workflow-123)',
        '├── task:started (workflow-123, task-1)',
        '├── task:completed (workflow-123, task-1)',
        '├── task:started (workflow-123, task-2)',
        '├── task:failed (workflow-123, task-2)',
        '├── task:retry_scheduled (workflow-123, task-2)',
        '├── task:retry_executed (workflow-123, task-2)',
        '├── task:completed (workflow-123, task-2)',
        '└── workflow:completed (workflow-123)',
      ].join('\n'),
    );
    expect(trace.events.every(({ correlation }) => correlation.correlationId === 'workflow-123')).toBe(true);
  });

  it('is a tree: every fact but the submit follows from another one', async () => {
    const { play, system } = await scene();
    const { workflowId } = await play(
      defineWorkflow({ name: 'tree', tasks: (task) => task('b', { params: { a: task('a', { run: () => 1 }) }, run: () => 2 }) }),
    );
    const { events } = await system.trace(workflowId);
    const ids = new Set(events.map(({ id }) => id));
    for (const event of events.slice(1)) expect([event.type, event.causationId !== undefined]).toEqual([event.type, true]);
    const causes = events.slice(1).filter(({ causationId }) => ids.has(causationId ?? '')).length;
    expect(causes).toBeGreaterThan(events.length / 2);
  });

  it('carries the request and the trace context of its submit to the end', async () => {
    const { play, of } = await scene();
    const workflow = defineWorkflow({
      name: 'traced',
      tasks: (task) =>
        task('a', {
          run: async (_, { sleep }) => {
            await sleep(10);
            return 1;
          },
        }),
    });
    await play(workflow, { requestId: 'request-7', traceparent: '00-a-b-01', tags: ['nightly'] });
    for (const type of ['workflow:submitted', 'task:started', 'task:completed', 'workflow:completed'] as const) {
      expect(of(type)[0]).toMatchObject({ correlation: { requestId: 'request-7', traceparent: '00-a-b-01' }, tags: ['nightly'] });
    }
  });
});

describe('the chains of the seed', () => {
  it('escalate an error: provider, circuit, method; task, retry; workflow, alert', async () => {
    const hands = handOperated({ circuit: { failureThreshold: 3, recoveryTimeoutMs: 10_000, successThreshold: 1 }, pool: { min: 1, max: 1 } });
    const { submit, settle, events, of, advance, only } = await scene({ providers: [hands.provider] });
    const run = await submit(
      defineWorkflow({
        name: 'doomed',
        tasks: (task) => task('a', { method: 'demo/work', retry: { maxAttempts: 4, baseDelayMs: 100, jitter: 'none' } }),
      }),
    );
    for (const delay of [100, 200, 400]) {
      hands.callOf('a').fail('PROVIDER_NOT_AVAILABLE');
      await settle();
      await advance(delay);
    }
    expect(runsThrough(events, ['task:failed', 'provider:error', 'pool:worker_quarantined'])).toBe(true);
    expect(runsThrough(events, ['task:failed', 'circuit:opened', 'method:unavailable'])).toBe(true);
    expect(runsThrough(events, ['task:failed', 'task:retry_scheduled', 'task:retry_executed', 'task:queued'])).toBe(true);
    // The third retry fell due behind the open circuit: it waits in the queue.
    expect(of('task:retry_executed')).toHaveLength(3);
    expect(hands.open()).toEqual([]);
    await advance(10_000);
    hands.callOf('a').fail('PROVIDER_NOT_AVAILABLE');
    await settle();
    expect((await run.result()).status).toBe('failed');
    expect(runsThrough(events, ['task:retry_exhausted', 'workflow:failed', 'alert:triggered'])).toBe(true);
    expect(of('alert:triggered').map(({ data }) => data.rule)).toEqual(['circuit_opened', 'workflow_failed']);
    expect(only('provider:degraded').data.providerId).toBe('demo/v1');
  });

  it('recover: circuit, method, queue; provider, pool; pressure, admission', async () => {
    let lagMs = 3_000;
    const hands = handOperated({
      circuit: { failureThreshold: 2, recoveryTimeoutMs: 10_000, successThreshold: 1 },
      pool: { min: 1, max: 3, scaleUpBy: 2 },
    });
    const { submit, settle, events, system, advance, until } = await scene({
      providers: [hands.provider],
      queue: { policy: 'block' },
      vitals: () => ({ memoryBytes: 0, cpu: 0, lagMs }),
    });
    const workflow = defineWorkflow({
      name: 'many',
      failurePolicy: 'continue_on_error',
      tasks: (task) => {
        for (let at = 0; at < 8; at++) task(`t${at}`, { method: 'demo/work' });
        return null;
      },
    });
    await submit(workflow);
    for (let at = 0; at < 2; at++) {
      hands.open()[0]?.fail();
      await settle();
    }
    for (const call of hands.open()) call.fail();
    await settle();
    await advance(5_000);
    const blocked = system.submit(workflow);
    blocked.catch(() => undefined);
    lagMs = 0;
    await advance(5_000);
    const from = events.length;
    for (const call of hands.open()) call.succeed();
    await settle();
    // A half-open circuit makes its method available for the probes; when it closes, the queue lifts the limit.
    expect(runsThrough(events, ['circuit:half_open', 'method:available', 'circuit:closed'])).toBe(true);
    expect(runsThrough(events.slice(from), ['circuit:closed', 'pool:scaled_up', 'worker:started'])).toBe(true);
    expect(runsThrough(events.slice(from), ['circuit:closed', 'task:available', 'task:claimed'])).toBe(true);
    const run = await until(blocked);
    expect(runsThrough(events, ['backpressure:critical', 'backpressure:normal', 'workflow:submitted'])).toBe(true);
    run.cancel();
    await settle();
  });
});

describe('a circuit that a person closes', () => {
  it('makes its method available, and with that the queue go on: the chain of the seed, literally', async () => {
    const hands = handOperated();
    const { submit, settle, system, events } = await scene({ providers: [hands.provider] });
    system.emit('circuit:isolate', { circuit: 'demo/v1', reason: 'maintenance' });
    await settle();
    await submit(defineWorkflow({ name: 'waits', tasks: (task) => task('a', { method: 'demo/work' }) }));
    const from = events.length;
    system.emit('circuit:restore', { circuit: 'demo/v1', reason: 'done' });
    await settle();
    expect(runsThrough(events.slice(from), ['circuit:closed', 'method:available', 'task:available', 'task:claimed', 'task:started'])).toBe(true);
    hands.callOf('a').succeed();
    await settle();
  });
});

describe('the filter pipeline', () => {
  it('selects by severity, component and correlation, and stands beside the namespaces', async () => {
    const { play, system, events } = await scene();
    const severe: string[] = [];
    const ofWorkers: string[] = [];
    system.select({ minSeverity: 'error' }).subscribe(({ type }) => severe.push(type));
    system.select({ component: 'worker' }).subscribe(({ type }) => ofWorkers.push(type));
    const aliased: string[] = [];
    system.on('dependent:task:ready', ({ type }) => aliased.push(type));
    const { workflowId } = await play(
      defineWorkflow({
        name: 'broken',
        tasks: (task) =>
          task('a', {
            run: () => {
              throw new Error('no');
            },
          }),
      }),
    );
    expect(severe).toEqual(['task:retry_exhausted', 'workflow:failed', 'alert:triggered']);
    expect(new Set(ofWorkers.map((type) => type.split(':')[0]))).toEqual(new Set(['worker']));
    expect(aliased).toEqual(['task:ready']);
    const own = events.filter(({ correlation }) => correlation.correlationId === workflowId);
    expect(own.length).toBeGreaterThan(8);
    expect(new Set(own.map(({ type }) => namespaceOf(type)))).toEqual(new Set(['/engine', '/queue', '/pool']));
    expect(namespaces).toEqual(['/engine', '/queue', '/pool', '/health']);
  });
});
