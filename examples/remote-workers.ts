/** Workers in other processes: they share the work, one of them is killed and what it ran runs again, the others leave in order. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createSystem, defineWorkflow } from 'gleitzeit';
import { createHub } from 'gleitzeit/hub';
import { z } from 'zod';

// Leases are this short so that the loss of a worker is found soon.
const system = createSystem({ worker: { leaseMs: 1_500, heartbeatMs: 250 } });
await system.start();
const hub = await createHub({ system, port: 0 });

const program = fileURLToPath(new URL('remote-workers/worker.ts', import.meta.url));
async function startWorker(): Promise<ChildProcess> {
  const worker = fork(program, [hub.url], { execArgv: ['--import', 'tsx'] });
  await once(worker, 'message');
  return worker;
}
const workers = await Promise.all([startWorker(), startWorker(), startWorker()]);
const [first] = workers;
console.log(`${workers.length} workers at ${hub.url}`);

// The engine knows the method by what the workers registered: the provider itself is theirs.
const gallery = defineWorkflow({
  name: 'gallery',
  input: z.object({ images: z.array(z.int()) }),
  tasks: (task, input) => task('make', { forEach: input.images, method: 'thumbnails/make', params: (image) => ({ image, ms: 60 }) }),
});

let isKilled = false;
system.on('task:started', ({ data }) => {
  if (isKilled || !data.workerId.includes(`-${first.pid}-`)) return;
  isKilled = true;
  first.kill('SIGKILL');
});
system.on('task:failed', ({ data }) => console.log(`${data.taskId}: attempt ${data.attempt} was lost with its worker`));

const run = await system.submit(gallery, { input: { images: Array.from({ length: 24 }, (_, n) => n) } });
const { status, output } = await run.result();
const made = output as readonly { readonly by: number; readonly attempt: number }[];
const byProcess = new Map(workers.map(({ pid }) => [pid, made.filter(({ by }) => by === pid).length]));
console.log('made by process:', Object.fromEntries(byProcess));
assert.equal(status, 'completed');
assert.equal(made.length, 24);
assert.ok(
  made.some(({ attempt }) => attempt === 2),
  'what the killed worker ran was run again',
);
assert.ok(
  workers.slice(1).every(({ pid }) => (byProcess.get(pid) ?? 0) > 0),
  'both of the others had their share',
);

for (const worker of workers.slice(1)) worker.kill('SIGTERM');
const codes = await Promise.all(workers.slice(1).map((worker) => once(worker, 'exit').then(([code]) => code as number)));
console.log('the others left with', codes.join(', '));
assert.deepEqual(codes, [0, 0]);
await system.stop();
await hub.close();
