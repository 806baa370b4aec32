import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';

import { makeProvider, schemasIn } from '../../../src/providers/provider.ts';
import { parseWorkflow } from '../../../src/workflow/load.ts';
import { checkParams, type SchemasOf } from '../../../src/workflow/params.ts';

const run = () => null;
const provider = (id: string, params?: z.ZodType) =>
  makeProvider({ id, protocol: 'text/v1', methods: { 'text/words': { run, ...(params && { params }) } } });
const strict = provider('strict', z.strictObject({ text: z.string(), deep: z.object({ n: z.number() }).optional() }));
const among =
  (...providers: readonly ReturnType<typeof provider>[]): SchemasOf =>
  (protocol, method) =>
    schemasIn(providers, protocol, method);

const textOf = (params: string, more = '') =>
  `name: w\ntasks:\n  - id: list\n    method: core/echo\n  - id: a\n    method: text/words\n${more}    parameters: ${params}\n`;
const check = async (params: string, schemas = among(strict), more = '') => checkParams(await parseWorkflow(textOf(params, more)), schemas);

describe('parameters that refer to nothing', () => {
  test('fit, or are told with their place in the text, all of them', async () => {
    await check('{ text: "a" }');
    await expect(check('{ text: 5, deep: { n: "no" }, other: 1 }')).rejects.toMatchObject({
      code: 'TASK_VALIDATION_FAILED',
      issues: [
        { path: 'tasks[1].params', line: 7, column: 5, rule: 'schema' },
        { path: 'tasks[1].params.text', line: 7, column: 19, rule: 'schema' },
        { path: 'tasks[1].params.deep.n', line: 7, column: 36, rule: 'schema' },
      ],
    });
  });

  test('that are missing are told with the place where they should stand', async () => {
    await expect(check('{}')).rejects.toMatchObject({ issues: [{ path: 'tasks[1].params.text', line: 7 }] });
    await expect(checkParams(await parseWorkflow('name: w\ntasks:\n  - id: a\n    method: text/words\n'), among(strict))).rejects.toMatchObject({
      issues: [{ path: 'tasks[0].params.text', line: 3 }],
    });
  });

  test('are read as the handler will read them: $${ is a literal ${', async () => {
    const seen = vi.fn();
    await check('{ text: "$${x}" }', among(provider('p', z.object({ text: z.string().transform(seen) }))));
    expect(seen).toHaveBeenCalledWith('${x}', expect.anything());
  });

  test('of a method that several providers have fit when one of them takes them', async () => {
    const other = provider('other', z.object({ text: z.number() }));
    await check('{ text: 5 }', among(strict, other));
    await check('{ text: 5 }', among(strict, provider('any')));
    await expect(check('{ text: [] }', among(strict, other))).rejects.toMatchObject({ code: 'TASK_VALIDATION_FAILED' });
  });

  test('are judged by schemas that take their time, too', async () => {
    const slow = provider('slow', z.object({ text: z.string().refine(async (text) => text === 'right') }));
    const answer = vi.spyOn(slow.methods['text/words']!.params!['~standard'], 'validate');
    answer.mockImplementation(async (value) => ((value as { text: string }).text === 'right' ? { value } : { issues: [{ message: 'wrong' }] }));
    await check('{ text: right }', among(slow));
    await expect(check('{ text: left }', among(slow))).rejects.toMatchObject({ issues: [{ message: expect.stringContaining('wrong') }] });
  });
});

describe('parameters that cannot be judged yet', () => {
  test('refer to something, or are made for each element', async () => {
    await check('{ text: "${list.x}", other: 1 }');
    await check('{ text: 5 }', among(strict), '    for_each: "${list.items}"\n');
  });

  test('have a schema that throws', async () => {
    const broken = provider('broken', z.object({ text: z.string() }));
    vi.spyOn(broken.methods['text/words']!.params!['~standard'], 'validate').mockImplementation(() => {
      throw new Error('broken');
    });
    await check('{ text: 5 }', among(broken));
  });
});
