/** Looks at everything in a journal: every frame, every head, every index, and the mark beside it. Changes nothing. */
import type Database from 'better-sqlite3';

import type { WorkflowHead } from '../journal.ts';
import { noteSchedule, type StandingSchedule } from '../standing-schedules.ts';
import { headAfter } from '../workflow-head.ts';
import { checkVersion, connectToSalvage, requireJournal, truePath } from './connection.ts';
import { type Damage, storageError } from './faults.ts';
import { HeadTable, headOf } from './head-row.ts';
import { lookAt, openToRead, verifyEnd } from './opening.ts';
import { ScheduleTable } from './schedule-row.ts';
import { readTail } from './tail.ts';
import { type Walked, walk } from './walk.ts';

export interface JournalCheck {
  readonly path: string;
  readonly lastSeq: number;
  readonly frames: number;
  readonly facts: number;
  readonly workflows: number;
  /** In the order of `afterSeq`; empty for a sound journal. */
  readonly damages: readonly Damage[];
}

/** What the frames say of a workflow. */
interface Seen {
  head: WorkflowHead;
  facts: number;
  frames: number;
}

/**
 * Verifies a whole journal, beside whoever owns it.
 * @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR when it is no journal at all; PERSISTENCE_CONNECTION_FAILED when it is not there
 */
export async function checkJournal(path: string, { busyTimeoutMs = 500 }: { readonly busyTimeoutMs?: number } = {}): Promise<JournalCheck> {
  const whole = truePath(path);
  let db: Database.Database | undefined;
  try {
    requireJournal(whole);
    const place = lookAt(whole);
    // What keeps it from being opened is a damage, whatever can be salvaged from it.
    const opening = attempt(() => openToRead(whole, { busyTimeoutMs }).db.close(), whole);
    db = connectToSalvage(whole, busyTimeoutMs);
    checkVersion(db, whole);
    const open = db;
    // One look at all of it, however long: an engine that owns the file goes on.
    db.exec('BEGIN');
    const tail = attempt(() => verifyEnd(open, place), whole);
    const { seen, standing, ...counts } = await checkFrames(open);
    // What a damaged frame held is missing from what the index is held against.
    const index = attempt(
      () => (counts.damages.length > 0 ? [] : [...checkHeads(open, seen, whole), ...checkSchedules(open, standing, whole)]),
      whole,
    );
    const file = attempt(() => checkFile(open), whole);
    const damages = merged([
      ...counts.damages,
      ...tail.damages,
      ...opening.damages,
      ...index.damages,
      ...(index.value ?? []),
      ...file.damages,
      ...(file.value ?? []),
    ]);
    return { path: whole, ...counts, workflows: seen.size, damages };
  } catch (thrown) {
    throw storageError(thrown, 'open', whole);
  } finally {
    db?.close();
  }
}

interface Attempted<Value> {
  readonly value?: Value;
  readonly damages: readonly Damage[];
}

/** What cannot be looked at is a damage too, unless another look at the same file may go well. */
function attempt<Value>(act: () => Value, path: string): Attempted<Value> {
  try {
    return { value: act(), damages: [] };
  } catch (thrown) {
    const { message, details } = storageError(thrown, 'read', path);
    // Those of `damaged` carry damages, SQLite's own a reason only.
    const { damages, reason } = (details ?? {}) as { readonly damages?: readonly Damage[]; readonly reason?: string };
    if (reason === 'locked') throw thrown;
    return { damages: damages ?? [{ afterSeq: 0, kind: 'file', message }] };
  }
}

/** The end and the walk see the same damage: it is told once. */
function merged(damages: readonly Damage[]): readonly Damage[] {
  const byPlace = new Map<string, Damage>();
  for (const damage of damages) {
    const key = `${damage.kind} ${damage.message}`;
    if (!byPlace.has(key)) byPlace.set(key, damage);
  }
  return [...byPlace.values()].sort((a, b) => a.afterSeq - b.afterSeq);
}

