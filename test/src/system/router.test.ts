import { describe, expect, it } from 'vitest';

import type { EventType, GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Actor } from '../../../src/system/actor.ts';
import { coreUnderTest, ready, registered, start, submitOf } from './core-under-test.ts';

/** A system with one provider that has started. */
function running() {
  const test = coreUnderTest();
  test.put(registered, 'registry');
  test.put(start);
  test.put(ready, 'executor');
  const delivered: string[] = [];
  test.core.router.deliveries = (event: GleitzeitEvent, { address }: Actor) => delivered.push(`${event.type} -> ${address}`);
  return { ...test, delivered };
}

describe('the stamp of an event', () => {
  it('counts on from the mark of its run, without a repetition', () => {
    const { put, seen } = coreUnderTest({ lastSeq: 41 });
    put(start);
    put(submitOf('x'));
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, at) => 1_000_000_001 + at));
  });

  it('never goes back in time, even when the clock does', () => {
    let now = 1_000;
    const { put, seen } = coreUnderTest({ clock: { now: () => now, wall: () => now, setTimer: () => ({ cancel: () => undefined }) } });
    put(start);
    now = 10;
    put(submitOf('x'));
    expect(new Set(seen.map(({ time }) => time))).toEqual(new Set([1_000]));
  });

  it('says who stated it, how severe it is, and what it belongs to', () => {
    const { put, seen } = running();
    put(submitOf('x'));
    const started = seen.find(({ type }) => type === 'task:started');
    expect(started).toMatchObject({
      source: 'task/x/a',
      severity: 'info',
      correlation: { correlationId: 'x', workflowId: 'x', taskId: 'a', attempt: 1 },
    });
  });

  it('names as the cause of a recorded fact the nearest recorded one, and of others the event itself', () => {
    const { put, seen } = running();
    put(submitOf('x'));
    const byId = new Map(seen.map((event) => [event.id, event.type]));
    const causeOf = (type: EventType) => byId.get(seen.find((event) => event.type === type)?.causationId ?? '');
    expect(causeOf('workflow:submitted')).toBe('workflow:submit');
    expect(causeOf('task:queued')).toBe('task:ready');
    expect(causeOf('task:started')).toBe('workflow:started');
  });

  it('is correlated by the request, or by itself, where there is no workflow', () => {
    const { core, pump, seen } = coreUnderTest();
    core.accept({ type: 'engine:pause', data: { reason: 'r', by: 'b' } }, { source: 'api', requestId: 'request-1' });
    core.accept({ type: 'engine:pause', data: { reason: 'r', by: 'b' } }, { source: 'api' });
    pump();
    expect(seen[0]?.correlation).toEqual({ correlationId: 'request-1', requestId: 'request-1' });
    expect(seen[1]?.correlation).toEqual({ correlationId: seen[1]?.id });
  });

  it('carries what the submit came with through everything of the workflow, until it ends', () => {
    const { core, pump, seen, put } = running();
    core.accept(submitOf('x'), { source: 'api', requestId: 'request-1', traceparent: 'trace', tags: ['t'] });
    pump();
    put({ type: 'workflow:cancel', data: { workflowId: 'x', reason: 'test', by: 'test' } });
    const own = seen.filter(({ correlation, type }) => correlation.workflowId === 'x' && type !== 'workflow:cancel');
    expect(own.length).toBeGreaterThan(10);
    for (const event of own) expect(event).toMatchObject({ correlation: { requestId: 'request-1', traceparent: 'trace' }, tags: ['t'] });
    const from = seen.length;
    put(submitOf('x'));
    expect(seen.slice(from).filter(({ correlation }) => correlation.requestId !== undefined)).toEqual([]);
  });

  it('is refused to a type that the catalogue does not have', () => {
    const { core } = coreUnderTest();
    expect(() => core.router.accept({ type: 'no:such', data: {} } as never, { source: 'api' })).toThrow("'no:such' is not in the catalogue");
  });
});

