/** What `gleitzeit doctor` says of journals: sound ones, damaged ones, owned ones, and those that take nothing for a time. */
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';

import { runProgram } from '../../../src/cli/program.ts';
import { createSystem, loadWorkflow, serveControl, sqliteJournal } from '../../../src/index.ts';
import { storageError } from '../../../src/journal/sqlite/faults.ts';
import { silent } from '../../silent.ts';
import { engineOn, gate, placeForJournal, until } from '../control/places.ts';
import { lives } from '../journal/places.ts';
import { fakeTerminal } from './terminals.ts';

interface Report {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly level: string; readonly detail: string; readonly advice?: string }[];
}

/** What of a journal is not as it should be, by name. */
async function doctor(db: string) {
  const terminal = fakeTerminal();
  const exitCode = await runProgram(['doctor', '--db', db, '--json'], terminal);
  const { ok, checks } = JSON.parse(terminal.stdout.text()) as Report;
  // How much room there is and how fast the disk is, is the machine's.
  const found = checks.filter(({ name, level }) => (level === 'fault' || level === 'warning') && name !== 'free space' && name !== 'disk');
  return { exitCode, ok, checks, found: Object.fromEntries(found.map(({ name, ...finding }) => [name, finding])) };
}

async function written(path: string, durability: 'full' | 'relaxed', batches: ReturnType<typeof lives>): Promise<void> {
  const journal = sqliteJournal(path, { durability, writer: 'inline' });
  await journal.open();
  for (const batch of batches) await journal.append(batch);
  await journal.close();
}

describe('the doctor of a journal', { timeout: 30_000 }, () => {
  it('finds nothing wrong with one that is sound and free, or not there yet, and leaves nothing behind', async () => {
    const db = placeForJournal();
    const before = await doctor(db);
    expect(before).toMatchObject({ exitCode: 0, found: {} });
    expect(before.checks.find(({ name }) => name === 'journal')?.detail).toContain('there is none at');
    expect(readdirSync(dirname(db))).toEqual([]);
    await written(db, 'full', lives(5));
    const after = await doctor(db);
    expect(after).toMatchObject({ exitCode: 0, ok: true, found: {} });
    const details = Object.fromEntries(after.checks.map(({ name, detail }) => [name, detail]));
    expect(details).toMatchObject({
      'journal owner': 'no engine owns it',
      'journal end': 'its end, seq 15, is as it was written',
      durability: expect.stringContaining('synchronous=FULL'),
      'free space': expect.stringMatching(/B are free/),
      disk: expect.stringMatching(/a synced write takes [\d.]+ ms/),
    });
    expect(readdirSync(dirname(db)).filter((name) => name.includes('doctor'))).toEqual([]);
  });

  it('names what is no journal, and what is damaged, with what to do about it', async () => {
    const db = placeForJournal();
    writeFileSync(db, 'notes');
    expect(await doctor(db)).toMatchObject({
      exitCode: 5,
      ok: false,
      found: { journal: { level: 'fault', detail: expect.stringContaining('is not a journal'), advice: expect.stringContaining('--db') } },
    });
    rmSync(db);
    await written(db, 'full', lives(5));
    const file = new Database(db);
    file.exec('UPDATE frames SET body = zeroblob(length(body)) WHERE seq = (SELECT max(seq) FROM frames)');
    file.close();
    expect(await doctor(db)).toMatchObject({
      exitCode: 5,
      found: { 'journal end': { level: 'fault', detail: expect.stringContaining('checksum'), advice: expect.stringContaining('--repair') } },
    });
  });

  it('says what a power cut took, before the next start and after it', async () => {
    const db = placeForJournal();
    await written(db, 'relaxed', lives(2));
    copyFileSync(db, `${db}-then`);
    await written(db, 'relaxed', lives(2, 7));
    copyFileSync(`${db}-then`, db);
    const taken = {
      exitCode: 0,
      found: {
        'journal end': { level: 'warning', detail: expect.stringContaining('from seq 7 to 12'), advice: expect.stringContaining('Submit again') },
        durability: { level: 'warning', detail: expect.stringContaining('synchronous=NORMAL') },
      },
    };
    expect(await doctor(db)).toMatchObject(taken);
    const system = createSystem({ journal: sqliteJournal(db, { durability: 'relaxed', writer: 'inline' }), log: silent });
    await system.start();
    await system.stop({ deadlineMs: 0 });
    expect(await doctor(db)).toMatchObject(taken);
  });

  it('says who owns one, and whether that answers', async () => {
    const db = placeForJournal();
    const { ear } = await engineOn(db, gate());
    const { checks, found } = await doctor(db);
    expect(found).toEqual({});
    expect(checks.find(({ name }) => name === 'journal owner')?.detail).toMatch(new RegExp(`^owned by process ${process.pid} on .*, which runs`));
    await ear.close();
    expect(await doctor(db)).toMatchObject({
      exitCode: 0,
      found: {
        'journal owner': { level: 'warning', detail: expect.stringContaining('nobody listens'), advice: expect.stringContaining('serveControl') },
      },
    });
  });

  it('says that an engine is held up by its journal, why, and what to do', async () => {
    const db = placeForJournal();
    const journal = sqliteJournal(db, { writer: 'inline' });
    const { append } = journal;
    let isFull = false;
    journal.append = (facts) => {
      if (isFull) throw storageError({ code: 'SQLITE_FULL', message: 'database or disk is full' }, 'write', db);
      return append.call(journal, facts);
    };
    const { provider } = gate();
    const system = createSystem({ journal, providers: [provider], log: silent });
    await system.start();
    const ear = await serveControl(system, db);
    onTestFinished(async () => {
      isFull = false;
      await ear.close();
      await system.stop({ deadlineMs: 0 });
    });
    const waiting = await loadWorkflow({ name: 'waiting', tasks: [{ id: 'a', method: 'gate/wait' }] });
    const run = await system.submit(waiting, { id: 'w' });
    isFull = true;
    run.cancel();
    await until(() => system.storageFault() !== undefined);
    expect(await doctor(db)).toMatchObject({
      exitCode: 5,
      found: {
        'journal owner': {
          level: 'fault',
          detail: expect.stringMatching(/the journal does not take facts: .*asked \d+ times? in vain/),
          advice: expect.stringMatching(/^Make room on its disk\. Nothing is lost/),
        },
      },
    });
    const terminal = fakeTerminal();
    await runProgram(['status', '--db', db], terminal);
    expect(terminal.stdout.text()).toContain('nothing is admitted: the journal does not take facts');
    // Nor does it take a schedule, or a submit.
    await expect(system.submit(waiting, { id: 'late' })).rejects.toMatchObject({ retryable: true });
    await expect(system.schedule(waiting, { id: 's', everyMs: 60_000 })).rejects.toMatchObject({ retryable: true });
  });
});
