/** What a failure says reaches whoever looks at its workflow, and stands in the journal no more often than it has to. */
import { describe, expect, it } from 'vitest';

import type { EventType } from '../../machines/events/catalogue.ts';
import { failureLimits } from '../../src/failure-limits.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { scene } from './scene.ts';

const failing = (run: () => unknown, more: object = {}) => defineWorkflow({ name: 'failing', tasks: (task) => void task('a', { run, ...more }) });

function chain(): never {
  const inner = new AggregateError([new RangeError('first'), new Error('second')], 'innermost');
  throw new Error('outer', { cause: new TypeError('middle', { cause: inner }) });
}

const told = {
  code: 'TASK_EXECUTION_FAILED',
  rpcCode: -29002,
  message: 'outer',
  retryable: true,
  stack: expect.stringContaining('failures.test.ts'),
  cause: {
    message: 'middle',
    details: { name: 'TypeError' },
    stack: expect.stringMatching(/^TypeError: middle\n/),
    cause: { message: 'innermost', details: { name: 'AggregateError', errors: [{ name: 'RangeError', message: 'first' }, { message: 'second' }] } },
  },
};

describe('a failure', () => {
  it('is told in full by the result, live and replayed, by the status and by the trace', async () => {
    const { play, system } = await scene();
    const result = await play(failing(chain));
    expect(result).toMatchObject({ status: 'failed', error: told, tasks: { a: { status: 'failed', attempts: 1, error: told } } });
    expect((await system.status(result.workflowId)).tasks['a']?.error).toMatchObject(told);
    const { events } = await system.trace(result.workflowId);
    expect(events.find(({ type }) => type === 'task:failed')?.data).toMatchObject({ error: told });
  });

  it('stands with its stack in the fact that the attempt failed, and in no other', async () => {
    const { play, system } = await scene();
    const { workflowId } = await play(failing(chain, { retry: { maxAttempts: 2, baseDelayMs: 1 } }));
    const { events } = await system.trace(workflowId);
    const withStack = events.filter((event) => JSON.stringify(event).includes('failures.test.ts')).map(({ type }): EventType => type);
    expect(withStack).toEqual(['task:failed', 'task:failed']);
    expect(events.find(({ type }) => type === 'workflow:failed')?.data).toMatchObject({ error: { message: 'outer', cause: { message: 'middle' } } });
  });

  it('is cut to what is recorded of one, and says so', async () => {
    const { play } = await scene();
    const { tasks } = await play(
      failing(() => {
        throw Object.assign(new Error('é'.repeat(10_000)), { details: { body: 'x'.repeat(100_000) } });
      }),
    );
    const { message = '', details, stack = '' } = tasks['a']?.error ?? {};
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(failureLimits.messageBytes);
    expect(message).toContain('bytes left out');
    expect(stack).toContain('failures.test.ts');
    expect(JSON.stringify(details).length).toBeLessThanOrEqual(failureLimits.detailsBytes);
  });

  it('of an element of a fan-out is the cause of that of its task', async () => {
    const { play } = await scene();
    const workflow = defineWorkflow({
      name: 'many',
      tasks: (task) => {
        const list = task('list', { run: () => ({ items: [1, 2] }) });
        task('each', { forEach: list.items, params: (item: unknown) => ({ item }), run: chain } as never);
      },
    });
    const { tasks } = await play(workflow);
    expect(tasks['each']?.error).toMatchObject({ message: expect.stringContaining('the first said: outer'), cause: told });
  });

  it('is cut only once its secrets are blotted out, wherever the cut goes through', async () => {
    const password = 'correct-horse-battery-staple';
    for (const before of [4_040, 4_050, 4_060, 4_070, 4_080, 4_090]) {
      const { play, system } = await scene();
      const workflow = defineWorkflow({
        name: 'leaky',
        tasks: (task) =>
          void task('a', {
            params: { password },
            run: ({ password: opened }) => {
              throw Object.assign(new Error(`${'x'.repeat(before)}${opened}${'y'.repeat(1_000)}`), {
                details: { body: `${'z'.repeat(before + 12_000)}${opened}${'z'.repeat(40_000)}` },
              });
            },
          }),
      });
      const result = await play(workflow);
      const said = JSON.stringify([result, (await system.trace(result.workflowId)).events]);
      for (let at = 0; at + 6 <= password.length; at++) expect(said).not.toContain(password.slice(at, at + 6));
    }
  });
});
