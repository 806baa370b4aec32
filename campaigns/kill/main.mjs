/**
 * The kill campaign: an engine under load dies at any moment, by SIGKILL, again and again, and nothing that it had acknowledged
 * may be lost or done twice.
 *
 * `npm run campaign:kill -- --kills 300 --seed 1`. Deaths are at random moments, at the steps of a transaction, and, where
 * strace is there, at each single write, sync and rename in turn. After every 25 the journal is run to the end and judged;
 * the first death of a journal is while it is made.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { hasStrace, numbersAsked } from '../arguments.mjs';
import { between, chanceOf, oneOf } from '../chance.mjs';
import { live } from './lives.mjs';
import { judge } from './verdict.mjs';

const { kills, seed, each } = numbersAsked({ kills: 300, seed: Date.now() % 1_000_000, each: 25 });
const chance = chanceOf(seed);
const canTrace = hasStrace();
const steps = ['begin', 'write', 'commit', 'mark'];
const longestLifeMs = 30_000;
const longestEndMs = 180_000;

/** Every write and sync that a thread makes from its first on, far and near ones in turn, so that a short campaign has both. */
function* callsInTurn() {
  for (let at = 0; ; at++) {
    if (at % 3 === 2) yield { call: 'fsync', count: 1 + ((7 * Math.floor(at / 3)) % 40) };
    else yield { call: 'pwrite64', count: 1 + ((49 * at) % 160) };
  }
}
const calls = callsInTurn();
/** What makes a journal: written under another name, synced, and renamed. */
const births = [
  { call: 'rename', count: 1 },
  { call: 'fsync', count: 3 },
  { call: 'pwrite64', count: 5 },
  { call: 'unlink', count: 2 },
  { call: 'pwrite64', count: 14 },
  { call: 'fsync', count: 9 },
  { call: 'pwrite64', count: 1 },
  { call: 'fsync', count: 14 },
  { call: 'unlink', count: 5 },
  { call: 'pwrite64', count: 33 },
  { call: 'fsync', count: 1 },
  { call: 'pwrite64', count: 47 },
];

function planOf(number, { isBirth, journals }) {
  if (isBirth && canTrace) return births[(journals - 1) % births.length];
  const turn = number % 5;
  if (canTrace && (turn === 1 || turn === 3)) return calls.next().value;
  if (turn === 4) return { step: oneOf(chance, steps), count: between(chance, 1, 80) };
  return { afterMs: isBirth ? between(chance, 0, 100) : between(chance, 0, 1_000) };
}

const kindOf = ({ call, step }) => (call === undefined ? (step === undefined ? 'at a random moment' : `at a step (${step})`) : `at ${call}`);

async function campaign(directory) {
  const [deaths, sums, wrong] = [new Map(), {}, []];
  let [killed, number, journals] = [0, 0, 0];
  while (killed < kills) {
    const path = join(directory, `${++journals}.db`);
    const loadOf = (submits) => ({ path, life: ++number, seed: between(chance, 0, 2 ** 31), submits, atOnce: 16 });
    for (let of = 0; of < each && killed < kills; ) {
      const plan = planOf(number, { isBirth: of === 0, journals });
      const { isKilled, isKilledHere, isDone, came, code, signal, said } = await live(plan, { load: loadOf(400), longestMs: longestLifeMs });
      if (isKilled) {
        killed++;
        of++;
        const kind = `${kindOf(isKilledHere ? {} : plan)}, ${came === 'loaded' ? 'while it started' : 'under load'}`;
        deaths.set(kind, (deaths.get(kind) ?? 0) + 1);
      } else if (!isDone) {
        wrong.push(`life ${number} ended by itself, ${came}, with ${code ?? signal}: ${said}`);
        return { deaths, sums, wrong, killed, journals };
      }
    }
    const { isDone, came, said } = await live({}, { load: { ...loadOf(0), atOnce: 1 }, longestMs: longestEndMs });
    if (!isDone) wrong.push(`journal ${journals} did not come to its end, ${came}: ${said}`);
    const verdict = await judge(path);
    wrong.push(...verdict.wrong.map((text) => `journal ${journals}: ${text}`));
    for (const [name, count] of Object.entries(verdict.counts)) sums[name] = (sums[name] ?? 0) + count;
    console.log(`journal ${journals}: ${killed} kills so far, ${JSON.stringify(verdict.counts)}, ${verdict.wrong.length} wrong`);
    if (wrong.length > 0) break;
  }
  return { deaths, sums, wrong, killed, journals };
}

console.log(`kill campaign: ${kills} kills, seed ${seed}, strace ${canTrace ? 'there' : 'not there: at steps instead'}`);
const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-kill-'));
const began = Date.now();
const { deaths, sums, wrong, killed, journals } = await campaign(directory);
for (const [kind, count] of [...deaths].sort()) console.log(`  ${count} ${kind}`);
for (const text of wrong.slice(0, 20)) console.log(`WRONG  ${text}`);
if (wrong.length === 0) rmSync(directory, { recursive: true });
else console.log(`What it left is in ${directory}`);
console.log(`${killed} kills of ${journals} journals in ${((Date.now() - began) / 1e3).toFixed(0)} s: ${JSON.stringify(sums)}`);
console.log(wrong.length === 0 ? 'Nothing was lost, nothing was done twice.' : `${wrong.length} promises broken; seed ${seed}`);
process.exitCode = wrong.length === 0 && killed >= kills ? 0 : 1;
