import { afterAll, describe, expect, it } from 'vitest';

import { hubLimitDefaults } from '../../../../src/hub/protocol/limits.ts';
import { Loader, loadingLimits } from '../../../../src/hub/work/loader.ts';
import { Portions } from '../../../../src/hub/work/portions.ts';
import { loadWorkflow, parseWorkflow } from '../../../../src/workflow/load.ts';

const bounds = { bytes: hubLimitDefaults.messageBytes, depth: hubLimitDefaults.depth };
const portions = new Portions({ now: () => performance.now(), defer: setImmediate });
const loader = new Loader({ bounds, batches: false }, portions);
afterAll(() => loader.close());

const large = (count: number) => ({
  name: 'large',
  input: { from: 'defaults' },
  output: { last: `\${t${count - 1}.n}` },
  tasks: Array.from({ length: count }, (_, n) => ({
    id: `t${n}`,
    method: 'core/echo',
    parameters: { n, text: 'ä'.repeat(50), ...(n > 0 && { before: `\${t${n - 1}.n}` }) },
  })),
});

describe('the thread that reads workflows', () => {
  it('makes of a definition what loading makes of it where it arrives', async () => {
    const definition = large(3_000);
    const { workflow, options } = await loader.load('a', 'workflow:submit', JSON.stringify({ definition, id: 'w', input: { x: [1, null] } }));
    const { locate: _, ...here } = await loadWorkflow(definition);
    expect(options).toEqual({ id: 'w', input: { x: [1, null] } });
    expect({ ...workflow, inputSchema: undefined }).toEqual({ ...here, inputSchema: undefined });
  });

  it('keeps the places in a text, for what is found only later', async () => {
    const yaml = 'name: y\ntasks:\n  - id: a\n    method: text/none\n    parameters:\n      deep: { x: 1 }\n';
    const { workflow } = await loader.load('a', 'workflow:submit', JSON.stringify({ yaml }));
    const here = await parseWorkflow(yaml);
    for (const path of [
      ['tasks', 0, 'method'],
      ['tasks', 0, 'parameters', 'deep'],
      ['tasks', 0],
    ])
      expect(workflow.locate?.(path)).toEqual(here.locate?.(path));
    expect(workflow.locate?.(['tasks', 0, 'parameters', 'deep', 'x'])).toEqual(here.locate?.(['tasks', 0, 'parameters', 'deep']));
  });

  it.each([
    ['what is no JSON', 'workflow:submit', '{"definition":', 'PARSE_ERROR'],
    ['what is no request', 'workflow:submit', '{"definition":{},"nonsense":1}', 'INVALID_PARAMS'],
    ['two workflows at once', 'workflow:submit', '{"definition":{},"yaml":"a"}', 'INVALID_PARAMS'],
    ['what is too deep', 'workflow:submit', `{"definition":${'['.repeat(2_000)}${']'.repeat(2_000)}}`, 'INVALID_REQUEST'],
    [
      'a batch',
      'workflow:submit',
      '{"definition":{"name":"b","type":"batch","batch":{"directory":"/"},"template":{"method":"core/echo"}}}',
      'WORKFLOW_VALIDATION_FAILED',
    ],
    ['a schedule that is none', 'schedule:add', '{"definition":{"name":"x","tasks":[]},"everyMs":1}', 'INVALID_PARAMS'],
  ] as const)('refuses %s', async (_, name, text, code) => {
    await expect(loader.load('a', name, text)).rejects.toMatchObject({ code });
  });

  it('tells every fault with its place', async () => {
    const yaml = 'name: y\ntasks:\n  - id: a\n    method: core/echo\n    dependencies: [b]\n  - id: a\n    method: core/echo\n';
    const here = await parseWorkflow(yaml).catch((error: unknown) => error as { issues: unknown });
    await expect(loader.load('a', 'workflow:submit', JSON.stringify({ yaml }))).rejects.toMatchObject({
      issues: (here as { issues: unknown }).issues,
    });
  });

  it('takes each holder in turn, and bounds what one may have waiting', async () => {
    const order: string[] = [];
    const text = JSON.stringify({ definition: large(2) });
    const one = (holder: string, name: string) => loader.load(holder, 'workflow:submit', text).then(() => order.push(name));
    const all = [...Array.from({ length: 5 }, (_, at) => one('greedy', `g${at}`)), one('modest', 'm0')];
    await Promise.all(all);
    expect(order.indexOf('m0')).toBeLessThanOrEqual(2);
    const flood = Array.from({ length: loadingLimits.requests + 5 }, () => loader.load('flood', 'workflow:submit', text));
    const results = await Promise.allSettled(flood);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.map(({ reason }) => reason)).toEqual(
      Array.from({ length: 4 }, () => expect.objectContaining({ code: 'RESOURCE_EXHAUSTED', retryable: true })),
    );
  });

  it('ends with the hub, and whoever waits is told', async () => {
    const own = new Loader({ bounds, batches: false }, portions);
    const waiting = [own.load('a', 'workflow:submit', JSON.stringify({ definition: large(2) })), own.load('a', 'workflow:submit', '{}')];
    own.close();
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
    await expect(own.load('a', 'workflow:submit', '{}')).rejects.toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
  });
});
