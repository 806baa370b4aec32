/** Metrics: counters, gauges and histograms, read as an object or as the text that Prometheus scrapes. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSystem, defineWorkflow } from 'gleitzeit';
import { z } from 'zod';

const work = defineWorkflow({
  name: 'work',
  input: z.object({ items: z.array(z.int()) }),
  tasks: (task, input) => {
    task('flaky', { method: 'core/fail', params: { times: 1 }, retry: { maxAttempts: 2, baseDelayMs: 5 } });
    return task('each', { forEach: input.items, params: (item) => ({ item }), run: ({ item }) => item * 2 });
  },
});

const system = createSystem({ metrics: true });
await system.start();
const run = await system.submit(work, { input: { items: [1, 2, 3, 4, 5] } });
await run.result();

// What a scraper would see.
const server = createServer(async (_, response) => {
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end((await system.metrics()).prometheus);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const text = await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`)).text();
server.close();
server.closeAllConnections();

const { counters, gauges, histograms } = await system.metrics();
await system.stop();

const shown = /^gleitzeit_(tasks_completed|task_retries|task_elements|workflows_ended|workflow_duration)/;
console.log(
  text
    .split('\n')
    .filter((line) => shown.test(line) && !line.includes('_bucket'))
    .join('\n'),
);
assert.match(text, /^# TYPE gleitzeit_tasks_completed_total counter$/m);
assert.match(text, /^gleitzeit_task_retries_total\{method="core\/fail"\} 1$/m);
assert.match(text, /^gleitzeit_workflow_duration_seconds_bucket\{status="completed",le="\+Inf"\} 1$/m);
assert.equal(counters['gleitzeit_task_elements_total'], 5);
assert.equal(counters['gleitzeit_workflows_ended_total{status="completed"}'], 1);
assert.equal(histograms['gleitzeit_task_wait_seconds{method="core/fail"}']?.count, 2, 'it waited for a worker before either attempt');
console.log(`${Object.keys(counters).length} counters, ${Object.keys(gauges).length} gauges, ${Object.keys(histograms).length} histograms`);
