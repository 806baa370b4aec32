import { describe, expect, it } from 'vitest';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { failure } from '../../../machines/failures.ts';
import { frameOf } from '../../../src/cli/progress/frame.ts';
import { eventLine, lineOf } from '../../../src/cli/progress/lines.ts';
import { progressLog } from '../../../src/cli/progress/log.ts';
import { createProgress } from '../../../src/cli/progress/progress.ts';
import { createReporter } from '../../../src/cli/progress/reporter.ts';
import { event, registered, started, step } from './events.ts';
import { fakeScreen, fakeTerminal } from './terminals.ts';

const error = failure('CONNECTION_REFUSED', 'nobody listens');
const plain = fakeTerminal().colors;

function progressAfter(...events: readonly GleitzeitEvent[]) {
  const progress = createProgress();
  for (const each of events) progress.apply(each);
  return progress;
}

function frame(events: readonly GleitzeitEvent[], options: { readonly now?: number; readonly columns?: number; readonly rows?: number } = {}) {
  return frameOf(progressAfter(...events).view, { name: 'Report', now: 0, columns: 80, rows: 24, colors: plain, ...options });
}

describe('the picture of a run', () => {
  it('has a bar, one line per running task, pool sizes and circuit states', () => {
    const lines = frame(
      [
        registered('text/v1', 'text/v1'),
        registered('idle/v1', 'idle/v1'),
        event('pool:scaled', { poolId: 'text/v1', from: 1, to: 2, reason: 'load' }),
        event('workflow:started', { totalTasks: 4 }, 1_000),
        step('a', 1, 4),
        step('x', 2, 4, 'failed'),
        started('b', 1_500),
        started('c', 1_900, 2),
      ],
      { now: 2_000 },
    );
    expect(lines).toEqual([
      'Report  ████████████░░░░░░░░░░░░  2/4  1 failed  1.0 s',
      '  ● b  text/words  500 ms',
      '  ● c  text/words  attempt 2  100 ms',
      '  pools     text/v1 2 workers, 2 running',
      '  circuits  text/v1 closed',
    ]);
  });

  it('shows what waits for a retry, and an open circuit until it is tried again', () => {
    const lines = frame(
      [
        event('workflow:started', { totalTasks: 1 }),
        started('a'),
        event('task:failed', { taskId: 'a', attempt: 1, error }),
        event('task:retry_scheduled', { taskId: 'a', attempt: 1, delayMs: 2_000, dueAt: 3_000 }),
        event('circuit:opened', { circuit: 'text/v1', protocol: 'text/v1', reason: 'failure_threshold', retryAt: 61_000 }),
      ],
      { now: 1_000 },
    );
    expect(lines.slice(1)).toEqual([
      '  ↻ a  again in 2.0 s',
      '  pools     text/v1 0 workers, 0 running',
      '  circuits  text/v1 open, tried again in 1 min 00 s',
    ]);
  });

  it('shows how far a handler says that it is, for its current attempt', () => {
    const said = (attempt: number, fraction: number) => event('attempt:progress', { taskId: 'a', attempt, fraction, message: 'reading' });
    expect(frame([started('a', 0, 2), said(2, 0.426), said(1, 0.9)])[1]).toBe('  ● a  text/words  attempt 2  42 %  reading  0 ms');
  });

  it('forgets a circuit that closed and a task that was tried again', () => {
    const { view } = progressAfter(
      event('circuit:opened', { circuit: 'c', protocol: 'text/v1', reason: 'isolated' }),
      event('circuit:half_open', { circuit: 'c', protocol: 'text/v1' }),
      event('circuit:closed', { circuit: 'c', protocol: 'text/v1' }),
      event('task:retry_scheduled', { taskId: 'a', dueAt: 1 }),
      started('a'),
    );
    expect(view.circuits.get('c')?.state).toBe('closed');
    expect(view.retrying.size).toBe(0);
    expect([...view.running.keys()]).toEqual(['a']);
  });

  it('counts the elements of a fan-out into the bar of its one task', () => {
    const elements = [0, 1].map((index) => event('task:completed', { taskId: `each[${index}]`, protocol: 'text/v1' }));
    const lines = frame([event('workflow:started', { totalTasks: 1 }), event('task:expanded', { taskId: 'each', elements: 4 }), ...elements]);
    expect(lines).toEqual(['Report  ████████████░░░░░░░░░░░░  0/1  0 ms', '  ▸ each  2 of 4 elements']);
  });

  it('says that it is paused', () => {
    expect(frame([event('workflow:started', { totalTasks: 1 }), event('workflow:paused', { reason: 'lunch' })])[0]).toMatch(/paused$/);
  });

  it('is never wider or higher than the screen, and tells how much it leaves out', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => started(`a task with a long name ${index}`));
    const lines = frame([event('workflow:started', { totalTasks: 1_000 }), ...many], { columns: 30, rows: 12 });
    expect(lines.length).toBeLessThan(12);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(30);
    expect(lines).toContain('  … and 994 more');
  });

  it('obeys nothing that a task is named', () => {
    expect(frame([started('a\u001b[2J\nb')])[1]).toBe('  ● a\ufffd[2J b  text/words  0 ms');
  });

  it('keeps nothing of what has ended', () => {
    const ended = [
      started('a'),
      event('task:completed', { taskId: 'a' }),
      started('b'),
      event('task:cancelled', { taskId: 'b' }),
      started('c'),
      event('task:retry_exhausted', { taskId: 'c' }),
    ];
    const { view } = progressAfter(...ended);
    expect([view.running.size, view.retrying.size, view.pools.get('text/v1')?.running]).toEqual([0, 0, 0]);
  });
});

