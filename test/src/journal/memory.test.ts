import { describe, expect, it } from 'vitest';

import type { DataOf } from '../../../machines/events/catalogue.ts';
import { memoryJournal } from '../../../src/journal/memory.ts';
import { describeJournal, factOf } from './contract.ts';

describeJournal('in memory', () => ({ journal: memoryJournal() }));

const ended = { durationMs: 1, counts: { completed: 0, failed: 0, cancelled: 0, skipped: 0 } };
const lifeOf = (workflowId: string, seq: number) => [
  factOf(
    'workflow:submitted',
    { workflowId, name: 'n', versionHash: 'h', definition: { name: 'n', failurePolicy: 'fail_fast', tasks: [] }, input: null },
    { seq },
  ),
  factOf('workflow:completed', { workflowId, ...ended }, { seq: seq + 1 }),
];

describe('the journal in memory', () => {
  it('is durable, as far as it is, at once', () => {
    expect(memoryJournal().append(lifeOf('x', 1))).toBeUndefined();
  });

  it('keeps so many facts of finished workflows at most, and lets the oldest workflow go first', async () => {
    const journal = memoryJournal({ keepFacts: 4 });
    for (let at = 0; at < 5; at++) journal.append(lifeOf(`w${at}`, 10 * at + 1));
    expect((await journal.list()).map(({ workflowId }) => workflowId)).toEqual(['w3', 'w4']);
    expect(await journal.read()).toHaveLength(4);
  });

  it('keeps what is in flight, however much that is', async () => {
    const journal = memoryJournal({ keepFacts: 0 });
    for (let at = 0; at < 20; at++) journal.append(lifeOf(`w${at}`, 10 * at + 1).slice(0, 1));
    expect(await journal.unfinished()).toHaveLength(20);
    journal.append(lifeOf('w0', 500).slice(1));
    expect(await journal.list()).toHaveLength(19);
  });

  it('keeps what the schedules that stand are brought back by, and nothing else of them', async () => {
    const journal = memoryJournal({ keepFacts: 10 });
    const spec: Omit<DataOf<'cron:create'>, 'scheduleId'> = {
      rule: { kind: 'interval', everyMs: 1_000 },
      overlap: 'skip',
      catchUp: 'none',
      name: 'n',
      versionHash: 'h',
      definition: { name: 'n', failurePolicy: 'fail_fast', tasks: [] },
      input: null,
      levels: 0,
      specHash: 'x',
    };
    const skipped = (scheduleId: string, seq: number) =>
      factOf(
        'cron:skipped',
        { scheduleId, from: seq, before: seq + 1, because: 'overlap', progress: { seen: seq, owed: [], run: null, last: null } },
        { seq },
      );
    journal.append([
      factOf('cron:created', { scheduleId: 'a', ...spec }, { seq: 1 }),
      factOf('cron:created', { scheduleId: 'b', ...spec }, { seq: 2 }),
    ]);
    journal.append([skipped('a', 3), skipped('a', 4), factOf('cron:removed', { scheduleId: 'b', reason: 'r', by: 'b' }, { seq: 5 })]);
    for (let seq = 6; seq <= 1_000; seq++) journal.append([factOf('system:started', { recovered: { workflows: 0, tasks: 0 } }, { seq })]);
    const kept = await journal.read({ workflowId: null });
    expect(kept.length).toBeLessThan(100);
    expect(kept.filter(({ type }) => type.startsWith('cron:')).map(({ seq }) => seq)).toEqual([1, 4]);
  });

  it('does not keep the facts of the system for ever', async () => {
    const journal = memoryJournal({ keepFacts: 10 });
    for (let seq = 1; seq <= 1_000; seq++) journal.append([factOf('system:started', { recovered: { workflows: 0, tasks: 0 } }, { seq })]);
    const kept = await journal.read();
    expect(kept.length).toBeLessThan(100);
    expect(kept.at(-1)?.seq).toBe(1_000);
    expect(await journal.open()).toMatchObject({ lastSeq: 1_000, lastTime: 10_000 });
  });
});
