/** Journals that fail: what follows from a batch that was not taken is never seen, and whoever waits is told why. */
import { describe, expect, it } from 'vitest';

import type { Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { type SqliteJournalOptions, sqliteJournal } from '../../src/journal/sqlite.ts';
import { createSystem } from '../../src/runtime/system.ts';
import { scene } from '../scenarios/scene.ts';
import { errorFrom, expectAlive, expectUnharmed, good } from './aftermath.ts';

/** A memory journal with some of its functions replaced. */
function journalWith(own: Partial<Journal>): Journal {
  const memory = memoryJournal();
  const whole: Journal = {
    open: () => memory.open(),
    append: (facts) => memory.append(facts),
    read: (options) => memory.read(options),
    find: (id) => memory.find(id),
    unfinished: async () => [],
    list: () => memory.list(),
    schedules: () => memory.schedules(),
    sweep: (retention) => memory.sweep(retention),
    close: () => memory.close(),
  };
  return { ...whole, ...own };
}

const fault = (): never => {
  throw new Error('the disk is gone');
};
const rejection = (): Promise<never> => Promise.reject(new Error('the disk is gone'));
const never = (): Promise<never> => new Promise(() => undefined);

/** Takes the first batches, of the start, and then does something else. */
function appendUntil(workflow: boolean, then: () => Promise<never>): Partial<Journal> {
  const memory = memoryJournal();
  return { append: (facts) => (workflow && !facts.some(({ type }) => type === 'workflow:submitted') ? memory.append(facts) : then()) };
}

describe('a journal whose append', () => {
  it.each([
    ['throws', fault],
    ['rejects', rejection],
    ['rejects with nothing', () => Promise.reject(undefined)],
  ])('%s fails the system: nobody waits for ever, nothing is seen that is not durable', async (_, then) => {
    const stage = await scene({ journal: journalWith(appendUntil(true, then)), fails: true });
    const { system } = stage;
    const error = await errorFrom(() => system.submit(good));
    expect(error).toMatchObject({ code: 'PERSISTENCE_WRITE_FAILED', rpcCode: -26_002 });
    expect(stage.of('workflow:submitted')).toEqual([]);
    expect(stage.of('task:started')).toEqual([]);
    expect(system.phase).toBe('failed');
    for (const act of [() => system.submit(good), () => system.list(), () => system.cancel('x')]) expect(await errorFrom(act)).toBe(error);
    await system.stop();
    expect(system.phase).toBe('failed');
  });

  it('hangs keeps the submit waiting, and not the stop', async () => {
    const stage = await scene({ journal: journalWith(appendUntil(true, never)), fails: true });
    const { system, until } = stage;
    const submitting = errorFrom(() => system.submit(good));
    await until(system.stop({ deadlineMs: 1_000 }));
    expect((await submitting).code).toBe('SYSTEM_SHUTDOWN');
    expect(system.phase).toBe('stopped');
  });
});

describe('a journal that cannot be', () => {
  it.each([
    ['opened', { open: rejection }, 'PERSISTENCE_CONNECTION_FAILED'],
    ['opened, by a throw', { open: fault }, 'PERSISTENCE_CONNECTION_FAILED'],
    ['counted on from', { open: () => Promise.resolve({ lastSeq: Number.NaN }) }, 'PERSISTENCE_INTEGRITY_ERROR'],
    ['counted on from, for it says nothing', { open: () => Promise.resolve(undefined as never) }, 'PERSISTENCE_INTEGRITY_ERROR'],
  ])('%s fails the start with a typed error', async (_, own, code) => {
    const system = createSystem({ builtins: false, journal: journalWith(own) });
    expect(await errorFrom(() => system.start())).toMatchObject({ code });
    expect(await errorFrom(() => system.submit(good))).toMatchObject({ code: 'SYSTEM_NOT_INITIALIZED' });
    await system.stop();
    expect(system.phase).toBe('stopped');
  });

  it('opened at first may be tried again', async () => {
    let tries = 0;
    const open = () => (++tries === 1 ? rejection() : Promise.resolve({ lastSeq: 0 }));
    const system = createSystem({ builtins: false, journal: journalWith({ open }) });
    await errorFrom(() => system.start());
    await system.start();
    await expectAlive(system);
    await system.stop();
  });

  it('read fails those who ask, typed, and nobody else', async () => {
    // The start reads, to bring back what was in flight; the fault comes after it.
    let isBroken = false;
    const memory = memoryJournal();
    const stage = await scene({
      journal: journalWith({
        append: (facts) => memory.append(facts),
        find: (id) => (isBroken ? rejection() : memory.find(id)),
        read: (options) => (isBroken ? fault() : memory.read(options)),
        list: () => (isBroken ? rejection() : memory.list()),
      }),
    });
    const { system } = stage;
    isBroken = true;
    for (const act of [
      () => system.submit(good, { id: 'x' }),
      () => system.list(),
      () => system.status('x'),
      () => system.run('x'),
      () => system.trace('x'),
      () => system.cancel('x'),
    ])
      expect(await errorFrom(act)).toMatchObject({ code: 'PERSISTENCE_READ_FAILED', rpcCode: -26_003 });
    isBroken = false;
    await expectUnharmed(stage);
  });

  it.each([
    ['closed', rejection],
    ['closed, by a throw', fault],
  ])('%s does not keep the system from stopping', async (_, close) => {
    const { system } = await scene({ journal: journalWith({ close }), log: { debug() {}, info() {}, warn() {}, error() {} } });
    await system.stop();
    expect(system.phase).toBe('stopped');
  });

  it('closed in any time does not keep the system from stopping', async () => {
    const { system, until } = await scene({ journal: journalWith({ close: never }), log: { debug() {}, info() {}, warn() {}, error() {} } });
    await until(system.stop());
    expect(system.phase).toBe('stopped');
  });
});

describe('a journal in a file', () => {
  it.each<[string, unknown, unknown, string]>([
    ['an empty path', ' ', {}, 'path must be'],
    ['no path', undefined, {}, 'path must be'],
    ['a path with a zero in it', 'a\0b', {}, 'path must be'],
    ['memory as a path', ':memory:', {}, 'memoryJournal()'],
    ['an unknown durability', 'j.db', { durability: 'eternal' }, 'durability must be full, relaxed or memory'],
    ['an endless patience', 'j.db', { busyTimeoutMs: Number.POSITIVE_INFINITY }, 'busyTimeoutMs must be'],
    ['a negative patience', 'j.db', { busyTimeoutMs: -1 }, 'busyTimeoutMs must be'],
    ['a fraction of patience', 'j.db', { busyTimeoutMs: 0.5 }, 'busyTimeoutMs must be'],
    ['a patience beyond what SQLite counts', 'j.db', { busyTimeoutMs: 2 ** 31 }, 'busyTimeoutMs must be'],
    ['a flag that is none', 'j.db', { readOnly: 'yes' }, 'readOnly must be true or false'],
    ['an unknown writer', 'j.db', { writer: 'pen' }, 'writer must be thread or inline'],
    ['an unknown option', 'j.db', { busyTimeout: 1 }, 'Did you mean "busyTimeoutMs"?'],
    ['no options', 'j.db', null, 'it must be a map of options'],
  ])('is not made of %s', (_, path, options, said) => {
    const make = () => sqliteJournal(path as string, options as SqliteJournalOptions);
    expect(make).toThrow(expect.objectContaining({ code: 'CONFIGURATION_ERROR', message: expect.stringContaining(said) }));
    expect(make).toThrow(/^sqliteJournal/);
  });

  it('takes an option that is undefined as left out', async () => {
    const options = { durability: undefined, busyTimeoutMs: undefined, readOnly: true, writer: undefined } as unknown as SqliteJournalOptions;
    await expect(sqliteJournal('none/at/all.db', options).open()).rejects.toMatchObject({ code: 'PERSISTENCE_CONNECTION_FAILED' });
  });
});
