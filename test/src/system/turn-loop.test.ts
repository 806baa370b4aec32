import { describe, expect, it } from 'vitest';

import { errorOf } from '../../../src/errors.ts';
import { coreUnderTest, registered, slowJournal, start, submitOf } from './core-under-test.ts';

const typesIn = (batch: readonly { readonly type: string }[] | undefined) => batch?.map(({ type }) => type);

describe('facts before effects', () => {
  it('lets nothing be seen before the facts that it follows from are durable', async () => {
    const { journal, appended, commit } = slowJournal();
    const { core, pump, seen } = coreUnderTest({ journal });
    const effects: string[] = [];
    core.on('system:started', ({ type }) => effects.push(type));
    core.on('schedule:request', ({ type }) => effects.push(type));
    core.accept(start, { source: 'api' });
    pump();
    expect(typesIn(appended[0])).toEqual(['system:started', 'engine:started']);
    expect([effects, seen]).toEqual([[], []]);
    expect(core.snapshot('engine')?.value).toEqual({ running: 'accepting' });
    await commit();
    expect(effects).toEqual(['system:started', 'schedule:request']);
    expect(seen.map(({ type }) => type).slice(0, 3)).toEqual(['system:start', 'system:started', 'engine:started']);
  });

  it('shows what is recorded to whoever begins to watch before it is durable', async () => {
    const { journal, commit } = slowJournal();
    const { core, pump } = coreUnderTest({ journal });
    core.watch(undefined);
    core.accept(start, { source: 'api' });
    pump();
    const seen: string[] = [];
    core.watch(({ type }) => seen.push(type));
    await commit();
    expect(seen.filter((type) => type.endsWith(':started'))).toEqual(['system:started', 'engine:started']);
  });

  it('shares the next commit among the turns that run while one is under way, in order', async () => {
    const { journal, appended, commit } = slowJournal();
    const { core, pump } = coreUnderTest({ journal });
    core.accept(start, { source: 'api' });
    pump();
    for (const id of ['x', 'y', 'z']) {
      core.accept(submitOf(id), { source: 'api' });
      pump();
    }
    expect(appended).toHaveLength(1);
    await commit();
    expect(appended).toHaveLength(2);
    const submitted = appended[1]?.filter(({ type }) => type === 'workflow:submitted').map(({ correlation }) => correlation.workflowId);
    expect(submitted).toEqual(['x', 'y', 'z']);
    const seqs = appended.flat().map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    await commit();
    expect(appended).toHaveLength(2);
  });

  it('keeps what records nothing behind a commit that is under way', async () => {
    const { journal, commit } = slowJournal();
    const { core, pump, types } = coreUnderTest({ journal });
    core.accept(start, { source: 'api' });
    pump();
    core.accept(registered, { source: 'registry' });
    pump();
    expect(types()).toEqual([]);
    await commit();
    expect(types().indexOf('provider:registered')).toBeGreaterThan(types().indexOf('engine:started'));
  });

  it('knows when what was put in is durable, also while more and more comes in', async () => {
    const { journal, commit } = slowJournal();
    const { core, pump } = coreUnderTest({ journal });
    const durable: string[] = [];
    core.accept(start, { source: 'api' });
    pump();
    core.accept(submitOf('x'), { source: 'api' });
    void core.whenDurable().then(() => durable.push('x'));
    pump();
    void core.whenQuiet().then(() => durable.push('quiet'));
    await commit();
    expect(durable).toEqual([]);
    core.accept(submitOf('y'), { source: 'api' });
    pump();
    await commit();
    expect(durable).toEqual(['x']);
    await commit();
    pump();
    await Promise.resolve();
    expect(durable).toEqual(['x', 'quiet']);

    core.accept(submitOf('z'), { source: 'api' });
    const never = core.whenDurable();
    pump();
    core.close();
    await expect(never).rejects.toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
    await expect(core.whenDurable()).rejects.toMatchObject({ code: 'SYSTEM_SHUTDOWN' });
  });

  it('needs no round for a journal that is durable at once', () => {
    const { put, types } = coreUnderTest();
    put(start);
    expect(types()).toContain('engine:started');
  });

  it.each(['rejects', 'throws'] as const)(
    'fails with the error of a journal that %s: no effect of the batch runs, and none after it',
    async (how) => {
      const { journal, appended, refuse } = slowJournal();
      const fault = errorOf('PERSISTENCE_WRITE_FAILED', 'no space left');
      if (how === 'throws') {
        journal.append = (facts) => {
          appended.push(facts);
          throw fault;
        };
      }
      const { core, pump, types, seen, onCommitError } = coreUnderTest({ journal });
      const effects: string[] = [];
      core.on('system:started', ({ type }) => effects.push(type));
      core.accept(start, { source: 'api' });
      pump();
      if (how === 'rejects') await refuse(fault);
      expect(onCommitError.mock.calls).toEqual([[fault]]);
      expect(effects).toEqual([]);
      expect(types()).toEqual(['system:crash', 'system:failed']);
      expect(seen[1]?.data).toMatchObject({ error: { code: 'PERSISTENCE_WRITE_FAILED', message: 'no space left' } });
      core.accept(submitOf('x'), { source: 'api' });
      pump();
      expect(appended).toHaveLength(1);
      expect(types()).toEqual(['system:crash', 'system:failed']);
    },
  );
});

