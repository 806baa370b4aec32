/**
 * The error escalation chain of the event routing, and its recovery chain:
 *
 *   provider:error → circuit:opened → method:unavailable; task:failed → task:retry_scheduled; workflow:failed → alert:triggered
 *   circuit:half_open → method:available → the queue releases what waits → circuit:closed → the alert is resolved
 */
import assert from 'node:assert/strict';
import { defineProvider, defineWorkflow } from 'gleitzeit';
import { simulate } from 'gleitzeit/testing';

let isDown = true;
const weather = defineProvider({
  protocol: 'weather/v1',
  circuit: { failureThreshold: 2, successThreshold: 1, recoveryTimeoutMs: 30_000 },
  pool: { min: 1, max: 4, cooldownMs: 1_000 },
  methods: {
    'weather/today': {
      run: () => {
        if (isDown) throw Object.assign(new Error('the station is offline'), { code: 'PROVIDER_NOT_AVAILABLE' });
        return 'sunny';
      },
    },
  },
});
const forecast = (name: string, attempts: number) =>
  defineWorkflow({ name, providers: [weather], tasks: (task) => task('today', { method: 'weather/today', retry: attempts }) });

const { system, advance, until, events } = await simulate({ providers: [weather] });
const impatient = await until(system.submit(forecast('impatient', 1)));
const patient = await until(system.submit(forecast('patient', 5)));
await advance(10_000);

const when = (type: string, from = 0): number => events.findIndex((event, index) => index >= from && event.type === type);
function inOrder(types: readonly string[], from = 0): number {
  let last = from;
  for (const type of types) {
    const found = when(type, last);
    assert.ok(found >= 0, `${type} after ${events[last]?.type}`);
    last = found;
  }
  return last;
}
const escalation = ['task:failed', 'provider:error', 'circuit:opened', 'method:unavailable'];
inOrder(escalation);
inOrder(['task:failed', 'task:retry_scheduled']);
inOrder(['task:failed', 'workflow:failed', 'alert:triggered']);
assert.equal((await until(impatient.result())).status, 'failed');
console.log(`escalation: ${escalation.join(' → ')}`);
const because = (await patient.explain('today')).tasks[0]?.reasons[0];
console.log(`the other workflow waits: ${because?.message}; released when ${because?.releasedBy}`);

isDown = false;
const from = events.length;
const result = await until(patient.result());
assert.equal(result.output, 'sunny');
const recovery = ['circuit:half_open', 'method:available', 'task:available', 'task:completed', 'circuit:closed', 'alert:resolved'];
inOrder(recovery, from);
console.log(`recovery:   ${recovery.join(' → ')}`);
await system.stop();
