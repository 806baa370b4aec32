/** The wall clock is set while a system runs, or stood elsewhere when its journal was written: what lasts takes no notice. */
import { describe, expect, it } from 'vitest';

import { memoryJournal } from '../../src/journal/memory.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { handOperated } from './hands.ts';
import { scene } from './scene.ts';

const hour = 3_600_000;
const leaps = [
  ['forward', hour],
  ['back', -hour],
] as const;

const one = (options: { readonly timeoutMs?: number; readonly retry?: { maxAttempts: number; baseDelayMs: number; jitter: 'none' } } = {}) =>
  defineWorkflow({ name: 'one', tasks: (task) => task('a', { method: 'demo/work', ...options }) });

async function staged(options: Parameters<typeof scene>[0] = {}) {
  const hands = handOperated();
  const said: { readonly details: unknown; readonly message: string }[] = [];
  const note = (details: unknown, message: string) => void said.push({ details, message });
  const log = { debug() {}, info() {}, warn: note, error: note };
  const stage = await scene({ providers: [hands.provider], startAt: 10 * hour, log, ...options });
  return { hands, stage, said };
}

describe.each(leaps)('a wall clock that is set %s by an hour', (_, byMs) => {
  it('ends no attempt before its time, nor after it', async () => {
    const { stage, hands } = await staged();
    const run = await stage.submit(one({ timeoutMs: 300_000 }));
    stage.clock.leap(byMs);
    await stage.advance(299_999);
    expect([stage.of('task:timeout'), stage.of('task:lease_expired'), stage.of('worker:failed')]).toEqual([[], [], []]);
    expect(hands.open()).toHaveLength(1);
    await stage.advance(1);
    expect(stage.of('task:timeout')).toHaveLength(1);
    expect((await stage.until(run.result())).durationMs).toBe(300_000);
  });

  it('brings a retry when its delay is over', async () => {
    const { stage, hands } = await staged();
    await stage.submit(one({ retry: { maxAttempts: 2, baseDelayMs: 60_000, jitter: 'none' } }));
    hands.callOf('a').fail();
    await stage.settle();
    stage.clock.leap(byMs);
    await stage.advance(59_999);
    expect(hands.calls).toHaveLength(1);
    await stage.advance(1);
    expect(hands.calls).toHaveLength(2);
  });

  it('leaves the time of events as it is', async () => {
    const { stage, hands } = await staged();
    await stage.submit(one());
    const began = stage.only('task:started').time;
    await stage.advance(1_000);
    stage.clock.leap(byMs);
    hands.callOf('a').succeed();
    await stage.settle();
    expect(stage.only('task:completed').time - began).toBe(1_000);
    expect(stage.only('task:completed').data.durationMs).toBe(1_000);
  });

  it('is said once, for as long as the two are as far apart, and shown by the figures', async () => {
    const { stage, said } = await staged();
    await stage.submit(one({ timeoutMs: 600_000 }));
    await stage.system.metrics();
    stage.clock.leap(byMs);
    await stage.advance(300_000);
    const how = byMs > 0 ? /^the wall clock is .* ahead of the time of events/ : /^the wall clock is .* behind the time of events/;
    expect(said).toEqual([{ details: { aheadMs: byMs }, message: expect.stringMatching(how) }]);
    expect((await stage.system.metrics()).gauges['gleitzeit_wall_clock_ahead_seconds']).toBe(byMs / 1_000);
    stage.clock.leap(-byMs);
    await stage.advance(61_000);
    expect(said.at(-1)?.message).toBe('the wall clock and the time of events agree again');
    expect(said).toHaveLength(2);
  });
});

describe('what users name by the wall clock', () => {
  it('a start time comes within a minute after the clock was set forward past it', async () => {
    const { stage, hands } = await staged();
    const run = await stage.submit(one(), { startAt: 11 * hour });
    stage.clock.leap(hour + 1);
    await stage.advance(60_000);
    expect(hands.calls).toHaveLength(1);
    await stage.advance(2_000);
    hands.callOf('a').succeed();
    // It lasts from its start on, by the time of events.
    expect((await stage.until(run.result())).durationMs).toBe(stage.only('task:completed').time - stage.only('workflow:started').time);
    expect(stage.only('workflow:started').time).toBeLessThan(10 * hour + 60_001);
  });

  it('a start time is waited for longer where the clock was set back', async () => {
    const { stage, hands } = await staged();
    const run = await stage.submit(one(), { startAt: 11 * hour });
    stage.clock.leap(-hour);
    await stage.advance(hour + 60_000);
    expect(hands.calls).toHaveLength(0);
    expect((await run.explain()).tasks[0]?.reasons[0]).toMatchObject({ kind: 'start_time', until: 11 * hour, leftMs: hour - 60_000 });
    await stage.advance(hour);
    expect(hands.calls).toHaveLength(1);
  });

  it('a start time that came while the workflow was paused starts it as it is resumed, and one that did not is waited for', async () => {
    const { stage, hands } = await staged();
    const run = await stage.submit(one(), { startAt: 11 * hour });
    await run.pause();
    await run.resume();
    await stage.advance(hour - 1);
    expect(hands.calls).toHaveLength(0);
    await run.pause();
    stage.clock.leap(-10_000);
    await stage.advance(10_000);
    expect(hands.calls).toHaveLength(0);
    await stage.advance(10_000);
    await run.resume();
    await stage.advance(1);
    expect(hands.calls).toHaveLength(1);
  });

  it('a schedule that is made while the two are apart counts its slots by the wall clock', async () => {
    const { stage } = await staged();
    stage.clock.leap(hour + 7_000);
    const made = await stage.system.schedule(one(), { id: 'often', everyMs: 60_000 });
    expect(made).toMatchObject({ createdAt: 11 * hour + 7_000, nextAt: 11 * hour + 67_000 });
    await stage.advance(60_000);
    expect(stage.only('cron:triggered').data.slot).toBe(11 * hour + 67_000);
    const [standing] = await stage.system.schedules();
    expect(standing).toMatchObject({ createdAt: 11 * hour + 7_000, lastAt: 11 * hour + 67_000 });
  });
});

describe('a journal that was written with a later clock', () => {
  it('is gone on with from its last time, and that is said', async () => {
    const journal = memoryJournal();
    const first = await staged({ journal, startAt: 20 * hour });
    await first.stage.submit(one(), { id: 'w' });
    await first.stage.close();
    const last = (await journal.read()).at(-1)?.time ?? 0;
    const { stage, said, hands } = await staged({ journal, seed: 'next', startAt: 10 * hour });
    await stage.advance(100);
    expect(Math.min(...stage.events.map(({ time }) => time))).toBeGreaterThanOrEqual(last);
    expect(hands.calls.map(({ attempt }) => attempt)).toEqual([2]);
    await stage.advance(60_000);
    expect(said.map(({ message }) => message)).toContainEqual(expect.stringContaining('behind the time of events'));
  });
});
