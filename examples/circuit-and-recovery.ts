/**
 * A circuit breaker: after three failures nobody calls the provider any more, tasks wait in the queue, and probes find out
 * when it is well again. On a simulated clock, so that minutes take no time.
 */
import assert from 'node:assert/strict';
import { defineProvider, defineWorkflow } from 'gleitzeit';
import { simulate } from 'gleitzeit/testing';
import { z } from 'zod';

let isDown = true;
let calls = 0;
const model = defineProvider({
  protocol: 'llm/v1',
  circuit: { failureThreshold: 3, successThreshold: 2, recoveryTimeoutMs: 60_000 },
  pool: { min: 1, max: 1 },
  methods: {
    'llm/ask': {
      params: z.object({ question: z.string() }),
      run: ({ question }) => {
        calls++;
        if (isDown) throw new Error('the model is down');
        return `an answer to: ${question}`;
      },
    },
  },
});

const quiz = defineWorkflow({
  name: 'quiz',
  input: z.object({ questions: z.array(z.string()) }),
  providers: [model],
  tasks: (task, input) =>
    task('ask', {
      forEach: input.questions,
      method: 'llm/ask',
      params: (question) => ({ question }),
      retry: { maxAttempts: 10, strategy: 'fixed', baseDelayMs: 1_000, jitter: 'none' },
    }),
});

const { system, clock, advance, until, events } = await simulate({ providers: [model] });
for (const type of ['circuit:opened', 'circuit:half_open', 'circuit:closed', 'method:unavailable', 'method:available'] as const) {
  system.on(type, ({ time, data }) => {
    const isAboutModel = 'protocol' in data && data.protocol === 'llm/v1' && clock.now() > 0 && system.phase === 'running';
    if (isAboutModel) console.log(`${String(time / 1_000).padStart(4)} s  ${type}`);
  });
}

const run = await until(system.submit(quiz, { input: { questions: ['who?', 'what?', 'when?', 'why?'] } }));
await advance(30_000);
const before = calls;
assert.ok(before <= 4, 'three failures, at most one call that was on its way already, and none since');
const [reason] = (await run.explain('ask[0]')).tasks[0]?.reasons ?? [];
console.log(`${clock.now() / 1_000} s: ask[0] waits: ${reason?.message}, until ${(reason?.until ?? 0) / 1_000} s`);
assert.equal(reason?.kind, 'circuit_open');
assert.equal((await system.snapshot('circuit', 'llm/v1'))?.value, 'open');

await advance(31_000);
assert.equal(calls, before + 1, 'one probe, which failed: the next one comes after twice the time');
isDown = false;
const result = await until(run.result());
await system.stop();

assert.equal(result.output?.[3], 'an answer to: why?');
const circuit = events.map(({ type }) => type).filter((type) => type.startsWith('circuit:') && type !== 'circuit:recovery_due');
assert.deepEqual(circuit, ['circuit:opened', 'circuit:half_open', 'circuit:opened', 'circuit:half_open', 'circuit:half_open', 'circuit:closed']);
console.log(`${calls} calls for ${result.output?.length} answers`);
