/**
 * What of a journal, and of where it lies, would keep an engine from it or its promises from being kept.
 *
 * Everything is looked at beside the engine that owns the journal; it is never written, only a file of our own beside it is.
 */
import { accessSync, closeSync, constants, fdatasyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Answers } from '../control/commands.ts';
import { duration, timeText } from '../duration.ts';
import { GleitzeitError } from '../errors.ts';
import type { DamagedEnd, Journal } from '../journal/journal.ts';
import { isJournal, truePath } from '../journal/sqlite/connection.ts';
import { readMark } from '../journal/sqlite/mark.ts';
import { isLocked, ownerOfFile } from '../journal/sqlite/owner.ts';
import { sqliteJournal } from '../journal/sqlite.ts';
import { describeFault } from '../observe/storage-fault.ts';
import { describeApart, isApart } from '../runtime/clock-watch.ts';
import { keyOfEnvironment, keyOfOptions } from '../secrets/given-key.ts';
import { keyFileVariable, keyIdInFile, keyVariable, sealingKeyOf } from '../secrets/key.ts';
import { keyFilesOf } from '../secrets/key-file.ts';
import { readField } from '../thrown.ts';
import { type Check, Trouble } from './examination.ts';
import { count, size } from './text.ts';

/** The checks of a journal that is there, or of the place where one is to be. */
export function journalChecks(given: string, keyFile?: string): readonly Check[] {
  const path = truePath(given);
  const place = { name: 'journal', look: () => placeOf(path), advice: `Give --db another path, or put the file at ${path} elsewhere.` };
  const disk = [
    { name: 'free space', look: () => freeSpace(path), advice: `Make ${dirname(path)} a folder on a disk that can be asked.` },
    { name: 'disk', look: () => syncTimes(path), advice: 'Look at the disk, and at what the kernel says of it (dmesg).' },
  ];
  if (!isThere(path)) return [place, ...disk];
  const again = 'Ask again; if it stays, `gleitzeit check` looks at all of it.';
  return [
    place,
    { name: 'journal owner', look: () => ownerOf(path), advice: again },
    { name: 'journal end', look: () => endOf(path), advice: again },
    { name: 'damaged runs', look: () => damagedIn(path), advice: again },
    { name: 'secrets', look: () => keysOf(path, keyFile), advice: again },
    { name: 'durability', look: () => durabilityOf(path), advice: again },
    ...disk,
  ];
}

function isThere(path: string): boolean {
  try {
    return isJournal(path);
  } catch {
    // What stands there instead is what the first check says.
    return false;
  }
}