describe('a fact', () => {
  it('goes to its owner first, then to the others in their order', () => {
    const { put, delivered } = running();
    put(submitOf('x'));
    expect(delivered.filter((line) => line.startsWith('task:started')).slice(0, 2)).toEqual([
      'task:started -> task/x/a',
      'task:started -> scheduler',
    ]);
  });

  it('stands in line before what its owner states in answer to it', () => {
    const { put, seen, delivered } = running();
    put(submitOf('x'));
    const types = delivered.map((line) => line.split(' ')[0]);
    const enqueued = delivered.indexOf('queue:task_enqueued -> backpressure/system');
    expect(enqueued).toBeGreaterThan(-1);
    expect(delivered.indexOf('task:available -> pool/demo/v1')).toBeGreaterThan(enqueued);
    expect(types.length).toBeGreaterThan(0);
    expect(seen.findIndex(({ type }) => type === 'queue:task_enqueued')).toBeLessThan(seen.findIndex(({ type }) => type === 'task:available'));
  });

  it('makes the actors that it brings into being before it reaches anybody', () => {
    const { put, delivered, core } = running();
    put(submitOf('x'));
    expect(delivered.slice(0, 4)).toContain('workflow:validated -> workflow/x');
    expect(delivered).toContain('task:ready -> task/x/a');
    expect(core.snapshot('task', 'x/a')?.value).toBe('running');
  });

  it('of one workflow reaches no task of another', () => {
    const { put, delivered } = running();
    put(submitOf('x'));
    put(submitOf('y'));
    delivered.length = 0;
    put({ type: 'workflow:cancel', data: { workflowId: 'x', reason: 'test', by: 'test' } });
    expect(delivered.filter((line) => line.startsWith('workflow:cancelling') && line.includes('/y'))).toEqual([]);
  });

  it('of one pool, method or timer reaches no other', () => {
    const { put, delivered } = running();
    const signals = { depth: 0, oldest: 0, utilization: 1, lag: 0, memory: 0, cpu: 0, overload: 0 };
    put({ type: 'backpressure:high', data: { scope: 'demo/v1', score: 0.85, signals } }, 'backpressure/demo/v1');
    put({ type: 'schedule:elapsed', data: { component: 'pool', key: 'demo/v1', timer: 'cooldown' } }, 'scheduler');
    put({ type: 'method:unavailable', data: { protocol: 'demo/v1', method: 'demo/work', reason: 'draining' } }, 'methods/other');
    expect(delivered).not.toContain('backpressure:high -> backpressure/system');
    expect(delivered.filter((line) => line.startsWith('schedule:elapsed'))).toEqual(['schedule:elapsed -> pool/demo/v1']);
    expect(delivered.filter((line) => line.startsWith('method:unavailable'))).toEqual([
      'method:unavailable -> queue',
      'method:unavailable -> methods/demo/v1 demo/work',
    ]);
  });

  it("of a fan-out's element does not concern its workflow", () => {
    const { put, delivered } = running();
    put(submitOf('x'));
    delivered.length = 0;
    put(
      {
        type: 'task:cancelled',
        data: { workflowId: 'x', taskId: 'a[0]', protocol: 'demo/v1', reason: 'r', by: 'b', attempts: 0, element: { of: 'a', index: 0 } },
      },
      'task/x/a[0]',
    );
    expect(delivered.filter((line) => line.endsWith('workflow/x'))).toEqual([]);
  });

  it('is kept from a component that rests; a command is not, and from its waking on it hears facts', () => {
    const { put, delivered } = running();
    put(submitOf('x'));
    expect(delivered.filter((line) => line.endsWith('-> metrics'))).toEqual([]);
    put({ type: 'metrics:collect', data: {} });
    expect(delivered).toContain('metrics:collect -> metrics');
    put(submitOf('y'));
    expect(delivered).toContain('workflow:started -> metrics');
    put({ type: 'metrics:suspend', data: {} });
    const before = delivered.length;
    put(submitOf('z'));
    expect(delivered.slice(before).filter((line) => line.endsWith('-> metrics'))).toEqual([]);
  });
});

