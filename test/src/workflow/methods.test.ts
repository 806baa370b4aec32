import { describe, expect, test } from 'vitest';

import { loadWorkflow, parseWorkflow } from '../../../src/workflow/load.ts';
import { checkMethods } from '../../../src/workflow/methods.ts';
import { faultsOf } from './faults-of.ts';

const known = new Map([
  ['core/v1', new Set(['core/echo', 'core/sleep'])],
  ['text/v2', new Set(['text/words', 'core/both'])],
  ['http/v1', new Set(['http/request', 'core/both'])],
]);
const load = async (...tasks: object[]) => loadWorkflow({ name: 'w', tasks: tasks.map((task, index) => ({ id: `t${index}`, ...task })) });

describe('methods', () => {
  test('that are known leave the definition as it is', async () => {
    const workflow = await load({ method: 'core/echo' }, { method: 'text/words', protocol: 'text/v2' });
    expect(checkMethods(workflow, known)).toBe(workflow.definition);
  });

  test('that another version of the protocol has are found, where the protocol was left open', async () => {
    const workflow = await load({ method: 'text/words' }, { method: 'core/echo' });
    expect(checkMethods(workflow, known).tasks.map(({ protocol }) => protocol)).toEqual(['text/v2', 'core/v1']);
  });

  test('are not guessed: not of a protocol that was said, nor among several', async () => {
    const said = await load({ method: 'text/words', protocol: 'text/v1' });
    expect(() => checkMethods(said, known)).toThrow(expect.objectContaining({ code: 'PROTOCOL_NOT_FOUND' }));
    const several = await load({ method: 'core/both' });
    expect(() => checkMethods(several, known)).toThrow(expect.objectContaining({ code: 'METHOD_NOT_FOUND' }));
  });

  test('that nobody has are told with their place in the text', async () => {
    const workflow = await parseWorkflow('name: w\ntasks:\n  - id: a\n    method: core/ehco\n', { source: 'w.yaml', format: 'yaml' });
    expect(faultsOf(() => checkMethods(workflow, known))).toMatchObject([{ path: 'tasks[0].method', line: 4, rule: 'unknown_method' }]);
  });

  test('that nobody has are told with the nearest name, all of them', async () => {
    const workflow = await load({ method: 'core/ehco' }, { method: 'htp/request' }, { method: 'core/sleep', protocol: 'cor/v1' });
    expect(() => checkMethods(workflow, known)).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_NOT_FOUND', rpcCode: -30_001, message: expect.stringContaining('htp/v1') }),
    );
    expect(faultsOf(() => checkMethods(workflow, known))).toEqual([
      { path: 'tasks[0].method', rule: 'unknown_method', message: expect.stringContaining('got "core/ehco". Did you mean "core/echo"?') },
      { path: 'tasks[1].protocol', rule: 'unknown_protocol', message: expect.stringContaining('got "htp/v1". Did you mean "http/v1"?') },
      { path: 'tasks[2].protocol', rule: 'unknown_protocol', message: expect.stringContaining('got "cor/v1". Did you mean "core/v1"?') },
    ]);
  });

  test('without a near one come with what there is', async () => {
    const workflow = await load({ method: 'core/xyzzy' });
    expect(() => checkMethods(workflow, known)).toThrow(/"core\/xyzzy"\. It has core\/echo, core\/sleep\.$/);
  });
});
