/**
 * A client of an engine in another process: the same code asks either. The engine is killed in the middle of its work and started
 * anew; the client waits, and hears every recorded event once.
 *
 * This file is both processes: it starts itself once more, as the engine with its hub.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSystem, eventTypes, type Gleitzeit, parseWorkflow, specOf, sqliteJournal } from 'gleitzeit';
import { connect, createHub } from 'gleitzeit/hub';

const [, , database, port] = process.argv;
const token = 'known to both';

const parcel = await parseWorkflow(`
  name: parcel
  input: { to: nobody }
  tasks:
    - { id: pack, method: core/echo, parameters: { to: "\${input.to}" } }
    - { id: carry, method: core/sleep, parameters: { ms: 1500 }, dependencies: [pack] }
    - { id: hand-over, method: core/echo, parameters: { parcel: "\${pack}" }, dependencies: [carry] }
  output: "\${hand-over.parcel.to}"
`);

/** Whether the system is here or behind a hub is not its concern. */
async function send(gleitzeit: Gleitzeit, to: string): Promise<unknown> {
  const run = await gleitzeit.submit(parcel, { id: `parcel-for-${to}`, input: { to } });
  return (await run.result()).output;
}

async function serve(): Promise<void> {
  const system = createSystem({ journal: sqliteJournal(database ?? '') });
  await system.start();
  const hub = await createHub({ system, port: Number(port), token });
  process.send?.(hub.port);
  // Whoever started it may be gone.
  process.on('disconnect', () => process.exit());
}

async function startEngine(path: string, at: number): Promise<{ readonly engine: ChildProcess; readonly port: number }> {
  const engine = fork(fileURLToPath(import.meta.url), [path, String(at)], { execArgv: ['--import', 'tsx'] });
  // The first word of the engine is the port that its hub listens on.
  const [heard] = (await once(engine, 'message')) as [number];
  return { engine, port: heard };
}

async function ask(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-remote-'));
  const path = join(folder, 'parcels.db');
  const first = await startEngine(path, 0);
  const hub = await connect({ url: `http://127.0.0.1:${first.port}`, token });
  console.log(`connected to ${hub.url}: Gleitzeit ${(await hub.info()).version}`);

  const heard: number[] = [];
  const recorded = eventTypes.filter((type) => specOf(type).recorded);
  hub.select({ correlationId: 'parcel-for-ada', types: recorded }).subscribe(({ seq, type, correlation }) => {
    heard.push(seq);
    console.log(`  ${type} ${correlation.taskId ?? ''}`);
  });
  const carried = new Promise<void>((resolve) => {
    hub.on('task:started', ({ data }) => data.taskId === 'carry' && resolve());
  });
  const sent = send(hub, 'ada');
  await carried;
  first.engine.kill('SIGKILL');
  console.log('the engine was killed, and starts anew');
  const second = await startEngine(path, first.port);

  assert.equal(await sent, 'ada');
  const { events } = await hub.trace('parcel-for-ada');
  while (heard.length < events.length) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(
    heard,
    events.map(({ seq }) => seq),
    'each recorded event was heard, in its order, and once',
  );
  const { attempts } = (await hub.status('parcel-for-ada')).tasks['carry'] ?? {};
  assert.equal(attempts, 2, 'what was under way is tried again');
  await assert.rejects(hub.status('parcel-for-nobody'), { code: 'WORKFLOW_NOT_FOUND' });
  await hub.close();
  second.engine.kill();

  const system = createSystem();
  await system.start();
  assert.equal(await send(system, 'grace'), 'grace');
  console.log('the same without a hub: the parcel for grace is there too');
  await system.stop();
  rmSync(folder, { recursive: true });
}

await (database === undefined ? ask() : serve());
