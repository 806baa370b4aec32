import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { defineWorkflow } from '../../src/workflow/define.ts';
import { loadWorkflow } from '../../src/workflow/load.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

describe('data', () => {
  it('goes from the input through parameters to the output, types kept', async () => {
    const { play } = await scene();
    const result = await play(
      defineWorkflow({
        name: 'report',
        input: z.object({ text: z.string(), times: z.number().default(2) }),
        tasks: (task, input) => {
          const words = task('words', { params: { text: input.text }, run: ({ text }: { text: string }) => ({ count: text.split(' ').length }) });
          return {
            words: words.count,
            product: task('product', {
              params: { n: words.count, times: input.times },
              run: ({ n, times }: { n: number; times: number }) => n * times,
            }),
          };
        },
      }),
      { input: { text: 'a b c' } },
    );
    expect(result).toMatchObject({ status: 'completed', output: { words: 3, product: 6 } });
  });

  it('of a whole task is the output where nothing is mapped, and text where it stands in text', async () => {
    const hands = handOperated();
    const { submit, settle, until } = await scene({ providers: [hands.provider] });
    const run = await submit(
      await loadWorkflow({
        name: 'text',
        tasks: [{ id: 'a', protocol: 'demo/v1', method: 'demo/work', params: { who: '${input.who}', greeting: 'Hello ${input.who}!' } }],
        output: { said: 'It said: ${a.text}', raw: '${a}' },
      }),
      { input: { who: 'Ada' } },
    );
    expect(hands.callOf('a').params).toEqual({ who: 'Ada', greeting: 'Hello Ada!' });
    hands.callOf('a').succeed({ text: 'hi' });
    await settle();
    expect((await until(run.result())).output).toEqual({ said: 'It said: hi', raw: { text: 'hi' } });
  });

  it('that is missing fails the task that asks for it, with the path', async () => {
    const { play } = await scene();
    const result = await play(
      defineWorkflow({
        name: 'missing',
        tasks: (task) => {
          const a = task('a', { run: () => ({ x: 1 }) as { x: number; y?: { z: number } } });
          return task('b', { params: { z: (a as never as { y: { z: number } }).y.z }, run: () => 1, retry: 5 });
        },
      }),
    );
    expect(result.tasks['b']).toMatchObject({ status: 'failed', error: { code: 'TASK_PARAMETER_ERROR' } });
    expect(result.error?.message).toMatch(/y/);
  });

  it('that an output refers to and that is not there fails the workflow', async () => {
    const { play } = await scene();
    const result = await play(
      defineWorkflow({
        name: 'nothing',
        tasks: (task) => {
          const a = task('a', { run: () => ({}) as { b: { c: number } } });
          return { c: a.b.c };
        },
      }),
    );
    expect(result.status).toBe('failed');
    expect(result.error?.message).toContain('output');
  });

  it('of a workflow without tasks is there at once', async () => {
    const { play } = await scene();
    const result = await play(await loadWorkflow({ name: 'empty', tasks: [] })).catch((error: unknown) => error);
    expect(result).toMatchObject({ status: 'completed' });
  });

  it('is made by the functions of the latest definition of a name, however often it is submitted', async () => {
    const { play, of } = await scene();
    const version = (n: number) => defineWorkflow({ name: 'versioned', version: String(n), tasks: (task) => task('a', { run: () => n }) });
    const first = version(1);
    expect((await play(first)).output).toBe(1);
    expect((await play(first)).output).toBe(1);
    expect(of('provider:registered')).toHaveLength(1);
    expect((await play(version(2))).output).toBe(2);
    expect(of('provider:registered')).toHaveLength(2);
  });

  it('of one id is one run: submitted twice it runs once, under another definition it is refused', async () => {
    const { play, system, of } = await scene();
    const workflow = defineWorkflow({ name: 'once', tasks: (task) => task('a', { run: () => 1 }) });
    await play(workflow, { id: 'mine' });
    await play(workflow, { id: 'mine' });
    expect(of('workflow:submitted')).toHaveLength(1);
    const other = defineWorkflow({ name: 'other', tasks: (task) => task('b', { run: () => 1 }) });
    await expect(system.submit(other, { id: 'mine' })).rejects.toMatchObject({ code: 'WORKFLOW_INVALID_STATE' });
  });
});