describe('a journal that takes nothing for a time', () => {
  const full = errorOf('PERSISTENCE_WRITE_FAILED', 'no space left', { retryable: true });

  it('is given the same facts again, with those that came meanwhile after them; effects run once, in order', async () => {
    const { journal, appended, commit, refuse } = slowJournal();
    const { core, pump, clock, types, onCommitError } = coreUnderTest({ journal });
    core.waitForStorage();
    const effects: string[] = [];
    core.on('system:started', ({ type }) => effects.push(type));
    core.on('workflow:submitted', ({ type, data }) => effects.push(`${type} ${data.workflowId}`));
    core.accept(start, { source: 'api' });
    pump();
    core.accept(submitOf('x'), { source: 'api' });
    pump();
    await refuse(full);
    expect(core.storageFault).toMatchObject({ error: { message: 'no space left' }, since: 0, attempts: 1, retryAt: 100 });
    core.accept(submitOf('y'), { source: 'api' });
    pump();
    expect([appended.length, effects]).toEqual([1, []]);
    clock.advance(100);
    expect(appended).toHaveLength(2);
    expect(appended[1]?.slice(0, appended[0]?.length)).toEqual(appended[0]);
    const seqs = appended[1]?.map(({ seq }) => seq) ?? [];
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    await refuse(full);
    expect(core.storageFault).toMatchObject({ since: 0, attempts: 2, retryAt: 300 });
    clock.advance(200);
    await commit();
    pump();
    expect(effects).toEqual(['system:started', 'workflow:submitted x', 'workflow:submitted y']);
    expect(types().filter((type) => type.startsWith('system:st'))).toEqual([
      'system:storage_held',
      'system:start',
      'system:started',
      'system:storage_resumed',
    ]);
    expect([core.storageFault, onCommitError.mock.calls]).toEqual([undefined, []]);
  });

  it('keeps nobody waiting once the loop is closed, and is asked no more', async () => {
    const { journal, appended, refuse } = slowJournal();
    const { core, pump, clock } = coreUnderTest({ journal });
    core.waitForStorage();
    core.accept(start, { source: 'api' });
    pump();
    await refuse(full);
    const quiet = core.whenQuiet();
    const durable = core.whenDurable().catch(({ code }: { code: string }) => code);
    core.close();
    await quiet;
    expect(await durable).toBe('SYSTEM_SHUTDOWN');
    clock.advance(60_000);
    expect(appended).toHaveLength(1);
  });
});

describe('the turn loop', () => {
  it('lets nothing come of an effect that throws, but the report of it', () => {
    const { core, put, onEffectError } = coreUnderTest();
    const effects: string[] = [];
    core.on('system:started', () => {
      throw new Error('clumsy');
    });
    core.on('system:started', ({ type }) => effects.push(type));
    put(start);
    expect(effects).toEqual(['system:started']);
    expect(onEffectError.mock.calls).toHaveLength(1);
    expect(onEffectError.mock.calls[0]?.[0]).toEqual(new Error('clumsy'));
  });

  it('is quiet when the inbox is empty and all is durable, and not before', async () => {
    const { journal, commit } = slowJournal();
    const { core, pump } = coreUnderTest({ journal });
    let isQuiet = false;
    core.accept(start, { source: 'api' });
    const quiet = core.whenQuiet().then(() => {
      isQuiet = true;
    });
    pump();
    await Promise.resolve();
    expect(isQuiet).toBe(false);
    await commit();
    await quiet;
    expect(isQuiet).toBe(true);
  });

  it('that is closed takes nothing more, runs no effect, and keeps nobody waiting', async () => {
    const { journal, appended, commit } = slowJournal();
    const { core, pump, types } = coreUnderTest({ journal });
    core.accept(start, { source: 'api' });
    pump();
    const quiet = core.whenQuiet();
    core.close();
    await quiet;
    await commit();
    core.accept(submitOf('x'), { source: 'api' });
    pump();
    expect([types(), appended.length]).toEqual([[], 1]);
    await core.whenQuiet();
  });

  it('gives timers and I/O their share when there is much to carry', () => {
    let now = 0;
    const clock = { now: () => (now += 3), wall: () => now, setTimer: () => ({ cancel: () => undefined }) };
    const { core, pump, types } = coreUnderTest({ clock });
    core.accept(start, { source: 'api' });
    for (let at = 0; at < 6; at++) core.accept(submitOf(`w${at}`), { source: 'api' });
    expect(pump()).toBeGreaterThan(1);
    expect(types().filter((type) => type === 'workflow:submitted')).toHaveLength(6);
  });

  it('lets the effects of a batch see actors that ended in it, and then forgets them', () => {
    const { core, put } = coreUnderTest();
    let status: unknown;
    core.on('workflow:cancelled', ({ data }) => {
      status = core.snapshot('workflow', data.workflowId)?.status;
    });
    put(start);
    put(submitOf('x'));
    put({ type: 'workflow:cancel', data: { workflowId: 'x', reason: 'test', by: 'test' } });
    expect(status).toBe('done');
    expect(core.snapshot('workflow', 'x')).toBeUndefined();
    expect(core.registry.counts()).not.toHaveProperty('task');
  });
});
