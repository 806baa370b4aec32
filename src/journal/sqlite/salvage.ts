/**
 * What of a damaged journal is whole: every run and every schedule whose facts are all there, told from those of which some are
 * lost or make no sense.
 *
 * What a run's own summary counts decides. Where that cannot be relied on, a run is whole if nothing is lost between its first fact
 * and the last one that can be read.
 */
import type Database from 'better-sqlite3';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { noteSchedule, type StandingSchedule } from '../standing-schedules.ts';
import type { Damage } from './faults.ts';
import { readableLines } from './frame.ts';
import { type FoundRow, HeadTable } from './head-row.ts';
import { readMark } from './mark.ts';
import { readOwner } from './owner.ts';
import { type FoundSchedule, ScheduleTable } from './schedule-row.ts';
import { readTail } from './tail.ts';
import { walk } from './walk.ts';

/** Says of facts that can be read why nothing can go on with them; nothing where it can. */
export interface Judge {
  workflow(facts: readonly GleitzeitEvent[]): string | undefined;
  schedule(standing: StandingSchedule): string | undefined;
}

/** Facts that cannot be read: those after `afterSeq`, up to `toSeq`. */
export interface LostRange {
  readonly afterSeq: number;
  readonly toSeq: number;
}

/** What stays behind in the journal that was damaged, each with the reason. */
export interface Salvage {
  readonly workflows: ReadonlyMap<string, string>;
  readonly schedules: ReadonlyMap<string, string>;
  /** In order. */
  readonly ranges: readonly LostRange[];
  /** Up to this, facts had been written. */
  readonly endSeq: number;
  /** Frames whose facts can be read and are in their order, by their `seq`. */
  readonly readable: ReadonlySet<number>;
}

/** What the frames that can be read hold of one run. */
interface Seen {
  readonly firstSeq: number;
  facts: number;
  readonly frames: number[];
}

/** Looks through a whole journal. Changes nothing. */
export function salvage(db: Database.Database, path: string, judge: Judge): Salvage {
  const survey = new Survey();
  for (const stop of walk(db)) survey.note('damage' in stop ? stop.damage : undefined, stop.walked);
  survey.end(endOf(db, path));
  const evidence = evidenceOf(db, path);
  const workflows = new Map<string, string>();
  for (const id of new Set([...survey.runs.keys(), ...survey.strays, ...evidence.heads.keys()])) {
    const head = evidence.heads.get(id);
    // In a journal that misses nothing: late words about a run that was removed, and a row that names a run by a wrong id.
    if (!survey.runs.has(id) && survey.ranges.length === 0 && head?.isIntact !== true) continue;
    const why = faultOfRun(id, survey, head) ?? judge.workflow(factsOf(db, id, survey.runs.get(id)));
    if (why !== undefined) workflows.set(id, why);
  }
  const schedules = faultsOfSchedules(survey, evidence.schedules, judge);
  return { workflows, schedules, ranges: survey.ranges, endSeq: survey.lastSeq, readable: survey.readable };
}

class Survey {
  readonly runs = new Map<string, Seen>();
  /** Workflows of which facts are there, and not the first. */
  readonly strays = new Set<string>();
  readonly standing = new Map<string, StandingSchedule>();
  readonly ranges: LostRange[] = [];
  readonly readable = new Set<number>();
  lastSeq = 0;
  /** The last fact that can be read. */
  lastReadable = 0;

  note(damage: Damage | undefined, walked: { readonly frame: Parameters<typeof readableLines>[0] & { readonly seq: number } } | undefined): void {
    if (walked === undefined) return;
    const { seq } = walked.frame;
    const facts = readableLines(walked.frame)?.map(([, fact]) => fact);
    const isWhole = facts !== undefined && isInOrder(facts, { afterSeq: this.lastSeq, toSeq: seq });
    const first = isWhole ? facts[0]?.seq : undefined;
    // Batches that are missing before it: where it begins says how far they went.
    if (damage?.kind === 'missing' || !isWhole) this.lose(isWhole ? Math.max((first ?? seq) - 1, damage?.afterSeq ?? 0) : seq);
    this.lastSeq = seq;
    if (!isWhole) return;
    this.lastReadable = seq;
    this.readable.add(seq);
    for (const fact of facts) this.noteFact(fact, seq);
  }

  end(seq: number): void {
    if (seq > this.lastSeq) this.lose(seq);
    this.lastSeq = Math.max(this.lastSeq, seq);
  }

  /** Whether facts are lost after a fact and before the last one that can be read. */
  hasLossAfter(seq: number): boolean {
    return this.ranges.some(({ afterSeq, toSeq }) => toSeq > seq && afterSeq < this.lastReadable);
  }

  private lose(toSeq: number): void {
    this.ranges.push({ afterSeq: this.lastSeq, toSeq: Math.max(toSeq, this.lastSeq) });
  }

