/**
 * The fault campaign: the disk fails under a running engine, for a while, and nothing is lost or done twice.
 *
 * `npm run campaign:faults -- --rounds 10 --seed 1`. With strace, writes and syncs of the process are answered with EIO or
 * ENOSPC, some of them or many in a row; without it the steps of a transaction are, as SQLite would pass it on. What was being
 * done is held, and done when the disk answers again.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { hasStrace, numbersAsked } from '../arguments.mjs';
import { between, chanceOf } from '../chance.mjs';
import { live } from '../kill/lives.mjs';
import { judge } from '../kill/verdict.mjs';

const { rounds, seed } = numbersAsked({ rounds: 10, seed: Date.now() % 1_000_000 });
const chance = chanceOf(seed);
const canTrace = hasStrace();
/** Counts from which on an engine has started: the faults of an open are the tests' of the journal. */
const traced = [
  { call: 'fsync', error: 'EIO', from: 60, times: 1 },
  { call: 'pwrite64', error: 'EIO', from: 250, times: 1 },
  { call: 'pwrite64', error: 'ENOSPC', from: 250, times: 1 },
  { call: 'fsync', error: 'EIO', from: 60, times: 5 },
  { call: 'pwrite64', error: 'ENOSPC', from: 250, times: 8 },
];
const stepped = [
  { step: 'commit', error: 'SQLITE_IOERR_FSYNC', from: 10, times: 1 },
  { step: 'write', error: 'SQLITE_IOERR_WRITE', from: 10, times: 1 },
  { step: 'write', error: 'SQLITE_FULL', from: 10, times: 1 },
  { step: 'begin', error: 'SQLITE_IOERR_FSYNC', from: 10, times: 5 },
  { step: 'commit', error: 'SQLITE_FULL', from: 10, times: 8 },
];
const faults = canTrace ? traced : stepped;

async function suffer(directory, round) {
  const { from, ...fault } = faults[round % faults.length];
  const plan = { ...fault, count: from + between(chance, 0, 60) };
  const path = join(directory, `${round}.db`);
  const load = { path, life: 1, seed: between(chance, 0, 2 ** 31), submits: 150, atOnce: 16 };
  const { isDone, came, said } = await live(plan, { load, longestMs: 60_000 });
  const name = `${plan.error} from ${plan.call ?? `step '${plan.step}'`} ${plan.count} on, ${plan.times} times`;
  const { wrong, counts } = await judge(path);
  if (!isDone) wrong.unshift(`the engine did not come to its end, ${came}`);
  // What it held, it says; without that the fault was not met.
  const isHeld = said.includes('takes no facts');
  console.log(`  ${name}: ${isHeld ? 'held' : 'not noticed'}, ${JSON.stringify(counts)}, ${wrong.length} wrong`);
  for (const text of wrong.slice(0, 5)) console.log(`WRONG  ${text}`);
  if (wrong.length > 0) console.log(said);
  return { wrong: wrong.length, isHeld };
}

const how = canTrace ? 'put in by strace' : 'strace is not there: put in at the steps of a transaction instead';
console.log(`fault campaign: ${rounds} rounds, seed ${seed}, faults ${how}`);
const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-faults-'));
const found = [];
for (let round = 0; round < rounds; round++) found.push(await suffer(directory, round));
const broken = found.reduce((sum, { wrong }) => sum + wrong, 0);
const held = found.filter(({ isHeld }) => isHeld).length;
rmSync(directory, { recursive: true });
console.log(`${rounds} engines, ${held} of them held their facts for a while`);
// A campaign that no engine noticed has shown nothing.
if (held === 0) console.log(`No engine met a fault; seed ${seed}`);
else console.log(broken === 0 ? 'Nothing was lost, nothing was done twice.' : `${broken} promises broken; seed ${seed}`);
process.exitCode = broken === 0 && held > 0 ? 0 : 1;
