/** The trace of a workflow by its correlation id: the nine events of the event routing document, literally. */
import assert from 'node:assert/strict';
import { createSystem, defineWorkflow, eventsByCorrelationId, type GleitzeitEvent, renderTrace, timeline } from 'gleitzeit';

const twoTasks = defineWorkflow({
  name: 'two tasks',
  tasks: (task) => {
    const first = task('task-1', { method: 'core/echo', params: { times: 1 } });
    return task('task-2', { method: 'core/fail', params: { times: first.times }, retry: { maxAttempts: 3, baseDelayMs: 10 } });
  },
});

const system = createSystem();
const all: GleitzeitEvent[] = [];
system.on('*', (event) => all.push(event));
await system.start();
const run = await system.submit(twoTasks, { id: 'workflow-123', requestId: 'request-7' });
await run.result();
const trace = await run.trace();
await system.stop();

console.log(renderTrace(trace));

// The document leaves out that the retried task starts once more.
const events = trace.events.filter(({ type, correlation }) => type !== 'task:started' || correlation.attempt === 1);
const types = [
  'workflow:started',
  'task:started',
  'task:completed',
  'task:failed',
  'task:retry_scheduled',
  'task:retry_executed',
  'workflow:completed',
];
const drawn = renderTrace({ ...trace, events }, { types, bare: true });
console.log(`\n${drawn}`);
assert.equal(
  drawn,
  `Workflow Submission (correlation_id: workflow-123)
├── workflow:started (workflow-123)
├── task:started (workflow-123, task-1)
├── task:completed (workflow-123, task-1)
├── task:started (workflow-123, task-2)
├── task:failed (workflow-123, task-2)
├── task:retry_scheduled (workflow-123, task-2)
├── task:retry_executed (workflow-123, task-2)
├── task:completed (workflow-123, task-2)
└── workflow:completed (workflow-123)`,
);

// The same from the stream of all events, with the helpers of the document.
const mine = timeline(eventsByCorrelationId(all, 'workflow-123'));
assert.ok(mine.length > trace.events.length, 'the stream has the transient events too');
assert.ok(
  mine.every(({ correlation }) => correlation.requestId === 'request-7'),
  'the request is named by every event',
);
const known = new Set(all.map(({ id }) => id));
assert.ok(
  mine.every(({ causationId }) => causationId === undefined || known.has(causationId)),
  'every cause is an event',
);
