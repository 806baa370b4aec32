/**
 * The flood campaign: malformed, oversized, deep, poisoned and out-of-order messages, by those who have a token and those who have
 * none, while others work.
 *
 * `npm run campaign:flood -- --messages 100000 --seed 1`. The hub has a process of its own, those who flood another one, and
 * here are those who are to notice nothing. What has to hold: the hub is there to the end and has complained of nothing; what can be
 * answered was refused by its code; memory after a collection is what it was; whoever flooded has left nothing behind; the others
 * have all their results; and the journal is sound.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

import { numbersAsked } from '../arguments.mjs';
import { checkJournal } from '../library.mjs';
import { Bystander } from './bystander.mjs';
import { start } from './children.mjs';

const { messages, seed, rate, lanes, lorises, deserters, rounds } = numbersAsked({
  messages: 100_000,
  seed: Date.now() % 1_000_000,
  /** Messages a second; 0 for as many as there can be. */
  rate: 0,
  /** What is done at the same time. */
  lanes: 8,
  /** Connections that are held without ever saying anything whole. */
  lorises: 200,
  /** Of those who poll, in percent: they go without a word. It takes the hub up to 45 seconds to notice. */
  deserters: 50,
  /** Workflows of the others before the flood, and after it. */
  rounds: 500,
});
/** What is left may grow by so much, in bytes: what the journal has grown by is indexed, and code that ran is compiled. */
// The thread that reads large workflows has some 60 MB of its own.
const growth = { heap: 16 * 2 ** 20, rss: 192 * 2 ** 20 };
/** How long the others may wait, p99 in milliseconds: by far not long enough to be taken for dead. All of it runs on one machine. */
const slowest = 3_000;
const tokens = { bystander: 'b'.repeat(32), client: 'c'.repeat(32), observer: 'o'.repeat(32), worker: 'w'.repeat(32) };
const grants = [
  { token: tokens.bystander, name: 'bystander' },
  { token: tokens.client, roles: ['client'] },
  { token: tokens.observer, roles: ['observer'] },
  { token: tokens.worker, roles: ['worker'], name: 'flood' },
];

const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(1);
const ms = (value) => value.toFixed(1);
const wrong = [];
const must = (isSo, text) => {
  if (!isSo) wrong.push(text);
};

function tellRounds(when, { rounds: done, p50, p99, longest }) {
  console.log(`  others ${when}: ${done} workflows of two tasks, p50 ${ms(p50)} ms, p99 ${ms(p99)} ms, longest ${ms(longest)} ms`);
}

function tellMemory(when, { heap, rss, highest, turns: { p50, p99, longest }, connections }) {
  const figures = `heap ${megabytes(heap)} MB, RSS ${megabytes(rss)} MB, highest so far ${megabytes(highest)} MB`;
  console.log(`  hub ${when}: ${figures}; turns p50 ${ms(p50)} ms, p99 ${ms(p99)} ms, longest ${ms(longest)} ms; ${connections} connections`);
}

/** Of those who left without a word the hub learns only after a while. */
async function emptied(hub, connections) {
  for (let left = 1_200; left > 0; left--) {
    const there = await hub.ask('connections');
    if (there.length <= connections) return;
    await wait(50);
  }
}

const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-flood-'));
const path = join(directory, 'flood.db');
console.log(`flood campaign: ${messages} messages, seed ${seed}`);
const hub = await start('./hub.mjs', { path, tokens: grants });
const bystander = await Bystander.come({ url: hub.url, tokens });
await bystander.submitNever();
bystander.begin();
await bystander.more(rounds / 5);
bystander.look();
await bystander.more(rounds);
const alone = bystander.look();
tellRounds('before', alone);
const { length: others } = await hub.ask('connections');

const victim = { workerId: bystander.workerId };
const plan = { messages, rate, lanes, lorises, deserters };
const flooder = await start('./flooder.mjs', { url: hub.url, port: hub.port, seed, tokens, victim, ...plan });
// What is loaded and compiled once is no growth: some of everything comes first.
await flooder.ask('begin');
const first = await hub.ask('measure');
tellMemory('after a twentieth', first);
const began = performance.now();
bystander.look();
await flooder.ask('half');
tellMemory('half way', await hub.ask('measure'));
const flood = await flooder.ask('rest');
const seconds = (performance.now() - began) / 1_000;
const during = bystander.look();
tellRounds('during', during);
await flooder.ask('end');
await emptied(hub, others);
const last = await hub.ask('measure');
tellMemory('afterwards', last);
await bystander.more(rounds);
tellRounds('afterwards', bystander.look());
await bystander.leave();
await hub.ask('stop');
const { code, signal, said } = await hub.ended;

const { damages, facts } = await checkJournal(path);
rmSync(directory, { recursive: true });
console.log(`  sent ${flood.sent} messages, ${((0.95 * flood.sent) / seconds).toFixed(0)} a second: ${JSON.stringify(flood.kinds)}`);
console.log(`  ${flood.refused} requests were refused in words: ${JSON.stringify(flood.codes)}`);
console.log(`  ${bystander.rounds} workflows of the others, ${facts} facts in the journal`);

for (const fault of flood.faults) wrong.push(fault);
must(flood.faultCount <= flood.faults.length, `${flood.faultCount} faults in all`);
for (const text of bystander.noticed.slice(0, 20)) wrong.push(`noticed: ${text}`);
for (const text of last.complaints.slice(0, 20)) wrong.push(`the hub complained: ${text}`);
must(code === 0, `the hub ended with ${code ?? signal}: ${said}`);
must(last.heap - first.heap < growth.heap, `the heap grew by ${megabytes(last.heap - first.heap)} MB, and may by ${megabytes(growth.heap)}`);
must(last.rss - first.rss < growth.rss, `RSS grew by ${megabytes(last.rss - first.rss)} MB, and may by ${megabytes(growth.rss)}`);
must(during.p99 < slowest, `of the others' workflows one in a hundred took longer than ${ms(during.p99)} ms, and may take ${slowest} ms`);
must(last.connections === others, `${last.connections} connections are left, and there were ${others}`);
must(damages.length === 0, `the journal is damaged: ${damages[0]?.message}`);
for (const text of wrong) console.log(`WRONG  ${text}`);
console.log(wrong.length === 0 ? 'The hub stood, and nobody else noticed.' : `${wrong.length} things are wrong; seed ${seed}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
