/**
 * A process that is killed in the middle of its work, and the next one, which goes on from there: what had finished is not done
 * again, and what was under way is tried again under the same idempotency key.
 *
 * This file is both processes: it starts itself once more, as the one that is killed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSystem, defineProvider, defineWorkflow, sqliteJournal } from 'gleitzeit';
import { z } from 'zod';

const doomed = process.argv[2];
const folder = doomed ?? mkdtempSync(join(tmpdir(), 'gleitzeit-crash-'));
const ledger = join(folder, 'ledger');
const entries = () => (existsSync(ledger) ? readFileSync(ledger, 'utf8').trim().split('\n') : []);

const orders = defineProvider({
  protocol: 'orders/v1',
  methods: {
    'orders/do': {
      params: z.object({ what: z.string() }),
      run: async ({ what }, { attempt, idempotencyKey, sleep }) => {
        // What the outside world sees: a service that knows the key does nothing twice.
        appendFileSync(ledger, `${what} ${idempotencyKey} #${attempt}\n`);
        if (what === 'ship' && doomed !== undefined) await sleep(60_000);
        return { what };
      },
    },
  },
});
const order = defineWorkflow({
  name: 'order',
  providers: [orders],
  tasks: (task) => {
    const pay = task('pay', { method: 'orders/do', params: { what: 'pay' } });
    const ship = task('ship', { method: 'orders/do', params: { what: 'ship' }, dependsOn: [pay] });
    return task('thank', { method: 'orders/do', params: { what: 'thank' }, dependsOn: [ship] });
  },
});

const system = createSystem({ journal: sqliteJournal(join(folder, 'orders.db')), providers: [orders] });

if (doomed !== undefined) {
  await system.start();
  await (await system.submit(order, { id: 'order-17' })).result();
} else {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(process.execPath, ['--import', 'tsx', self, folder], { stdio: 'inherit' });
  while (entries().length < 2 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('exit', resolve));

  const recovered = new Promise<unknown>((resolve) => void system.on('system:started', ({ data }) => resolve(data.recovered)));
  await system.start();
  assert.deepEqual(await recovered, { workflows: 1, tasks: 1 });
  // The same id and the same definition: the same run.
  const run = await system.submit(order, { id: 'order-17' });
  const { status, tasks } = await run.result();
  await system.stop();
  assert.equal(status, 'completed');
  assert.deepEqual([tasks['pay']?.attempts, tasks['ship']?.attempts, tasks['thank']?.attempts], [1, 2, 1]);
  assert.deepEqual(entries(), ['pay order-17/pay #1', 'ship order-17/ship #1', 'ship order-17/ship #2', 'thank order-17/thank #1']);
  console.log(entries().join('\n'));
  rmSync(folder, { recursive: true });
}
