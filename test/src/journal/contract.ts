/** What every journal has to do, whatever it keeps its facts in. Each adapter has this suite run over it. */
import { afterEach, describe, expect, it } from 'vitest';

import { type DataOf, type EventType, type GleitzeitEvent, specOf } from '../../../machines/events/catalogue.ts';
import type { Journal, ListOptions } from '../../../src/journal/journal.ts';

export interface JournalUnderTest {
  readonly journal: Journal;
  /** For journals that outlive their process: another one on the same storage, once this one is closed. */
  readonly reopen?: () => Promise<Journal> | Journal;
}

const counts = { completed: 1, failed: 0, cancelled: 0, skipped: 0 };
const error = { code: 'TASK_EXECUTION_FAILED', rpcCode: -29002, message: 'no', retryable: true };

export function factOf<Type extends EventType>(type: Type, data: DataOf<Type>, at: { readonly seq: number; readonly time?: number }): GleitzeitEvent {
  const { seq, time = seq * 10 } = at;
  const { workflowId, taskId } = data as { readonly workflowId?: string; readonly taskId?: string };
  const correlation = {
    correlationId: workflowId ?? `e${seq}`,
    ...(workflowId === undefined ? {} : { workflowId }),
    ...(taskId === undefined ? {} : { taskId }),
  };
  return { type, id: `e${seq}`, seq, time, source: 'test', severity: specOf(type).severity, correlation, data } as GleitzeitEvent;
}

const submitted = (workflowId: string, seq: number, input: unknown = null) =>
  factOf(
    'workflow:submitted',
    { workflowId, name: `name of ${workflowId}`, versionHash: 'hash', definition: { name: 'n', failurePolicy: 'fail_fast', tasks: [] }, input },
    { seq },
  );
const started = (workflowId: string, seq: number) => factOf('workflow:started', { workflowId, totalTasks: 1 }, { seq });
const completed = (workflowId: string, seq: number) => factOf('workflow:completed', { workflowId, durationMs: 1, counts }, { seq });
const failed = (workflowId: string, seq: number) =>
  factOf('workflow:failed', { workflowId, durationMs: 1, counts, error, failedTaskIds: [] }, { seq });
const cancelled = (workflowId: string, seq: number) =>
  factOf('workflow:cancelled', { workflowId, durationMs: 1, counts, reason: 'r', by: 'b' }, { seq });
const progress = (seq: number) => ({ seen: seq, owed: [], run: null, last: null });
export const made = (scheduleId: string, seq: number) =>
  factOf(
    'cron:created',
    {
      scheduleId,
      rule: { kind: 'interval', everyMs: 1_000 },
      overlap: 'skip',
      catchUp: 'none',
      name: 'n',
      versionHash: 'h',
      definition: { name: 'n', failurePolicy: 'fail_fast', tasks: [] },
      input: null,
      levels: 0,
      specHash: `x${seq}`,
    },
    { seq },
  );
export const skipped = (scheduleId: string, seq: number) =>
  factOf('cron:skipped', { scheduleId, from: seq, before: seq + 1, because: 'overlap', progress: progress(seq) }, { seq });
const removed = (scheduleId: string, seq: number) => factOf('cron:removed', { scheduleId, reason: 'r', by: 'b' }, { seq });
const seqsOfSchedules = async (journal: Journal) => (await journal.schedules()).map(({ made: { seq }, last }) => [seq, last?.seq]);
const ofSystem = (seq: number) => factOf('system:started', { recovered: { workflows: 0, tasks: 0 } }, { seq });

