/** The filter pipeline: by severity, component, correlation and type; live as streams, and over lists of events. */
import assert from 'node:assert/strict';
import { createSystem, defineWorkflow, eventsByComponent, eventsBySeverity, type GleitzeitEvent, severities } from 'gleitzeit';

const good = defineWorkflow({ name: 'good', tasks: (task) => task('echo', { method: 'core/echo', params: { hello: 'world' } }) });
const bad = defineWorkflow({ name: 'bad', tasks: (task) => task('fail', { method: 'core/fail' }) });

const system = createSystem();
const seen = {
  all: [] as GleitzeitEvent[],
  alarming: [] as GleitzeitEvent[],
  pools: [] as GleitzeitEvent[],
  goodTasks: [] as GleitzeitEvent[],
  completions: [] as string[],
};
system.events$.subscribe((event) => seen.all.push(event));
system.select({ minSeverity: 'error' }).subscribe((event) => seen.alarming.push(event));
system.select({ component: 'pool' }).subscribe((event) => seen.pools.push(event));
system.select({ correlationId: 'good-1', types: ['task:*'] }).subscribe((event) => seen.goodTasks.push(event));
// An exact type gives the handler that type's data; what it returns takes the handler away again.
const forget = system.on('task:completed', ({ data }) => seen.completions.push(`${data.workflowId}/${data.taskId}`));

await system.start();
await (await system.submit(good, { id: 'good-1' })).result();
forget();
await (await system.submit(good, { id: 'good-2' })).result();
await (await system.submit(bad, { id: 'bad-1' })).result();
await system.stop();

assert.deepEqual(seen.completions, ['good-1/echo']);
assert.ok(seen.goodTasks.every(({ type, correlation }) => type.startsWith('task:') && correlation.workflowId === 'good-1'));
const isAlarming = ({ severity }: GleitzeitEvent): boolean => severities.indexOf(severity) >= severities.indexOf('error');
assert.deepEqual(seen.alarming, seen.all.filter(isAlarming));
assert.deepEqual(seen.alarming, eventsBySeverity(seen.all, 'error'));
assert.deepEqual(seen.pools, eventsByComponent(seen.all, 'pool'));
assert.deepEqual(
  seen.alarming.map(({ type }) => type),
  ['task:retry_exhausted', 'workflow:failed', 'alert:triggered'],
);
console.log(`${seen.all.length} events; ${seen.pools.length} of pools; ${seen.goodTasks.length} of the tasks of good-1`);
console.log(`at least 'error': ${seen.alarming.map(({ type, severity }) => `${type} (${severity})`).join(', ')}`);