describe('a command', () => {
  it('is carried out before the facts that wait', () => {
    const { put, delivered } = running();
    put(submitOf('x'));
    const assign = delivered.indexOf('worker:assign -> worker/demo/v1#1');
    expect(delivered[assign + 1]).toMatch(/^task:claimed -> worker/);
    expect(delivered.slice(0, assign)).not.toContain('task:claimed -> queue');
  });
});

describe('an event that nobody takes', () => {
  it('is a dead letter where its actor is not there', () => {
    const { put, seen, violations } = running();
    put({ type: 'workflow:pause', data: { workflowId: 'gone', reason: 'r', by: 'b' } });
    expect(seen.at(-1)).toMatchObject({ type: 'system:dead_letter', data: { event: 'workflow:pause', target: 'workflow/gone' } });
    expect(violations).toEqual(["dead_letter: 'workflow:pause' was addressed to 'workflow/gone', which is not there."]);
  });

  it('is none where its absence is expected', () => {
    const { put, types } = running();
    put(
      {
        type: 'worker:heartbeat',
        data: { workerId: 'gone', poolId: 'demo/v1', running: 0, slots: 1, leaseUntil: 0, memoryBytes: 0, cpu: 0, lagMs: 0 },
      },
      'worker/gone',
    );
    expect(types()).not.toContain('system:dead_letter');
  });

  it('is a stale report where it reports an attempt of a task that is gone', () => {
    const { put, seen, violations } = running();
    put(
      {
        type: 'attempt:failed',
        data: {
          workflowId: 'x',
          taskId: 'gone',
          attempt: 1,
          leaseId: 'l',
          workerId: 'w',
          durationMs: 0,
          error: { code: 'X', rpcCode: 0, message: '', retryable: false },
        },
      },
      'worker/w',
    );
    expect(seen.at(-1)).toMatchObject({ type: 'task:stale_report', source: 'task/x/gone', data: { reported: 'failed' } });
    expect(violations).toEqual([]);
  });

  it('is reported with the state that neither handles nor ignores it', () => {
    const { put, seen, core, violations } = running();
    const engine = core.registry.get('engine', '')!;
    engine.handles = () => false;
    put({ type: 'engine:resume', data: { reason: 'r', by: 'b' } });
    expect(seen.at(-1)).toMatchObject({
      type: 'system:unhandled',
      data: { event: 'engine:resume', target: 'engine', state: '{"running":"accepting"}' },
    });
    expect(violations).toHaveLength(1);
  });
});

describe('an actor that throws', () => {
  it('keeps its state; the system actor says what becomes of it', () => {
    const { put, core, types, seen, violations } = running();
    put(submitOf('x'));
    const task = core.registry.get('task', 'x/a')!;
    const before = task.getSnapshot();
    task.send = () => {
      throw new Error('broken');
    };
    put({ type: 'task:cancel', data: { workflowId: 'x', taskId: 'a', reason: 'r', by: 'b' } });
    expect(task.getSnapshot()).toBe(before);
    expect(types().slice(-2)).toEqual(['system:crash', 'system:actor_failed']);
    expect(seen.at(-1)?.data).toMatchObject({ target: 'task/x/a', workflowId: 'x', action: 'restart', error: { code: 'INTERNAL_ERROR' } });
    expect(violations).toEqual(["actor_failed: 'task/x/a' threw at 'task:cancel': broken"]);
  });

  it('and is the system actor itself leaves nobody to ask', () => {
    const { put, core, violations, types } = running();
    core.registry.get('system', '')!.send = () => {
      throw 'nothing';
    };
    const before = types().length;
    put({ type: 'system:stop', data: { reason: 'r', deadlineMs: 0 } });
    expect(types().slice(before)).toEqual(['system:stop']);
    expect(violations).toEqual(["actor_failed: 'system' threw at 'system:stop': nothing"]);
  });
});