function placeOf(path: string): string {
  const isIts = isJournal(path);
  const folder = dirname(path);
  // The log, the lock and the mark come and go beside it.
  for (const each of isIts ? [path, folder] : [folder]) {
    if (!isWritable(each))
      throw new Trouble('fault', `${each} cannot be written to`, `Make ${each} writable for this user, or give --db another path.`);
  }
  if (!isIts) return `there is none at ${path}; the first submit or run makes it`;
  return `${path}: ${size(statSync(path).size)}, and ${size(sizeOf(`${path}-wal`))} of log`;
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function ownerOf(path: string): Promise<string> {
  if (!isLocked(path)) return 'no engine owns it';
  const owner = ownerOfFile(path);
  const who = `process ${owner?.pid ?? '?'} on ${owner?.host ?? 'this host'}${owner?.since == null ? '' : `, since ${timeText(owner.since)}`}`;
  const { askOwner } = await import('../control/client.ts');
  const asked = await askOwner(path, { command: 'hello', data: {} }, { timeoutMs: 5_000 }).catch((error: Error) => error);
  if (asked instanceof Error || !asked.isHeard) {
    const why = asked instanceof Error ? asked.message : 'nobody listens for it';
    const advice =
      'Commands reach it by the socket of `run`, `serve` or serveControl(), in one TMPDIR; if the process hangs, end it: the next start goes on.';
    throw new Trouble('warning', `owned by ${who}, which does not answer: ${why}`, advice);
  }
  const { phase, storage, wallAheadMs } = asked.answer;
  if (storage !== null) throw heldBy(who, storage);
  if (phase !== 'running') throw new Trouble('warning', `owned by ${who}, which is ${phase}`, 'Wait for it to end; the next start goes on.');
  if (wallAheadMs !== null && isApart(wallAheadMs)) {
    const advice = 'Schedules and start times follow the wall clock; timeouts and retries go on evenly, and the next start makes the two one again.';
    throw new Trouble('warning', `owned by ${who}: ${describeApart(wallAheadMs)}`, advice);
  }
  return `owned by ${who}, which runs and takes facts`;
}

const adviceByReason: Readonly<Record<string, string>> = {
  full: 'Make room on its disk.',
  readonly: 'Make the file, its folder and its file system writable again.',
  io: 'Look at the disk, and at what the kernel says of it (dmesg).',
  locked: 'End the other program that holds the file locked.',
  unreachable: 'Bring back the file system that it lies on.',
};

function heldBy(who: string, fault: NonNullable<Answers['hello']['storage']>): Trouble {
  const reason = readField(fault.error.details, 'reason');
  const remedy = adviceByReason[String(reason)] ?? 'Look at what the error says.';
  const message = `owned by ${who}: ${describeFault(fault)}; asked ${count(fault.attempts, 'time')} in vain`;
  return new Trouble(
    'fault',
    message,
    `${remedy} Nothing is lost: the engine holds what it knows, asks again by itself, and admits nothing until then.`,
  );
}

async function endOf(path: string): Promise<string> {
  const journal = sqliteJournal(path, { readOnly: true });
  try {
    const { lastSeq, damaged, lost } = await journal.open();
    if (damaged !== undefined) throw damagedEnd(path, damaged);
    const taken = lost ?? (await lostBefore(journal));
    if (taken === undefined) return `its end, seq ${lastSeq}, is as it was written`;
    const what = `a power cut took what was recorded from seq ${taken.afterSeq + 1} to ${taken.toSeq}, which durability 'relaxed' allows`;
    throw new Trouble(
      'warning',
      what,
      "Submit again, under the same ids, what was acknowledged just before it; durability 'full' survives a power cut.",
    );
  } catch (thrown) {
    if (!(thrown instanceof GleitzeitError) || thrown.code !== 'PERSISTENCE_INTEGRITY_ERROR') throw thrown;
    const advice = `\`gleitzeit check ${path}\` says where; with --repair it keeps every run that is whole, and says what is lost.`;
    throw new Trouble('fault', thrown.message, advice);
  } finally {
    await journal.close();
  }
}

function damagedEnd(path: string, { ranges, workflowIds }: DamagedEnd): Trouble {
  const concerned = workflowIds.length === 0 ? '' : `; ${count(workflowIds.length, 'run')} with facts there`;
  const advice = `Everything else goes on. \`gleitzeit check ${path}\` says where, --repair keeps every run that is whole while no engine runs on it.`;
  return new Trouble('fault', `near its end it is damaged: ${ranges.map(({ message }) => message).join('; ')}${concerned}`, advice);
}

/** Runs and schedules that are isolated, or that an engine would isolate. */
async function damagedIn(path: string): Promise<string> {
  const journal = sqliteJournal(path, { readOnly: true });
  try {
    await journal.open();
    const { workflows, schedules } = (await journal.damaged?.()) ?? { workflows: [], schedules: [] };
    if (workflows.length + schedules.length === 0) return 'no run and no schedule is known to be damaged';
    const names = (ids: readonly string[]): string => `${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ', …' : ''}`;
    const found = [
      ...(workflows.length === 0 ? [] : [`${count(workflows.length, 'run')}: ${names(workflows.map(({ workflowId }) => workflowId))}`]),
      ...(schedules.length === 0 ? [] : [`${count(schedules.length, 'schedule')}: ${names(schedules)}`]),
    ];
    const advice = `Everything else goes on. \`gleitzeit check ${path}\` says where, --repair makes what can be saved usable while no engine runs on it, \`gleitzeit sweep\` removes a run.`;
    throw new Trouble('fault', `damaged and left alone: ${found.join('; ')}`, advice);
  } catch (thrown) {
    if (!(thrown instanceof GleitzeitError) || thrown.code !== 'PERSISTENCE_INTEGRITY_ERROR') throw thrown;
    return 'not known: the journal as a whole cannot be read';
  } finally {
    await journal.close();
  }
}

async function keysOf(path: string, keyFile: string | undefined): Promise<string> {
  const journal = sqliteJournal(path, { readOnly: true });
  const { keys = [] } = await journal.open().finally(() => journal.close());
  const here = new Set(keyFilesOf(`${path}-key`).map(keyIdInFile));
  const given = [keyFile === undefined ? undefined : keyOfOptions({ keyFile }), keyOfEnvironment(process.env)];
  for (const key of given) if (key !== undefined) here.add(sealingKeyOf(key).id.toString('hex'));
  const missing = keys.filter((id) => !here.has(id));
  if (missing.length === 0) return keys.length === 0 ? 'none are sealed in it' : `sealed with key ${keys.join(', ')}, which is here`;
  const advice = `Put back its key file (${path}-key), or give the key by --key-file, ${keyFileVariable} or ${keyVariable}; a program may give it by the option secrets.key.`;
  throw new Trouble('warning', `sealed with key ${missing.join(', ')}, which is not here: tasks that need them fail`, advice);
}

/** What the last start found taken. */
async function lostBefore(journal: Journal): Promise<{ readonly afterSeq: number; readonly toSeq: number } | undefined> {
  const facts = await journal.read({ workflowId: null });
  const started = facts.findLast((fact) => fact.type === 'system:started');
  return started?.type === 'system:started' ? started.data.lost : undefined;
}

function durabilityOf(path: string): string {
  const mark = readMark(path);
  if (mark === undefined) return 'nothing was written yet, or its mark is missing';
  if (mark.durability === 'full') return 'full: written with synchronous=FULL, what was acknowledged survives a power cut';
  throw new Trouble(
    'warning',
    'relaxed: written with synchronous=NORMAL, a power cut may take the last seconds',
    "Open it with durability 'full' (the default) where nothing may be lost.",
  );
}

const leastFree = { fault: 64 * 2 ** 20, warning: 512 * 2 ** 20 } as const;
/** By the magic numbers of the kernel. */
const fileSystems = new Map<number, readonly [name: string, advice: string]>([
  [0x01_02_19_94, ['tmpfs', 'It ends with the machine: put the journal on a disk.']],
  [0x69_69, ['NFS', 'Locks over a network are not to be relied upon: put the journal on a disk of this machine.']],
  [0x51_7b, ['SMB', 'Locks over a network are not to be relied upon: put the journal on a disk of this machine.']],
  [0xff_53_4d_42, ['CIFS', 'Locks over a network are not to be relied upon: put the journal on a disk of this machine.']],
  [0xfe_53_4d_42, ['SMB', 'Locks over a network are not to be relied upon: put the journal on a disk of this machine.']],
]);

function freeSpace(path: string): string {
  const { bavail, bsize, type } = statfsSync(dirname(path));
  const free = bavail * bsize;
  const text = `${size(free)} are free`;
  const advice =
    'Make room: a journal that cannot be written holds everything up. `cleanup` of createSystem(), or --keep-days of gleitzeit serve, removes finished workflows.';
  if (free < leastFree.fault) throw new Trouble('fault', text, advice);
  if (free < leastFree.warning) throw new Trouble('warning', text, advice);
  const [name, remedy] = fileSystems.get(type) ?? [];
  if (name !== undefined && remedy !== undefined) throw new Trouble('warning', `${text}, on ${name}`, remedy);
  return text;
}

const syncs = 15;
const slowSyncMs = 50;

/** What an acknowledgement waits for: a page that is on the disk. */
function syncTimes(path: string): string {
  const probe = join(dirname(path), `.gleitzeit-doctor-${process.pid}`);
  const page = Buffer.alloc(4_096, 1);
  const times: number[] = [];
  const fd = openSync(probe, 'wx', 0o600);
  try {
    for (let at = 0; at < syncs; at++) {
      const began = performance.now();
      writeSync(fd, page);
      fdatasyncSync(fd);
      times.push(performance.now() - began);
    }
  } finally {
    closeSync(fd);
    rmSync(probe, { force: true });
  }
  times.sort((a, b) => a - b);
  const [median = 0, worst = 0] = [times[Math.floor(syncs / 2)], times.at(-1)];
  const text = `a synced write takes ${fine(median)} (the worst of ${syncs}: ${fine(worst)})`;
  if (median <= slowSyncMs) return text;
  throw new Trouble(
    'warning',
    text,
    'Each acknowledged submit waits for one: take a faster disk, or submit many at the same time, which share them.',
  );
}

function fine(ms: number): string {
  return ms < 10 ? `${ms.toFixed(2)} ms` : duration(ms);
}
