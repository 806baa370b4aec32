/**
 * Schedules on a simulated clock, three days in a moment: a cron expression in a time zone through a clock change, a run that is
 * still under way when the next one is due, a machine that was off at night, and a workflow that starts later.
 */
import assert from 'node:assert/strict';
import { defineProvider, defineWorkflow, memoryJournal } from 'gleitzeit';
import { simulate } from 'gleitzeit/testing';

const hour = 3_600_000;
const reports = defineProvider({
  protocol: 'reports/v1',
  methods: {
    'reports/write': {
      run: async ({ hours = 0 }: { readonly hours?: number }, { sleep }) => {
        await sleep(hours * hour);
        return { written: true };
      },
    },
  },
});
const report = (hours: number) =>
  defineWorkflow({
    name: 'report',
    providers: [reports],
    tasks: (task) => task('write', { method: 'reports/write', params: { hours }, timeoutMs: hour }),
  });
const quick = report(0);
const slow = defineWorkflow({
  name: 'slow report',
  providers: [reports],
  tasks: (task) => task('write', { method: 'reports/write', params: { hours: 0.75 }, timeoutMs: hour }),
});

const at = (iso: string): number => Date.parse(iso);
/** Fewer signs of life than in a system that runs: days pass faster. */
const calm = { providers: [reports], health: { intervalMs: 24 * hour }, worker: { heartbeatMs: hour / 6, leaseMs: 4 * hour } };
/** The runs of a schedule are named by it and by the time that they were due at. */
const startsOf = (workflows: readonly { readonly workflowId: string }[], id: string): readonly string[] =>
  workflows.flatMap(({ workflowId }) => (workflowId.startsWith(`${id}@`) ? [workflowId.slice(id.length + 1, -8)] : []));

const journal = memoryJournal();
const first = await simulate({ journal, ...calm, startAt: at('2025-03-29T00:00:00Z') });
await first.until(first.system.schedule(quick, { id: 'morning', cron: '0 8 * * *', timeZone: 'Europe/Berlin' }));
await first.until(first.system.schedule(slow, { id: 'often', everyMs: hour / 2, endAt: '2025-03-29T04:00:00Z', overlap: 'skip' }));
await first.until(first.system.schedule(quick, { id: 'once', at: '2025-03-29T12:00:00+01:00' }));
const later = await first.until(first.system.submit(quick, { id: 'later', startAt: '2025-03-29T18:00:00Z' }));
assert.equal((await later.status()).status, 'pending', 'a delayed start is durable at once, and waits');

await first.advance(2.5 * 24 * hour);
const kept = await first.system.list();
// Berlin is an hour ahead of UTC, and two from the 30th on: its morning stays at eight.
assert.deepEqual(startsOf(kept, 'morning'), ['2025-03-29T07:00', '2025-03-30T06:00', '2025-03-31T06:00']);
// Each run takes 45 minutes: every second start comes while one is under way, and is left out.
assert.deepEqual(startsOf(kept, 'often').slice(0, 3), ['2025-03-29T00:30', '2025-03-29T01:30', '2025-03-29T02:30']);
assert.deepEqual(startsOf(kept, 'once'), ['2025-03-29T11:00']);
assert.equal((await later.result()).status, 'completed');
assert.deepEqual(
  (await first.system.schedules()).map(({ id }) => id),
  ['morning'],
  'the others have no starts left',
);
await first.until(first.system.stop());

// Nobody runs on the journal for four days: one start makes up for those that were missed (`catchUp: 'one'`, the default).
const second = await simulate({ journal, ...calm, startAt: at('2025-04-04T20:00:00Z'), seed: 'after' });
await second.settle();
const madeUp = startsOf(await second.system.list(), 'morning');
assert.deepEqual(madeUp.slice(3), ['2025-04-04T06:00']);
await second.system.unschedule('morning');
assert.deepEqual(await second.system.schedules(), []);
await second.until(second.system.stop());
console.log(`morning:\n  ${madeUp.join('\n  ')}`);
