import { beforeAll, describe, expect, it } from 'vitest';

import { type GleitzeitEvent, specOf } from '../../../machines/events/catalogue.ts';
import { memoryJournal } from '../../../src/journal/memory.ts';
import { checkLog } from '../../../src/testing/check-log.ts';
import { simulate } from '../../../src/testing/simulate.ts';
import { defineWorkflow } from '../../../src/workflow/define.ts';

const workflow = defineWorkflow({
  name: 'all sorts',
  failurePolicy: 'continue_on_error',
  tasks: (task) => {
    const list = task('list', { run: () => [1, 2, 3] });
    const each = task('each', { forEach: list, params: (item) => ({ item }), run: ({ item }: { item: number }) => item * 2 });
    const shaky = task('shaky', {
      retry: 3,
      run: (_, { attempt }) => {
        if (attempt < 3) throw new Error('not yet');
        return attempt;
      },
    });
    const broken = task('broken', {
      run: () => {
        throw new Error('never');
      },
    });
    task('skipped', { dependsOn: [broken], run: () => 1 });
    return task('last', { params: { each, shaky }, run: () => 'done' });
  },
});

/** Everything that was said while a workflow of all sorts ran to its end. */
async function played(): Promise<readonly GleitzeitEvent[]> {
  const { system, until, events } = await simulate({ builtins: false });
  const run = await system.submit(workflow);
  await until(run.result());
  await until(system.stop({ deadlineMs: 0 }));
  return events;
}

describe('a log', () => {
  let whole: readonly GleitzeitEvent[] = [];
  let log: readonly GleitzeitEvent[] = [];
  beforeAll(async () => {
    whole = await played();
    log = whole.filter(({ type }) => specOf(type).recorded);
  });

  const at = (type: string, taskId?: string) =>
    log.findIndex((event) => event.type === type && (taskId === undefined || event.correlation.taskId === taskId));
  const changed = (index: number, change: (event: GleitzeitEvent) => object): readonly GleitzeitEvent[] =>
    log.map((event, here) => (here === index ? ({ ...event, ...change(event) } as GleitzeitEvent) : event));
  const without = (index: number) => log.filter((_, here) => here !== index);
  const again = (index: number) => [...log, { ...log[index]!, id: 'again', seq: log.at(-1)!.seq + 1 }];
  const rules = (events: readonly GleitzeitEvent[]) => [...new Set(checkLog(events).map(({ rule }) => rule))];

  it('that the system wrote is sound, with or without what is transient', () => {
    expect(checkLog(whole)).toEqual([]);
    expect(checkLog(log)).toEqual([]);
    expect(log.length).toBeGreaterThan(20);
  });

  it('that breaks off is sound as far as it goes, wherever it does', () => {
    for (let length = 0; length < log.length; length++) expect(checkLog(log.slice(0, length))).toEqual([]);
  });

  it('of two runs on one journal is sound', async () => {
    const journal = memoryJournal();
    const first = await simulate({ journal, builtins: false });
    const run = await first.system.submit(workflow, { id: 'two' });
    await first.settle();
    await first.system.stop({ deadlineMs: 0 });
    const second = await simulate({ journal, builtins: false, workflows: [workflow], seed: 'second' });
    expect(await second.until(second.system.result(run.id))).toMatchObject({ status: 'failed' });
    const facts = await journal.read();
    await second.system.stop({ deadlineMs: 0 });
    expect(checkLog(facts)).toEqual([]);
    expect(facts.filter(({ type }) => type === 'engine:started')).toHaveLength(2);
  });

  const faults: Readonly<Record<string, readonly [rule: string, () => readonly GleitzeitEvent[]]>> = {
    'whose numbers do not grow': ['order', () => changed(3, () => ({ seq: 1 }))],
    'with a type that is none': ['type', () => changed(at('task:started'), () => ({ type: 'task:begun' }))],
    'with a payload that does not fit': ['schema', () => changed(at('task:completed'), ({ data }) => ({ data: { ...data, durationMs: 'long' } }))],
    'with a severity that is not that of the type': ['schema', () => changed(at('task:completed'), () => ({ severity: 'critical' }))],
    'in which somebody states what is not theirs': ['owner', () => changed(at('task:completed'), () => ({ source: 'queue' }))],
    'in which two events have one id': ['identity', () => changed(5, () => ({ id: log[4]?.id }))],
    'in which a cause comes after what it causes': ['cause', () => changed(4, () => ({ causationId: log.at(-1)?.id }))],
    'whose workflow has no submission': ['submission', () => without(at('workflow:submitted'))],
    'whose task ends without having begun': ['attempts', () => without(at('task:started', 'last'))],
    'whose attempts are not counted one by one': [
      'attempts',
      () => changed(at('task:started', 'last'), ({ data }) => ({ data: { ...data, attempt: 2 } })),
    ],
    'with a report under another lease': [
      'lease',
      () => changed(at('task:completed', 'last'), ({ data }) => ({ data: { ...data, leaseId: 'other' } })),
    ],
    'in which a task completes twice': ['end', () => again(at('task:completed', 'last'))],
    'in which a task fails for good after it completed': [
      'end',
      () => [
        ...log.slice(0, at('task:completed', 'last') + 1),
        {
          ...log[at('task:retry_exhausted', 'broken')]!,
          ...pick(log[at('task:completed', 'last')]!),
          id: 'late',
          seq: log.at(-1)!.seq + 1,
        } as GleitzeitEvent,
      ],
    ],
    'in which a workflow ends twice': ['end', () => again(at('workflow:failed'))],
    'whose workflow ends before its tasks': ['end', () => without(at('task:completed', 'last'))],
    'in which a retry runs that nobody scheduled': ['fold', () => without(at('task:retry_scheduled', 'shaky'))],
    'in which a task starts again without a retry': ['fold', () => without(at('task:retry_executed', 'shaky'))],
    'with a task that the workflow does not have': ['fold', () => changed(at('task:started', 'list'), stray)],
  };
  const pick = ({ correlation }: GleitzeitEvent) => ({ correlation });
  const stray = ({ data, correlation }: GleitzeitEvent) => ({
    source: 'task/x/stray',
    data: { ...data, taskId: 'stray' },
    correlation: { ...correlation, taskId: 'stray' },
  });

  it.each(Object.keys(faults))('%s is found out', (what) => {
    const [rule, broken] = faults[what]!;
    expect(rules(broken())).toContain(rule);
  });

  it('names the event, the rule and what was found', () => {
    const twice = again(at('task:completed', 'last'));
    const { seq } = twice.at(-1)!;
    expect(checkLog(twice)).toContainEqual({
      seq,
      rule: 'end',
      message: `'task:completed' (${seq}) of task 'last' comes after 'task:completed' (${log[at('task:completed', 'last')]?.seq}), the end of its task.`,
    });
  });

  it('with a cause that is nowhere is found out where the log is whole', () => {
    const index = whole.findIndex(({ type }) => type === 'task:queued');
    const broken = whole.map((event, here) => (here === index ? { ...event, causationId: 'nobody' } : event));
    expect(rules(broken)).toEqual(['cause']);
  });
});
