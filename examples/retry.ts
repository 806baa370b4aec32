/**
 * The retry pattern: task:failed → task:retry_scheduled → task:retry_executed → task:started.
 *
 * Delays grow, a failing side may ask for a longer one, and what is not worth another attempt gets none.
 */
import assert from 'node:assert/strict';
import { createSystem, defineProvider, defineWorkflow } from 'gleitzeit';

const bank = defineProvider({
  protocol: 'bank/v1',
  methods: {
    // Fails twice; the idempotency key stays the same, so that nobody is charged twice.
    'bank/charge': {
      run: (_, { attempt, idempotencyKey }) => {
        if (attempt < 3) throw Object.assign(new Error('the bank is busy'), { retryAfterMs: 150 });
        return { attempt, idempotencyKey };
      },
    },
    'bank/refuse': {
      run: () => {
        throw Object.assign(new Error('the card has expired'), { code: 'CARD_EXPIRED', retryable: false });
      },
    },
  },
});

const retry = { maxAttempts: 5, strategy: 'exponential', baseDelayMs: 40, maxDelayMs: 1_000, jitter: 'equal' } as const;
const payment = defineWorkflow({
  name: 'payment',
  providers: [bank],
  failurePolicy: 'continue_on_error',
  tasks: (task) => {
    task('refused', { method: 'bank/refuse', retry });
    return task('charge', { method: 'bank/charge', retry });
  },
});

const system = createSystem({ providers: [bank] });
const story: string[] = [];
for (const type of ['task:started', 'task:failed', 'task:retry_scheduled', 'task:retry_executed', 'task:completed'] as const) {
  system.on(type, ({ data }) => data.taskId === 'charge' && story.push(type));
}
system.on('task:retry_scheduled', ({ data }) => {
  console.log(`${data.taskId}: attempt ${data.attempt} failed, the next one in ${Math.round(data.delayMs)} ms`);
  assert.ok(data.delayMs >= 150, 'never sooner than the failing side asked for');
});

await system.start();
const result = await (await system.submit(payment)).result();
await system.stop();

const round = ['task:started', 'task:failed', 'task:retry_scheduled', 'task:retry_executed'];
assert.deepEqual(story, [...round, ...round, 'task:started', 'task:completed']);
assert.equal(result.tasks['charge']?.attempts, 3);
assert.equal(result.tasks['refused']?.attempts, 1, 'not retryable, so tried once');
assert.equal(result.tasks['refused']?.error?.code, 'CARD_EXPIRED');
console.log(story.join(' → '));