  private noteFact(fact: GleitzeitEvent, frame: number): void {
    noteSchedule(this.standing, fact);
    const { workflowId } = fact.correlation;
    if (workflowId === undefined) return;
    const known = this.runs.get(workflowId);
    if (known !== undefined) {
      known.facts++;
      if (known.frames.at(-1) !== frame) known.frames.push(frame);
      return;
    }
    if (fact.type === 'workflow:submitted') this.runs.set(workflowId, { firstSeq: fact.seq, facts: 1, frames: [frame] });
    else this.strays.add(workflowId);
  }
}

function isInOrder(facts: readonly GleitzeitEvent[], { afterSeq, toSeq }: LostRange): boolean {
  let before = afterSeq;
  for (const { seq } of facts) {
    if (seq <= before || seq > toSeq) return false;
    before = seq;
  }
  return true;
}

/** Why not all facts of a run are there; nothing where they are. */
function faultOfRun(id: string, survey: Survey, head: FoundRow | undefined): string | undefined {
  const seen = survey.runs.get(id);
  if (seen === undefined) return 'its first fact cannot be read';
  // What an isolated run counts may have been damaged before it was isolated.
  const isCounted = head?.isIntact === true && head.status !== 'damaged' && survey.ranges.length > 0;
  if (!survey.hasLossAfter(seen.firstSeq) && !isCounted) return undefined;
  if (head?.isIntact !== true) return 'facts are lost in its time, and its summary does not say whether they were its own';
  return head.facts === seen.facts ? undefined : `${seen.facts} of its ${head.facts} facts can be read`;
}

function factsOf(db: Database.Database, id: string, seen: Seen | undefined): readonly GleitzeitEvent[] {
  const frameOf = db.prepare('SELECT body, sum, kept_sum FROM frames WHERE seq = ?');
  const facts: GleitzeitEvent[] = [];
  for (const seq of seen?.frames ?? []) {
    // The columns are those of the schema.
    const lines = readableLines(frameOf.get(seq) as Parameters<typeof readableLines>[0]) ?? [];
    for (const [, fact] of lines) if (fact.correlation.workflowId === id && fact.seq >= (seen?.firstSeq ?? 0)) facts.push(fact);
  }
  return facts;
}

interface Evidence {
  readonly heads: ReadonlyMap<string, FoundRow>;
  /** Nothing where they cannot be read. */
  readonly schedules: { readonly rows: readonly FoundSchedule[]; readonly areAll: boolean };
}

/** What the index still says, row by row, up to where it cannot be read. */
function evidenceOf(db: Database.Database, path: string): Evidence {
  const heads = new Map<string, FoundRow>();
  const expected = attempt(() => readTail(db, path).schedules);
  const rows = attempt(() => new ScheduleTable(db, path).found());
  attempt(() => {
    for (const row of new HeadTable(db, path).each()) heads.set(row.id, row);
  });
  return { heads, schedules: { rows: rows ?? [], areAll: rows !== undefined && rows.length === expected } };
}

function faultsOfSchedules(survey: Survey, { rows, areAll }: Evidence['schedules'], judge: Judge): ReadonlyMap<string, string> {
  const faults = new Map<string, string>();
  const byId = new Map(rows.map((row) => [row.id, row]));
  for (const id of new Set([...survey.standing.keys(), ...byId.keys()])) {
    const standing = survey.standing.get(id);
    const why = faultOfSchedule(standing, { row: byId.get(id), areAll, survey }) ?? (standing && judge.schedule(standing));
    if (why !== undefined) faults.set(id, why);
  }
  return faults;
}

interface ScheduleEvidence {
  readonly row: FoundSchedule | undefined;
  readonly areAll: boolean;
  readonly survey: Survey;
}

function faultOfSchedule(standing: StandingSchedule | undefined, { row, areAll, survey }: ScheduleEvidence): string | undefined {
  if (survey.ranges.length === 0) return undefined;
  if (row?.isIntact === true) {
    const isAll = standing?.made.seq === row.made_seq && (standing.last?.seq ?? null) === row.last_seq;
    return isAll ? undefined : 'a fact that it is brought back by cannot be read';
  }
  if (standing === undefined) return 'the fact that made it cannot be read';
  if (row === undefined && areAll) return 'it was taken away, and the fact that says so cannot be read';
  if (!survey.hasLossAfter(standing.made.seq)) return undefined;
  return 'facts are lost in its time, and its row does not say whether they were its own';
}

/** Where a damaged journal says that it ends, as far as it can still say anything. */
function endOf(db: Database.Database, path: string): number {
  const mark = readMark(path);
  const journal = attempt(() => readOwner(db)?.journal);
  const isIts = mark !== undefined && (journal === undefined || mark.journal === journal);
  return Math.max(attempt(() => readTail(db, path).seq) ?? 0, isIts ? mark.seq : 0);
}

/** Nothing where it cannot be read. */
function attempt<Value>(act: () => Value): Value | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
