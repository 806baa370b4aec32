/** Durations that no time can be added to, at every edge; and ids that are not for users to take. */
import { describe, expect, it, onTestFinished } from 'vitest';

import { longestMs } from '../../machines/policies/instants.ts';
import { readDays, readSeconds } from '../../src/cli/arguments.ts';
import { lineOf } from '../../src/cli/commands/schedule.ts';
import { timeText } from '../../src/duration.ts';
import { toFailure } from '../../src/errors.ts';
import { checkConnectOptions } from '../../src/hub/client/options.ts';
import { requests } from '../../src/hub/protocol/requests.ts';
import { checkHubOptions } from '../../src/hub/server/options.ts';
import { checkStop } from '../../src/runtime/shutdown.ts';
import { createSystem, type GleitzeitSystem } from '../../src/runtime/system.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { loadWorkflow } from '../../src/workflow/load.ts';
import { recordOf, restoreWorkflow } from '../../src/workflow/restore.ts';
import { silent } from '../silent.ts';
import { errorFrom } from './aftermath.ts';

const plain = defineWorkflow({ name: 'plain', tasks: (task) => ({ a: task('a', { run: () => 1 }) }) });

async function running() {
  const system = createSystem({ log: silent });
  await system.start();
  onTestFinished(() => system.stop({ deadlineMs: 0 }));
  return system;
}

const file = (retry: object) => ({ name: 'w', tasks: [{ id: 'a', method: 'core/echo', retry }] });
const record = (change: object) => {
  const made = recordOf(plain);
  return { ...made, definition: { ...made.definition, tasks: made.definition.tasks.map((task) => ({ ...task, ...change })) } };
};

/** What takes a duration in milliseconds. */
const edges: Readonly<Record<string, (ms: number) => unknown>> = {
  'an interval of a schedule': async (everyMs) => (await running()).schedule(plain, { id: 's', everyMs }),
  'the delay of a retry': (baseDelayMs) => loadWorkflow(file({ maxAttempts: 2, baseDelayMs, maxDelayMs: baseDelayMs })),
  'the delay of a retry in seconds': (ms) => loadWorkflow(file({ max_attempts: 2, base_delay: ms / 1_000, max_delay: ms / 1_000 })),
  'a timeout that was sent': (timeoutMs) => restoreWorkflow(record({ timeoutMs })),
  'the lease of workers': (leaseMs) => createSystem({ worker: { leaseMs } }),
  'how long what has ended is kept': (maxAgeMs) => createSystem({ cleanup: { maxAgeMs } }),
  'how often it is looked for': (intervalMs) => createSystem({ cleanup: { intervalMs } }),
  'the deadline of a stop': (deadlineMs) => checkStop({ deadlineMs }) ?? true,
  'days on the command line': (ms) => readDays(String(Math.ceil(ms / 86_400_000)), '--keep-days'),
  'seconds on the command line': (ms) => readSeconds(String(ms / 1_000), '--every'),
};

describe.each(Object.entries(edges))('%s', (_, edge) => {
  it.each([9e15, 1e300, longestMs + 86_400_000])('of %d ms is refused', async (ms) => {
    const error = await errorFrom(() => edge(ms));
    expect(error.message).toMatch(/1,000 years|<=31536000000000/);
  });

  it('of a thousand years is taken', async () => expect(await edge(longestMs)).toBeDefined());
});

describe('far times', () => {
  it('are refused by the hub', () => {
    expect(requests['schedule:add'].data.safeParse({ id: 's', everyMs: 9e15 }).success).toBe(false);
  });

  it('are no sleep', async () => {
    const system = await running();
    const sleep = await loadWorkflow({ name: 'w', tasks: [{ id: 'a', method: 'core/sleep', params: { ms: 9e15 } }] });
    expect((await errorFrom(() => system.submit(sleep))).message).toMatch(/params\.ms .*<=31536000000000/);
  });

  it('are none that a timer of Node can wait for', () => {
    const url = 'http://127.0.0.1:1';
    const rule = /2147483647 \(24 days\)/;
    for (const options of [{ connectTimeoutMs: 2 ** 31 }, { patienceMs: 2 ** 31 }])
      expect(() => checkConnectOptions({ url, ...options })).toThrow(rule);
    for (const limits of [{ greetingMs: 2 ** 31 }, { unreadMs: 2 ** 31 }])
      expect(() => checkHubOptions({ system: {} as GleitzeitSystem, limits })).toThrow(rule);
  });

  it('are shown whatever they are', () => {
    expect([timeText(0), timeText(9e15), timeText(1e300)]).toEqual([
      '1970-01-01T00:00:00.000Z',
      '104166666 days after 1970',
      expect.stringContaining('after 1970'),
    ]);
  });

  it('of a failing handler are cut', () => {
    expect(toFailure(Object.assign(new Error('later'), { retryAfterMs: 1e300 })).retryAfterMs).toBe(longestMs);
  });

  it('that stand in a journal do not keep others from being listed', () => {
    const rule = { kind: 'interval', everyMs: 9e15 } as const;
    const far = { id: 's', workflow: 's', input: {}, rule, overlap: 'skip', catchUp: 'one', createdAt: 0, nextAt: 9e15, lastAt: null } as const;
    expect(lineOf({ ...far, running: null, isBehind: false })).toContain('after 1970');
  });
});

describe('an id that the system makes of its own', () => {
  const ids = ['a~b', '~', 'nightly@2026-01-01T03:00:00.000Z', 'x@2026-01-01T03:00Z', 'x@+012026-01-01T03:00:00+01:00'];

  it.each(ids)('%s is nobody else’s to take', async (id) => {
    const system = await running();
    const said = /which does not end in "@" and a time/;
    expect((await errorFrom(() => system.submit(plain, { id }))).message).toMatch(said);
    expect((await errorFrom(() => system.schedule(plain, { id, everyMs: 60_000 }))).message).toMatch(said);
  });

  it.each(['a@b', 'mail@example.org', '2026-01-01T03:00:00.000Z', 'a@2026'])('%s is none of them', async (id) => {
    const system = await running();
    expect(await (await system.submit(plain, { id })).result()).toMatchObject({ status: 'completed' });
  });
});