describe('the lines of a run', () => {
  const linesOf = (...events: readonly GleitzeitEvent[]) => {
    const progress = createProgress();
    return events.flatMap((each) => {
      progress.apply(each);
      return lineOf(each, progress) ?? [];
    });
  };

  it('tell what ruled a task out, but not for every task why the workflow is cancelled', () => {
    expect(
      linesOf(
        event('workflow:started', { totalTasks: 3 }),
        event('task:skipped', { taskId: 'b', because: 'a', policy: 'dependency_failed' }),
        event('task:skipped', { taskId: 'c', because: 'it took too long', policy: 'workflow_cancelled' }),
      ).slice(1),
    ).toEqual(['b skipped, because of a', 'c skipped']);
  });

  it('tell starts and ends, failures, retries, pools and circuits', () => {
    expect(
      linesOf(
        event('workflow:started', { totalTasks: 2 }),
        event('pool:scaled', { poolId: 'text/v1', from: 0, to: 1, reason: 'started' }),
        started('a', 0, 2),
        event('pool:scaled', { poolId: 'text/v1', from: 1, to: 3, reason: 'load' }),
        event('task:failed', { taskId: 'a', attempt: 2, error }),
        event('task:retry_scheduled', { taskId: 'a', delayMs: 1_500 }),
        event('circuit:opened', { circuit: 'text/v1', reason: 'failure_threshold', retryAt: 60_000 }),
        event('circuit:closed', { circuit: 'text/v1' }),
        event('task:completed', { taskId: 'b', durationMs: 12 }),
        event('queue:empty', {}),
      ),
    ).toEqual([
      'started, 2 tasks',
      'a started, attempt 2 (text/words)',
      'pool text/v1 goes from 1 to 3 workers: load',
      'a failed in attempt 2: nobody listens (CONNECTION_REFUSED)',
      'a is tried again in 1.5 s',
      'circuit text/v1 opened: failure_threshold, tried again in 1 min 00 s',
      'circuit text/v1 closed',
      'b completed in 12 ms',
    ]);
  });

  it('are few where tasks are many', () => {
    const steps = Array.from({ length: 200 }, (_, index) => [started(`t${index}`), step(`t${index}`, index + 1, 200)]).flat();
    const lines = linesOf(event('workflow:started', { totalTasks: 200 }), ...steps);
    expect([lines.length, lines[1], lines.at(-1)]).toEqual([11, '20 of 200 tasks', '200 of 200 tasks']);
  });

  it('leave out the elements of a fan-out', () => {
    expect(
      linesOf(event('workflow:started', { totalTasks: 1 }), event('task:expanded', { taskId: 'each', elements: 3 }), started('each[0]')),
    ).toEqual(['started, 1 task', 'each runs for 3 elements']);
  });

  it('can tell any event, without its long values', () => {
    const told = eventLine(event('task:completed', { taskId: 'a', result: { long: true }, attempt: 1, method: 'm'.repeat(100) }, 3_600_000));
    expect(told).toBe('01:00:00.000 info     task:completed test workflowId=w taskId=a attempt=1');
  });
});

describe('a reporter', () => {
  const options = { name: 'Report', everything: false, now: () => 0 };

  it('writes lines where nobody can see a picture', () => {
    const terminal = fakeTerminal();
    const reporter = createReporter(terminal, options);
    reporter.hear(event('workflow:started', { totalTasks: 1 }));
    reporter.stop();
    reporter.hear(started('a'));
    expect(terminal.stderr.text()).toBe('started, 1 task\n');
  });

  it('writes every event when asked to', () => {
    const terminal = fakeTerminal();
    createReporter(terminal, { ...options, everything: true }).hear(event('queue:empty', {}));
    expect(terminal.stderr.text()).toContain('queue:empty');
  });

  it('tells what handlers log, among the rest', () => {
    const terminal = fakeTerminal();
    const log = progressLog(createReporter(terminal, options));
    log.info({ taskId: 'a', attempt: 1 }, 'half\nway');
    log.error({ err: new Error('broken') }, 'a subscriber threw');
    log.debug({}, 'nobody wants to know');
    expect(terminal.stderr.text()).toBe('a: half way\nerror: a subscriber threw: broken\n');
  });

  it('draws over its last picture, and takes it away in the end', async () => {
    const terminal = fakeTerminal(fakeScreen({ isTTY: true, columns: 60, rows: 10 }));
    const reporter = createReporter(terminal, options);
    reporter.hear(event('workflow:started', { totalTasks: 2 }));
    await expect.poll(() => terminal.stderr.seen()[0]).toContain('0/2');
    reporter.hear(started('a'));
    reporter.hear(step('b', 1, 2));
    await expect.poll(() => terminal.stderr.seen()).toHaveLength(3);
    expect(terminal.stderr.seen()[1]).toBe('  ● a  text/words  0 ms');
    reporter.stop();
    expect(terminal.stderr.seen()).toEqual([]);
    reporter.hear(started('c'));
    reporter.note('the end');
    expect(terminal.stderr.seen()).toEqual(['the end']);
    expect(terminal.stdout.text()).toBe('');
  });
});