async function checkFrames(db: Database.Database) {
  const seen = new Map<string, Seen>();
  const standing = new Map<string, StandingSchedule>();
  const damages: Damage[] = [];
  const counts = { lastSeq: 0, frames: 0, facts: 0 };
  for (const stop of walk(db)) {
    if ('damage' in stop) damages.push(stop.damage);
    if (stop.walked === undefined) continue;
    counts.lastSeq = stop.walked.frame.seq;
    counts.frames++;
    counts.facts += stop.walked.facts.length;
    see(seen, stop.walked);
    for (const fact of stop.walked.facts) noteSchedule(standing, fact);
    if (counts.frames % 32 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return { ...counts, damages, seen, standing };
}

function see(seen: Map<string, Seen>, { facts }: Walked): void {
  const here = new Set<Seen>();
  for (const fact of facts) {
    const { workflowId } = fact.correlation;
    if (workflowId === undefined) continue;
    const known = seen.get(workflowId);
    const head = headAfter(known?.head, fact);
    if (head === undefined) continue;
    const entry = known ?? { head, facts: 0, frames: 0 };
    entry.head = head;
    entry.facts++;
    if (known === undefined) seen.set(workflowId, entry);
    here.add(entry);
  }
  for (const entry of here) entry.frames++;
}

/** What the index says against what the frames hold. */
function checkHeads(db: Database.Database, seen: ReadonlyMap<string, Seen>, path: string): readonly Damage[] {
  const damages: Damage[] = [];
  const wrong = (message: string): void => void damages.push({ afterSeq: 0, kind: 'index', message });
  const rows = new HeadTable(db, path).all();
  const touches = db.prepare('SELECT count(*) FROM touches JOIN frames USING (seq) WHERE workflow = ?').pluck();
  const missing = new Set(seen.keys());
  for (const row of rows) {
    missing.delete(row.id);
    const there = seen.get(row.id);
    if (!row.isIntact) wrong(`the head of workflow ${row.id} does not have its checksum`);
    else if (row.status === 'damaged') wrong(`workflow ${row.id} is damaged: it was isolated when it could not be read or brought back`);
    else if (there === undefined) wrong(`workflow ${row.id} has a head and no facts`);
    else if (JSON.stringify(headOf(row)) !== JSON.stringify(there.head)) wrong(`the head of workflow ${row.id} is not what its facts say`);
    else if (row.facts !== there.facts) wrong(`workflow ${row.id} has ${there.facts} facts, and must have ${row.facts}`);
    else if (touches.get(row.no) !== there.frames) wrong(`the index does not lead to all facts of workflow ${row.id}`);
  }
  for (const id of missing) wrong(`workflow ${id} has facts and no head`);
  const { running, ended } = readTail(db, '');
  if (running + ended !== rows.length) wrong(`it lists ${rows.length} workflows where there must be ${running + ended}`);
  return damages;
}

function checkSchedules(db: Database.Database, standing: ReadonlyMap<string, StandingSchedule>, path: string): readonly Damage[] {
  const rows = new ScheduleTable(db, path).found();
  const damages: Damage[] = [];
  const wrong = (message: string): void => void damages.push({ afterSeq: 0, kind: 'index', message });
  const missing = new Set(standing.keys());
  for (const row of rows) {
    missing.delete(row.id);
    const there = standing.get(row.id);
    if (!row.isIntact) wrong(`the row of schedule ${row.id} does not have its checksum`);
    else if (there?.made.seq !== row.made_seq || (there.last?.seq ?? null) !== row.last_seq)
      wrong(`the row of schedule ${row.id} is not what its facts say`);
  }
  for (const id of missing) wrong(`schedule ${id} stands and has no row`);
  const { schedules } = readTail(db, '');
  if (schedules !== rows.length) wrong(`it lists ${rows.length} schedules where there must be ${schedules}`);
  return damages;
}

function checkFile(db: Database.Database): readonly Damage[] {
  const found = db.pragma('quick_check', { simple: true });
  return found === 'ok' ? [] : [{ afterSeq: 0, kind: 'file', message: `SQLite finds its file unsound: ${String(found)}` }];
}
