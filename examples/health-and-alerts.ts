/**
 * Health checks and alerts: health:check → health:check_started → health:check_completed or health:check_failed; a provider
 * that fails its checks is called no more until one succeeds, and rules say who should be told.
 */
import assert from 'node:assert/strict';
import { type AlertRule, defineProvider } from 'gleitzeit';
import { simulate } from 'gleitzeit/testing';

let isReachable = true;
const database = defineProvider({
  protocol: 'db/v1',
  circuit: false,
  check: () => {
    if (!isReachable) throw new Error('the database does not answer');
  },
  methods: { 'db/query': { run: () => [] } },
});

// A rule of one's own: data only, so that it could stand in a file.
const slow: AlertRule = {
  name: 'database_degraded',
  severity: 'warning',
  on: ['provider:degraded'],
  resolveOn: ['provider:started'],
  subject: 'providerId',
  summary: '{providerId} failed {consecutiveFailures} times in a row.',
};

const { system, advance, events } = await simulate({ providers: [database], alerts: [slow], health: { intervalMs: 10_000 } });
system.on('alert:triggered', ({ time, data }) => console.log(`${time / 1_000} s  ALERT     ${data.rule} (${data.severity}): ${data.summary}`));
system.on('alert:resolved', ({ time, data }) => console.log(`${time / 1_000} s  resolved  ${data.rule}`));
let status = '';
system.on('health:check_failed', ({ time, data }) => {
  if (data.status !== status) console.log(`${time / 1_000} s  ${data.component} is ${data.status}: ${data.error.message}`);
  status = data.status;
});

await advance(10_000);
const about = events.filter(({ type, data }) => type.startsWith('health:') && 'component' in data && data.component === 'provider/db/v1');
assert.deepEqual(
  about.slice(-2).map(({ type }) => type),
  ['health:check_started', 'health:check_completed'],
);

isReachable = false;
await advance(120_000);
assert.equal((await system.snapshot('provider', 'db/v1'))?.value, 'unhealthy');
const alerts = events.filter(({ type }) => type === 'alert:triggered').map(({ data }) => ('rule' in data ? data.rule : ''));
assert.ok(alerts.includes('database_degraded') && alerts.includes('provider_unhealthy'), `alerts: ${alerts.join()}`);

isReachable = true;
await advance(120_000);
assert.equal((await system.snapshot('provider', 'db/v1'))?.value, 'started');
const resolved = events.filter(({ type }) => type === 'alert:resolved').map(({ data }) => ('rule' in data ? data.rule : ''));
assert.deepEqual(new Set(resolved), new Set(alerts), 'every alert has an end');
await system.stop();
