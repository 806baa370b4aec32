/**
 * The main job: `npm start`.
 *
 * Runs a workflow file over real texts, against a service that breaks down on the way; tells what happens, prints the report
 * that comes of it all the same, and checks that everything it promises to show was really to be seen.
 */
import { fileURLToPath } from 'node:url';
import { createSystem, loadProviders, loadWorkflow, type Workflow } from 'gleitzeit';

import { highlights } from './main/highlights.ts';
import { narrate } from './main/narration.ts';
import { branchOf, type ReportOutput, tableOf } from './main/printing.ts';
import { verdictOf } from './main/verdict.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const print = (text: string): boolean => process.stdout.write(`${text}\n`);

const system = createSystem({ providers: await loadProviders(here('./main/providers.ts')) });
const seen = narrate(system, print);
await system.start();

print('A report on eighteen texts, with the help of a service that breaks down after nine calls:\n');
// What a file's workflow puts out is known to whoever wrote the file.
const report = (await loadWorkflow(here('./main/report.yaml'))) as Workflow<unknown, ReportOutput>;
const run = await system.submit(report, { id: 'report' });
const result = await run.result();
if (result.output === undefined) throw new Error(`The report failed: ${result.error?.message}`);
const { rows, vocabulary } = result.output;
const summary = await (await system.submit(highlights, { input: { rows: [...rows] } })).result();
await poolIsBack();

print(`\n${tableOf(rows)}\n`);
print(`Most frequent words: ${vocabulary.map(({ word, count }) => `${word} (${count})`).join(', ')}.`);
for (const sentence of summary.output ?? []) print(sentence);

const trace = await run.trace();
const retried = trace.events.filter(({ type }) => type === 'task:retry_executed').map(({ correlation }) => correlation.taskId ?? '');
const most = retried.toSorted((a, b) => count(retried, b) - count(retried, a))[0] ?? '';
print(`\nHow ${most} came about, what followed from what:\n\n${branchOf(trace, ['list', 'works', most, 'report'])}\n`);

await system.stop();
const verdict = verdictOf({ seen, rows, sentences: summary.output ?? [], trace });
for (const { what, isTrue } of verdict) print(`${isTrue ? 'ok      ' : 'MISSING '} ${what}`);
process.exitCode = verdict.every(({ isTrue }) => isTrue) ? 0 : 1;

function count(list: readonly string[], wanted: string): number {
  return list.filter((each) => each === wanted).length;
}

/** The pool gives its workers back only after its cooldown, some time after the workflow has ended. */
async function poolIsBack(): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (seen.sizes.at(-1) !== 1 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
}
