import { describe, expect, test } from 'vitest';

import { defineWorkflow } from '../../../src/workflow/define.ts';
import { loadWorkflow, parseWorkflow } from '../../../src/workflow/load.ts';
import { rejectionOf } from './faults-of.ts';

const echo = { method: 'core/echo' };
const chain = (length: number) => ({
  name: 'deep',
  tasks: Array.from({ length }, (_, i) => ({ id: `t${i}`, ...echo, params: i === 0 ? {} : { x: `\${t${i - 1}.x}` } })),
});

describe('size is no obstacle', () => {
  test('100,000 tasks beside each other', async () => {
    const tasks = Array.from({ length: 100_000 }, (_, i) => ({ id: `t${i}`, ...echo, params: { i, of: '${input.x}' } }));
    const { definition, levels } = await loadWorkflow({ name: 'wide', tasks });
    expect([definition.tasks.length, levels]).toEqual([100_000, 1]);
  }, 30_000);

  test('one task that waits for 100,000', async () => {
    const tasks: object[] = Array.from({ length: 100_000 }, (_, i) => ({ id: `t${i}`, ...echo }));
    tasks.push({ id: 'join', ...echo, dependencies: tasks.map((_, i) => `t${i}`) });
    const { definition, levels } = await loadWorkflow({ name: 'join', tasks });
    expect([definition.tasks.at(-1)?.dependencies.length, levels]).toEqual([100_000, 2]);
  }, 30_000);

  test('10,000 tasks in a row, from an object, from text and from code', async () => {
    expect((await loadWorkflow(chain(10_000))).levels).toBe(10_000);
    expect((await parseWorkflow(JSON.stringify(chain(10_000)), { format: 'json' })).levels).toBe(10_000);
    const built = defineWorkflow({
      name: 'deep',
      tasks: (task) => {
        let last = task('t0', { run: () => 0 });
        for (let i = 1; i < 10_000; i += 1) last = task(`t${i}`, { run: ({ n }) => n + 1, params: { n: last } });
        return { last };
      },
    });
    expect([built.levels, built.functions.size]).toEqual([10_000, 10_000]);
  }, 30_000);

  test('10,000 tasks in a circle are told in a message that can be read', async () => {
    const { name, tasks } = chain(10_000);
    tasks[0] = { id: 't0', ...echo, params: { x: '${t9999.x}' } };
    const error = await rejectionOf(loadWorkflow({ name, tasks }));
    expect(error.code).toBe('WORKFLOW_CIRCULAR_DEPENDENCY');
    expect(error.message.length).toBeLessThan(500);
  }, 30_000);

  test('50,000 wrong references are all told, and soon', async () => {
    const tasks = Array.from({ length: 50_000 }, (_, i) => ({ id: `t${i}`, ...echo, params: { x: `\${nobody${i}.x}` } }));
    const error = await rejectionOf(loadWorkflow({ name: 'wrong', tasks }));
    expect(error.issues).toHaveLength(50_000);
    expect(error.message).toMatch(/and 49950 more$/);
  }, 30_000);

  test('a map of 50,000 keys, known or not', async () => {
    const keys = Array.from({ length: 50_000 }, (_, i) => `k${i}: ${i}`);
    const { definition } = await parseWorkflow(`name: w\ntasks:\n  - id: a\n    method: core/echo\n    params:\n      ${keys.join('\n      ')}\n`);
    expect(Object.keys(definition.tasks[0]?.params as object)).toHaveLength(50_000);
    expect((await rejectionOf(parseWorkflow(`name: w\ntasks: []\n${keys.join('\n')}\n`))).issues).toHaveLength(50_000);
  }, 30_000);

  test('one long text that stands in many places is refused before it is written out', async () => {
    const text = `name: w\nx-long: &long "${'x'.repeat(1_000_000)}"\ntasks:\n${Array.from({ length: 1_000 }, (_, i) => `  - { id: t${i}, method: core/echo, params: { x: *long } }`).join('\n')}\n`;
    expect(await rejectionOf(parseWorkflow(text))).toMatchObject({ code: 'WORKFLOW_VALIDATION_FAILED', issues: [{ rule: 'payload' }] });
  }, 30_000);
});