/** Runs the suite over the journals that `make` makes, each of them new and empty. */
export function describeJournal(name: string, make: () => Promise<JournalUnderTest> | JournalUnderTest): void {
  describe(`the journal ${name}`, () => {
    const open: Journal[] = [];
    const opened = async (): Promise<JournalUnderTest> => {
      const made = await make();
      await made.journal.open();
      open.push(made.journal);
      return made;
    };
    const holding = async (...batches: readonly (readonly GleitzeitEvent[])[]): Promise<JournalUnderTest> => {
      const made = await opened();
      for (const batch of batches) await made.journal.append(batch);
      return made;
    };
    afterEach(async () => {
      for (const journal of open.splice(0)) await journal.close();
    });

    it('begins empty', async () => {
      const { journal } = await make();
      expect(await journal.open()).toMatchObject({ lastSeq: 0 });
      open.push(journal);
      expect([await journal.read(), await journal.list(), await journal.unfinished()]).toEqual([[], [], []]);
    });

    it('gives back what it was given, in the order of seq, whatever it belongs to', async () => {
      const facts = [ofSystem(1), submitted('x', 2), submitted('y', 4), started('x', 5), started('y', 7), completed('x', 8)];
      const { journal } = await holding(facts.slice(0, 3), facts.slice(3));
      expect(await journal.read()).toEqual(facts);
    });

    it('gives back the facts of one workflow alone', async () => {
      const { journal } = await holding([ofSystem(1), submitted('x', 2), submitted('y', 3), started('x', 4)]);
      expect((await journal.read({ workflowId: 'x' })).map(({ seq }) => seq)).toEqual([2, 4]);
      expect(await journal.read({ workflowId: 'none' })).toEqual([]);
    });

    it.each([1, 2, 3, 5])('gives back the facts of some workflows a page at a time, as it does at once: %i', async (limit) => {
      const facts = [
        submitted('x', 1),
        submitted('y', 2),
        started('x', 3),
        ofSystem(4),
        submitted('z', 5),
        started('z', 6),
        started('y', 7),
        completed('x', 8),
      ];
      const { journal } = await holding(facts.slice(0, 3), facts.slice(3, 4), facts.slice(4));
      for (const which of [{ workflowIds: ['x'] }, { workflowIds: ['z', 'x'] }, { workflowId: 'y' }]) {
        const paged: GleitzeitEvent[] = [];
        for (let isLast = false; !isLast; ) {
          const page = await journal.read({ ...which, afterSeq: paged.at(-1)?.seq ?? 0, limit });
          isLast = page.length < limit;
          paged.push(...page);
        }
        expect(paged).toEqual(await journal.read(which));
        expect(paged.length).toBeGreaterThan(1);
      }
    });

    it('gives back the facts of some workflows at once, in the order of seq', async () => {
      const facts = [
        ofSystem(1),
        submitted('x', 2, { workflowId: 'z' }),
        submitted('y', 3),
        submitted('"z\\', 4),
        started('x', 5),
        started('y', 6),
        started('"z\\', 7),
      ];
      const { journal } = await holding(facts.slice(0, 4), facts.slice(4));
      const seqsOf = async (...ids: string[]) => (await journal.read({ workflowIds: ids })).map(({ seq }) => seq);
      expect(await seqsOf('y', 'x')).toEqual([2, 3, 5, 6]);
      expect(await seqsOf('"z\\', 'none')).toEqual([4, 7]);
      expect(await seqsOf('z')).toEqual([]);
      expect(await seqsOf()).toEqual([]);
      expect((await journal.read({ workflowIds: ['x', 'y'], afterSeq: 3, limit: 1 })).map(({ seq }) => seq)).toEqual([5]);
    });

    it('gives back apart what belongs to no workflow', async () => {
      const facts = [ofSystem(1), submitted('x', 2), ofSystem(3), started('x', 4), completed('x', 5), ofSystem(6)];
      const { journal } = await holding(facts.slice(0, 2), facts.slice(2));
      expect((await journal.read({ workflowId: null })).map(({ seq }) => seq)).toEqual([1, 3, 6]);
      expect((await journal.read({ workflowId: null, afterSeq: 1 })).map(({ seq }) => seq)).toEqual([3, 6]);
      await journal.sweep({ keep: 0 });
      expect((await journal.read({ workflowId: null })).map(({ seq }) => seq)).toEqual([6]);
    });

    it('gives back what came after a seq', async () => {
      const { journal } = await holding([ofSystem(1), submitted('x', 2), started('x', 5)]);
      expect((await journal.read({ afterSeq: 1 })).map(({ seq }) => seq)).toEqual([2, 5]);
      expect((await journal.read({ workflowId: 'x', afterSeq: 2 })).map(({ seq }) => seq)).toEqual([5]);
      expect(await journal.read({ afterSeq: 5 })).toEqual([]);
      expect((await journal.read({ limit: 1 })).map(({ seq }) => seq)).toEqual([1]);
      expect((await journal.read({ afterSeq: 1, limit: 1 })).map(({ seq }) => seq)).toEqual([2]);
      expect((await journal.read({ workflowId: 'x', limit: 1 })).map(({ seq }) => seq)).toEqual([2]);
      expect(await journal.read({ limit: 9 })).toHaveLength((await journal.read()).length);
    });

    it('keeps payloads as they are', async () => {
      const input = {
        text: 'ä €  "quoted" \u2028 \\',
        nothing: null,
        list: [1.5, -0.25, 1e21, []],
        deep: { a: { b: { c: true } } },
        big: Number.MAX_SAFE_INTEGER,
      };
      const { journal } = await holding([submitted('x', 1, input)]);
      expect((await journal.read())[0]?.data).toMatchObject({ input });
    });

    it.each(["o'hara", 'a/b', '__proto__', 'ключ', 'a'.repeat(300), '%_'])('finds a workflow by the id %s', async (workflowId) => {
      const { journal } = await holding([submitted(workflowId, 1), submitted('other', 2)]);
      expect(await journal.find(workflowId)).toMatchObject({ workflowId });
      expect(await journal.read({ workflowId })).toHaveLength(1);
    });

    it('knows the head of a workflow from its facts', async () => {
      const { journal } = await holding([submitted('x', 1)]);
      const head = { workflowId: 'x', name: 'name of x', versionHash: 'hash', submittedAt: 10 };
      expect(await journal.find('x')).toEqual({ ...head, status: 'running' });
      await journal.append([started('x', 2), completed('x', 3)]);
      expect(await journal.find('x')).toEqual({ ...head, status: 'completed', endedAt: 30 });
      expect(await journal.find('y')).toBeUndefined();
    });

    it.each([
      ['completed', completed],
      ['failed', failed],
      ['cancelled', cancelled],
    ] as const)('knows that a workflow has %s', async (status, end) => {
      const { journal } = await holding([submitted('x', 1), end('x', 2)]);
      expect(await journal.find('x')).toMatchObject({ status, endedAt: 20 });
    });

    it('knows that a workflow which had failed goes on, and does not remove it then', async () => {
      const retried = (seq: number) => factOf('workflow:retried', { workflowId: 'x', reason: 'r', by: 'b', kept: 0 }, { seq });
      const { journal } = await holding([submitted('x', 1), failed('x', 2), submitted('y', 3)]);
      await journal.append([retried(4)]);
      expect(await journal.find('x')).toEqual({ workflowId: 'x', name: 'name of x', versionHash: 'hash', submittedAt: 10, status: 'running' });
      expect((await journal.unfinished()).map(({ workflowId }) => workflowId)).toEqual(['x', 'y']);
      expect(await journal.sweep({ olderThan: 1_000, keep: 0 })).toBe(0);
      await journal.append([failed('x', 5), retried(6), completed('x', 7)]);
      expect(await journal.find('x')).toMatchObject({ status: 'completed', endedAt: 70 });
      expect((await journal.list()).map(({ workflowId }) => workflowId)).toEqual(['x', 'y']);
      expect(await journal.read({ workflowId: 'x' })).toHaveLength(6);
      expect(await journal.sweep({ keep: 0 })).toBe(1);
    });

    it('lists workflows in the order of their submission, and apart those that have not ended', async () => {
      const { journal } = await holding([submitted('b', 1), submitted('a', 2), submitted('c', 3), failed('b', 4)]);
      expect((await journal.list()).map(({ workflowId }) => workflowId)).toEqual(['b', 'a', 'c']);
      expect((await journal.unfinished()).map(({ workflowId }) => workflowId)).toEqual(['a', 'c']);
    });

    it('lists only those of a status, before another one, or the latest of them', async () => {
      const { journal } = await holding([submitted('b', 1), submitted('a', 2), submitted('c', 3), failed('b', 4), failed('c', 5)]);
      const idsOf = async (options: ListOptions) => (await journal.list(options)).map(({ workflowId }) => workflowId);
      expect(await idsOf({ status: 'failed' })).toEqual(['b', 'c']);
      expect(await idsOf({ status: 'running' })).toEqual(['a']);
      expect(await idsOf({ status: 'cancelled' })).toEqual([]);
      expect(await idsOf({ limit: 2 })).toEqual(['a', 'c']);
      expect(await idsOf({ limit: 9 })).toEqual(['b', 'a', 'c']);
      expect(await idsOf({ before: 'c', limit: 1 })).toEqual(['a']);
      expect(await idsOf({ before: 'c', status: 'failed' })).toEqual(['b']);
      expect([await idsOf({ before: 'b' }), await idsOf({ before: 'none' })]).toEqual([[], []]);
      expect(await idsOf({ status: 'failed', limit: 1 })).toEqual(['c']);
    });

    it('knows the schedules that stand, in the order of their creation, each by its making and its last word', async () => {
      const { journal } = await holding([made('a', 1), made('b', 2), submitted('x', 3)], [skipped('a', 4), made('c', 5), skipped('a', 6)]);
      expect(await seqsOfSchedules(journal)).toEqual([
        [1, 6],
        [2, undefined],
        [5, undefined],
      ]);
      expect((await journal.schedules())[0]).toEqual({ made: made('a', 1), last: skipped('a', 6) });
      await journal.append([skipped('none', 7), removed('b', 8), removed('a', 9), made('a', 10)]);
      expect(await seqsOfSchedules(journal)).toEqual([
        [5, undefined],
        [10, undefined],
      ]);
    });

    it('removes with finished workflows what belongs to none and was stated before they ended', async () => {
      const { journal } = await holding(
        [ofSystem(1), submitted('a', 2), ofSystem(3), completed('a', 4), ofSystem(5)],
        [submitted('b', 6), completed('b', 7), ofSystem(8)],
      );
      expect(await journal.sweep({ keep: 1 })).toBe(1);
      expect((await journal.read()).map(({ seq }) => seq)).toEqual([5, 6, 7, 8]);
      expect((await journal.read({ workflowId: null })).map(({ seq }) => seq)).toEqual([5, 8]);
    });

    it('removes what belongs to no workflow and is older than a time, also where no workflow goes', async () => {
      const { journal } = await holding([ofSystem(1), submitted('a', 2)], [ofSystem(3), ofSystem(4)], [ofSystem(5)]);
      expect(await journal.sweep({ olderThan: 40 })).toBe(0);
      expect((await journal.read()).map(({ seq }) => seq)).toEqual([2, 4, 5]);
      expect(await journal.sweep({ olderThan: 40 })).toBe(0);
      expect((await journal.read({ workflowId: null })).map(({ seq }) => seq)).toEqual([4, 5]);
    });

    it('keeps for ever what a standing schedule is brought back by, and nothing else of it', async () => {
      const { journal } = await holding([made('a', 1), made('b', 2)], [skipped('a', 3)], [skipped('a', 4), removed('b', 5)], [ofSystem(6)]);
      await journal.sweep({ olderThan: 1_000 });
      expect((await journal.read()).map(({ seq }) => seq)).toEqual([1, 4]);
      expect(await seqsOfSchedules(journal)).toEqual([[1, 4]]);
      await journal.append([removed('a', 7), ofSystem(8)]);
      await journal.sweep({ olderThan: 1_000 });
      expect([await journal.read(), await journal.schedules()]).toEqual([[], []]);
    });

    it('removes what belongs to no workflow out of a journal of many batches', async () => {
      const batches = Array.from({ length: 55 }, (_, at) => [at === 40 ? made('a', at + 1) : ofSystem(at + 1)]);
      const { journal } = await holding(...batches);
      await journal.sweep({ olderThan: 525 });
      expect((await journal.read()).map(({ seq }) => seq)).toEqual([41, 53, 54, 55]);
    });

    it('gives out what nobody can change it by', async () => {
      const { journal } = await holding([submitted('x', 1), started('x', 2)]);
      ((await journal.read({ workflowId: 'x' })) as GleitzeitEvent[]).length = 0;
      ((await journal.list()) as unknown[]).length = 0;
      expect(await journal.read({ workflowId: 'x' })).toHaveLength(2);
      expect(await journal.list()).toHaveLength(1);
    });

    it('takes an empty batch for nothing', async () => {
      const { journal } = await holding([submitted('x', 1)], []);
      expect(await journal.read()).toHaveLength(1);
    });

    it('removes finished workflows that ended before a time, with all their facts', async () => {
      const { journal } = await holding([submitted('a', 1), submitted('b', 2), submitted('c', 3), completed('a', 4), failed('b', 6)]);
      expect(await journal.sweep({ olderThan: 60 })).toBe(1);
      expect((await journal.list()).map(({ workflowId }) => workflowId)).toEqual(['b', 'c']);
      expect([await journal.find('a'), await journal.read({ workflowId: 'a' })]).toEqual([undefined, []]);
      expect(await journal.sweep({ olderThan: 60 })).toBe(0);
    });

    it('removes the finished workflows beyond a number, those that ended first before the others', async () => {
      const { journal } = await holding([
        submitted('a', 1),
        submitted('b', 2),
        submitted('c', 3),
        submitted('d', 4),
        completed('b', 5),
        completed('a', 6),
        completed('c', 7),
      ]);
      expect(await journal.sweep({ keep: 1 })).toBe(2);
      expect((await journal.list()).map(({ workflowId }) => workflowId)).toEqual(['c', 'd']);
    });

    it('removes nothing that has not ended, and nothing where no bound is given', async () => {
      const { journal } = await holding([ofSystem(1), submitted('a', 2), submitted('b', 3), completed('b', 4)]);
      expect(await journal.sweep({})).toBe(0);
      expect(await journal.sweep({ olderThan: Number.MAX_SAFE_INTEGER, keep: 0 })).toBe(1);
      expect((await journal.list()).map(({ workflowId }) => workflowId)).toEqual(['a']);
      expect((await journal.read()).map(({ seq }) => seq)).toEqual([2]);
    });

    it('takes an id again whose workflow was removed', async () => {
      const { journal } = await holding([submitted('a', 1), completed('a', 2)]);
      await journal.sweep({ keep: 0 });
      await journal.append([submitted('a', 3)]);
      expect(await journal.find('a')).toMatchObject({ status: 'running', submittedAt: 30 });
      expect(await journal.read({ workflowId: 'a' })).toHaveLength(1);
    });

    it('marks a workflow as damaged: it is listed, and neither unfinished nor swept by its age', async () => {
      const { journal } = await holding([submitted('a', 1), submitted('b', 2), submitted('c', 3), completed('b', 4)], [started('a', 5)]);
      await journal.isolate?.(['a', 'b', 'none']);
      expect((await journal.list()).map(({ workflowId, status }) => [workflowId, status])).toEqual([
        ['a', 'damaged'],
        ['b', 'damaged'],
        ['c', 'running'],
      ]);
      expect(await journal.find('a')).toMatchObject({ name: 'name of a', status: 'damaged', submittedAt: 10 });
      expect((await journal.unfinished()).map(({ workflowId }) => workflowId)).toEqual(['c']);
      expect((await journal.list({ status: 'damaged', limit: 1 })).map(({ workflowId }) => workflowId)).toEqual(['b']);
      expect([await journal.list({ status: 'completed' }), await journal.list({ status: 'running' })]).toMatchObject([[], [{ workflowId: 'c' }]]);
      expect((await journal.damaged?.())?.workflows.map(({ workflowId }) => workflowId)).toEqual(['a', 'b']);
      expect(await journal.sweep({ olderThan: 1_000, keep: 0 })).toBe(0);
      await journal.append([submitted('d', 6), completed('c', 7), completed('d', 8)]);
      expect(await journal.sweep({ keep: 1 })).toBe(1);
      expect((await journal.list()).map(({ workflowId }) => workflowId)).toEqual(['a', 'b', 'd']);
    });

    it('keeps a damaged workflow damaged, whatever is stated of it', async () => {
      const { journal } = await holding([submitted('a', 1), submitted('b', 2)]);
      await journal.isolate?.(['a']);
      await journal.append([started('a', 3), completed('a', 4), submitted('a', 5)]);
      expect((await journal.list()).map(({ status }) => status)).toEqual(['damaged', 'running']);
      expect((await journal.read({ workflowId: 'a' })).map(({ seq }) => seq)).toEqual([1, 3, 4, 5]);
    });

    it('removes what is named, ended or damaged, and nothing that runs', async () => {
      const { journal } = await holding([
        submitted('a', 1),
        submitted('b', 2),
        submitted('c', 3),
        submitted('d', 4),
        completed('b', 5),
        completed('d', 6),
      ]);
      await journal.isolate?.(['a']);
      expect(await journal.sweep({ workflowIds: ['a', 'b', 'c', 'none'] })).toBe(2);
      expect((await journal.list()).map(({ workflowId }) => workflowId)).toEqual(['c', 'd']);
      expect((await journal.read()).map(({ seq }) => seq)).toEqual([3, 4, 6]);
      expect([await journal.find('a'), await journal.damaged?.()]).toEqual([undefined, { workflows: [], schedules: [] }]);
      await journal.append([submitted('a', 7)]);
      expect((await journal.unfinished()).map(({ workflowId }) => workflowId)).toEqual(['c', 'a']);
    });

    it('is all there again when it is opened once more, where it outlives its process', async () => {
      const facts = [ofSystem(1), submitted('x', 2), started('x', 3), submitted('y', 4), made('s', 5), completed('y', 9)];
      const { journal, reopen } = await holding(facts);
      if (reopen === undefined) {
        expect(await journal.open()).toMatchObject({ lastSeq: 9 });
        return;
      }
      await open.pop()?.close();
      const again = await reopen();
      open.push(again);
      expect(await again.open()).toMatchObject({ lastSeq: 9 });
      expect(await again.read()).toEqual(facts);
      expect((await again.unfinished()).map(({ workflowId }) => workflowId)).toEqual(['x']);
      expect(await seqsOfSchedules(again)).toEqual([[5, undefined]]);
      await again.append([completed('x', 10)]);
      expect(await again.unfinished()).toEqual([]);
    });
  });
}
