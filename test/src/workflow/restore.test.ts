import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { loadWorkflow } from '../../../src/index.ts';
import { recordOf, restoreWorkflow } from '../../../src/workflow/restore.ts';

const folder = 'examples/workflows';
const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
const definition = { name: 'n', failurePolicy: 'fail_fast', tasks: [] };
const task = { id: 'a', protocol: 'core/v1', method: 'core/echo', params: {}, dependencies: [], priority: 'normal', timeoutMs: 1_000 };

describe('a workflow that was written down', () => {
  it.each(files)('is the same when it is made again: %s', async (file) => {
    const loaded = await loadWorkflow(join(folder, file));
    const { locate: _, ...expected } = loaded;
    const { locate: __, ...restored } = restoreWorkflow(JSON.parse(JSON.stringify(recordOf(loaded))));
    expect(restored).toEqual(expected);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'INVALID_PARAMS'],
    ['no record', [], 'INVALID_PARAMS'],
    ['more than a record', { definition, impliedProtocols: [], functions: {} }, 'INVALID_PARAMS'],
    ['a task that is none', { definition: { ...definition, tasks: [{ ...task, timeoutMs: 0 }] }, impliedProtocols: [] }, 'INVALID_PARAMS'],
    ['two tasks of one id', { definition: { ...definition, tasks: [task, task] }, impliedProtocols: [] }, 'WORKFLOW_VALIDATION_FAILED'],
    [
      'a dependency on nothing',
      { definition: { ...definition, tasks: [{ ...task, dependencies: [{ task: 'z', when: 'success' }] }] }, impliedProtocols: [] },
      'WORKFLOW_VALIDATION_FAILED',
    ],
    [
      'tasks that wait for each other',
      {
        definition: { ...definition, tasks: ['a', 'b'].map((id, at) => ({ ...task, id, dependencies: [{ task: ['b', 'a'][at], when: 'done' }] })) },
        impliedProtocols: [],
      },
      'WORKFLOW_CIRCULAR_DEPENDENCY',
    ],
    ['a key that is no key', JSON.parse('{"definition":{"__proto__":{}},"impliedProtocols":[]}'), 'WORKFLOW_VALIDATION_FAILED'],
  ])('is refused where it is %s', (_, record, code) => {
    expect(() => restoreWorkflow(record)).toThrow(expect.objectContaining({ code }));
  });
});
