/** A person in charge: pauses and resumes a workflow and the whole engine, and cancels what is not wanted any more. */
import assert from 'node:assert/strict';
import { defineProvider, defineWorkflow } from 'gleitzeit';
import { simulate } from 'gleitzeit/testing';
import { z } from 'zod';

const aborted: string[] = [];
const film = defineProvider({
  protocol: 'film/v1',
  pool: { min: 1, max: 1 },
  methods: {
    'film/encode': {
      params: z.object({ part: z.int() }),
      run: async ({ part }, { sleep, signal, workflowId }) => {
        signal.addEventListener('abort', () => aborted.push(`${workflowId}/${part}`));
        await sleep(60_000);
        return part;
      },
    },
  },
});
const encode = defineWorkflow({
  name: 'encode',
  providers: [film],
  tasks: (task) => [1, 2, 3].map((part) => task(`part-${part}`, { method: 'film/encode', params: { part } })),
});

const { system, advance, until } = await simulate({ providers: [film] });
const run = await until(system.submit(encode, { id: 'feature' }));
const done = async (): Promise<number> => Object.values((await run.status()).tasks).filter(({ status }) => status === 'completed').length;

run.pause('the editor wants to look first');
await advance(10 * 60_000);
assert.equal(await done(), 1, 'what ran has finished, nothing new began');
const [waiting] = (await run.explain()).tasks;
console.log(`paused:    ${waiting?.taskId} waits, because ${waiting?.reasons.map(({ message }) => message).join(', ')}`);

await system.pause('maintenance');
run.resume();
await advance(10 * 60_000);
assert.equal(await done(), 1, 'the engine rests');
await system.resume();
await advance(90_000);
assert.equal(await done(), 2);
console.log('resumed:   the second part is done, the third one runs');

run.cancel('the film is not shown after all');
const result = await until(run.result());
assert.equal(result.status, 'cancelled');
assert.equal(result.error?.message, 'the film is not shown after all');
assert.deepEqual(
  Object.values(result.tasks).map(({ status }) => status),
  ['completed', 'completed', 'cancelled'],
);
assert.deepEqual(aborted, ['feature/3'], 'what ran was told by its signal');
console.log(`cancelled: ${result.error?.message}; aborted ${aborted.join()}`);

// One task alone can be cancelled too; what depends on it is skipped.
const chain = defineWorkflow({
  name: 'chain',
  tasks: (task) => task('after', { method: 'core/echo', params: { got: task('long', { method: 'core/sleep', params: { ms: 3_600_000 } }) } }),
});
const other = await until(system.submit(chain));
await advance(1_000);
system.cancelTask(other.id, 'long', 'takes too long');
const { tasks } = await until(other.result());
assert.deepEqual([tasks['long']?.status, tasks['after']?.status], ['cancelled', 'skipped']);
await system.stop();
