/**
 * The process that is killed: an engine under load. It says on standard output when it is loaded, started and done.
 *
 * A workflow's id is noted before its submit, and once more when the submit was answered. What was noted and not answered is
 * submitted again by the next life, under the same id.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

import { between, chanceOf, oneOf } from '../chance.mjs';
import { createSystem, sqliteJournal } from '../library.mjs';
import { inputOf, kindNames, ledgerProvider, loadKinds } from './workload.mjs';

const { path, life, seed, submits, atOnce, step } = JSON.parse(process.argv[2]);
const files = { ledger: `${path}.ledger`, intents: `${path}.intents`, acks: `${path}.acks` };
const chance = chanceOf(seed);
const silent = {
  info: () => undefined,
  warn: (...said) => console.error(...said),
  error: (...said) => console.error(...said),
  debug: () => undefined,
};

const linesOf = (file) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);

/**
 * Ends this very process at a step of a transaction, where the writer runs in this thread; or, given an error of SQLite, has that
 * step fail with it, so many times.
 */
function tamperedAt(journal, { name, count, error, times = 1 }) {
  const open = journal.open.bind(journal);
  let seen = 0;
  journal.open = async () => {
    const opened = await open();
    journal.writer.store.onStep = (at) => {
      if (at !== name || ++seen < count) return;
      if (error === undefined) process.kill(process.pid, 'SIGKILL');
      else if (seen < count + times) throw Object.assign(new Error('put in by the campaign'), { code: error });
    };
    return opened;
  };
  return journal;
}

const kinds = await loadKinds();
const plain = sqliteJournal(path, { writer: step === undefined ? 'thread' : 'inline', busyTimeoutMs: 5_000 });
const system = createSystem({
  journal: step === undefined ? plain : tamperedAt(plain, step),
  providers: [ledgerProvider({ path: files.ledger, life })],
  builtins: false,
  log: silent,
});
console.log('loaded');
await system.start();
console.log('started');

async function submit(id, isKnown) {
  if (!isKnown) appendFileSync(files.intents, `${id}\n`);
  const run = await system.submit(kinds[id.split('.')[0]], { id, input: inputOf(id) });
  appendFileSync(files.acks, `${id}\n`);
  return run.result();
}

const acknowledged = new Set(linesOf(files.acks));
const before = linesOf(files.intents);
const doubtful = before.filter((id) => !acknowledged.has(id));
let [made, number] = [0, before.length];
const lane = async () => {
  for (;;) {
    const known = doubtful.pop();
    if (known === undefined && made >= submits) return;
    if (known === undefined) made++;
    await submit(known ?? `${oneOf(chance, kindNames)}.${between(chance, 0, 999)}.${++number}-${life}`, known !== undefined);
  }
};
await Promise.all(Array.from({ length: atOnce }, lane));
// What earlier lives left under way comes to its end too.
for (const { workflowId } of (await system.list()).filter(({ status }) => status === 'running')) await system.result(workflowId);
console.log('done');
await system.stop();
