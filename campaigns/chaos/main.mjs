/**
 * The chaos campaign: a hub, its workers and its clients over a bad network, all of them troubled, and nothing is lost or counted
 * twice.
 *
 * `npm run campaign:chaos -- --tasks 5000 --workers 3 --restarts 5 --seed 1`. Workers are killed, stopped for longer than their
 * leases and told to end; the hub is killed while it is under load, and started again; connections are late, fall silent and
 * break. In the end the journal, the workers' ledger, the submitter and a listener must tell the same.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { numbersAsked } from '../arguments.mjs';
import { connect } from '../hub-library.mjs';
import { Listener, Submitter } from './clients.mjs';
import { readJournal } from './journal.mjs';
import { readLedger } from './ledger.mjs';
import { quiet } from './log.mjs';
import { badNetwork } from './network.mjs';
import { HubLives, Workers } from './troubles.mjs';
import { judge } from './verdict.mjs';

const asked = numbersAsked({ tasks: 5_000, workers: 3, slots: 16, restarts: 5, seed: Date.now() % 1_000_000, lease: 4_000, work: 600 });
const { tasks, workers: seats, slots, restarts, seed, lease: leaseMs, work: workMs } = asked;
/** How long nothing may be completed before the campaign gives up, and how long everybody has to come to the same end. */
const longestPauseMs = 40_000;
const longestEndMs = 60_000;
const token = 'chaos';

async function campaign(directory) {
  const [path, ledger] = [join(directory, 'chaos.db'), join(directory, 'ledger')];
  const hub = new HubLives({ seed: seed + 1, task: { path, port: 0, token, leaseMs, heartbeatMs: Math.ceil(leaseMs / 6) } });
  const network = await badNetwork({ port: await hub.begin(), seed: seed + 2, longestSilenceMs: 1.5 * leaseMs });
  const clientOf = () => connect({ url: network.url, token, log: quiet, connectTimeoutMs: 60_000, patienceMs: 20_000 });
  const [submitting, listening] = await Promise.all([clientOf(), clientOf()]);
  const listener = new Listener(listening);
  const submitter = new Submitter(submitting, { seed: seed + 3, tasks, atOnce: Math.ceil(seats * slots * 0.75) });
  const workers = new Workers({ seed: seed + 4, seats, leaseMs, task: { url: network.url, token, slots, ledger, workMs } });
  await workers.begin();
  const results = submitter.run();
  const watch = watchOver(listener, submitter);
  await Promise.race([Promise.all([results, restartsOf(hub, listener)]), watch.failed]);
  watch.end();

  network.calm();
  await workers.end();
  // Asked and answered: both are connected, and nothing breaks any more.
  await Promise.all([submitting.info(), listening.info()]);
  const code = await within(longestEndMs, hub.end());
  await listener.settled();
  await Promise.all([submitting.close(), listening.close()]);
  network.close();

  const { fates } = workers;
  const { wrong, counts } = judge({ journal: await readJournal(path), ledger: readLedger(ledger), fates, submitter, listener, leaseMs });
  wrong.push(...workers.wrong);
  if (code !== 0) wrong.push(`the hub ended with ${code} when it was told to end`);
  if (hub.complaints !== '') wrong.push(`the hub said: ${hub.complaints}`);
  const troubles = Object.fromEntries(['killed', 'stopped', 'told to end'].map((what) => [what, fates.filter((fate) => fate.what === what).length]));
  return { wrong, counts, troubles, restarts: hub.restarts, network: network.figures, retried: submitter.retried, outages: submitter.outages };
}

/** Kills the hub while it is under load, as often as asked, at even parts of the work. */
async function restartsOf(hub, listener) {
  for (let number = 1; number <= restarts; number++) {
    while (listener.completed < (number * tasks) / (restarts + 1)) await wait(20);
    await hub.restart();
  }
}

/** Fails when nothing is completed any more, with the reason that the hub gives for that. */
function watchOver(listener, submitter) {
  let end;
  const failed = new Promise((_, reject) => {
    const timer = setInterval(() => {
      if (Date.now() - listener.lastCompletedAt < longestPauseMs) return;
      end();
      const said = within(5_000, submitter.explain()).catch(String);
      said.then((why) => reject(new Error(`Nothing was completed for ${longestPauseMs} ms. ${why}`)));
    }, 1_000);
    end = () => clearInterval(timer);
  });
  return { failed, end };
}

function within(ms, promise) {
  const late = new AbortController();
  const timeout = wait(ms, `nothing within ${ms} ms`, { signal: late.signal }).catch(() => undefined);
  return Promise.race([promise, timeout]).finally(() => late.abort());
}

console.log(`chaos campaign: ${tasks} tasks, ${seats} workers of ${slots} slots, ${restarts} restarts of the hub, seed ${seed}`);
const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-chaos-'));
const began = Date.now();
let outcome;
try {
  outcome = await campaign(directory);
} catch (error) {
  outcome = { wrong: [`the campaign broke off: ${error.stack}`] };
}
const { wrong, ...figures } = outcome;
for (const [name, value] of Object.entries(figures)) console.log(`  ${name}: ${JSON.stringify(value)}`);
for (const text of wrong.slice(0, 20)) console.log(`WRONG  ${text}`);
if (wrong.length === 0) rmSync(directory, { recursive: true });
else console.log(`What it left is in ${directory}`);
console.log(`${((Date.now() - began) / 1e3).toFixed(0)} s`);
console.log(wrong.length === 0 ? 'Nothing was lost, nothing was counted twice.' : `${wrong.length} promises broken; seed ${seed}`);
process.exit(wrong.length === 0 ? 0 : 1);
