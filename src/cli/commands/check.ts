/** `gleitzeit check JOURNAL or LOG.jsonl`: whether a journal is as it was written, and whether its facts are what the machines could have stated. */
import { closeSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import * as z from 'zod';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { decodeUtf8, type Undecodable } from '../../encoding.ts';
import { errorOf } from '../../errors.ts';
import type { Damage } from '../../journal/sqlite/faults.ts';
import type { JournalRepair } from '../../journal/sqlite/repair.ts';
import type { Violation } from '../../testing/check-log.ts';
import { reading } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { usageError } from '../faults.ts';
import { oneLine, print, printJson, type Terminal } from '../terminal.ts';
import { count } from '../text.ts';

export interface CheckOptions {
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** What is wrong with a log beside what the model says: a line that is no event. */
type Fault = Violation | { readonly line: number; readonly rule: 'line'; readonly message: string };

/** Checks a journal or a log. */
export async function checkCommand(path: string, options: CheckOptions, terminal: Terminal): Promise<ExitCode> {
  if (await isLog(path)) return checkLogFile(path, options, terminal);
  if (options.repair === true) return repair(path, options, terminal);
  return checkJournalFile(path, options, terminal);
}

async function checkJournalFile(path: string, { json }: CheckOptions, terminal: Terminal): Promise<ExitCode> {
  const { checkJournal } = await import('../../journal/sqlite/check.ts');
  const found = await checkJournal(path);
  // What a damaged journal says need not be held against the model.
  const violations = found.damages.length === 0 ? await violationsIn(path) : [];
  const sound = found.damages.length === 0 && violations.length === 0;
  if (json === true) printJson(terminal, { ...found, sound, violations });
  else {
    for (const damage of found.damages) print(terminal, oneLine(`damage ${placeOf(damage)}: ${damage.message}`));
    tellViolations(violations, terminal);
    const { facts, workflows, lastSeq } = found;
    print(
      terminal,
      `${oneLine(found.path)} ${sound ? 'is sound' : 'is not sound'}: ${count(facts, 'fact')} of ${count(workflows, 'workflow')}, up to seq ${lastSeq}.`,
    );
  }
  return sound ? exitCodes.done : exitCodes.internal;
}

function placeOf({ afterSeq, toSeq }: Damage): string {
  return toSeq === undefined ? `after seq ${afterSeq}` : `in seq ${afterSeq + 1} to ${toSeq}`;
}

/** Workflow by workflow: what memory has to hold follows from the largest one. */
async function violationsIn(path: string): Promise<readonly Violation[]> {
  const { checkLog } = await import('../../testing/check-log.ts');
  return reading(path, async (journal) => {
    const violations = [...checkLog(await journal.read({ workflowId: null }))];
    for (const { workflowId } of await journal.list()) violations.push(...checkLog(await journal.read({ workflowId })));
    return violations.sort((a, b) => a.seq - b.seq);
  });
}

function tellViolations(faults: readonly Fault[], terminal: Terminal): void {
  for (const fault of faults)
    print(terminal, oneLine(`${'line' in fault ? `line ${fault.line}` : `seq ${fault.seq}`} (${fault.rule}): ${fault.message}`));
}

async function repair(path: string, { json }: CheckOptions, terminal: Terminal): Promise<ExitCode> {
  const { repairJournal } = await import('../../runtime/journal-repair.ts');
  const repaired = await repairJournal(path);
  if (json === true) printJson(terminal, repaired);
  else for (const line of linesOfRepair(repaired)) print(terminal, oneLine(line));
  return exitCodes.done;
}

function linesOfRepair({ path, aside, lost }: JournalRepair): readonly string[] {
  if (aside === undefined) return [`${path} is sound: there is nothing to repair.`];
  const moved = `The journal as it was is kept at ${aside}.`;
  if (lost === undefined) return [`${path} is repaired; nothing is lost.`, moved];
  const { ranges, readable, workflows, schedules } = lost;
  const behind = workflows.length + schedules.length;
  return [
    `${path} is repaired: everything is there but for what is named here.`,
    ...ranges.map(({ afterSeq, toSeq }) => `Lost is seq ${afterSeq + 1} to ${toSeq}.`),
    ...workflows.map(({ workflowId, reason }) => `Put aside is run ${workflowId}: ${reason}.`),
    ...schedules.map(({ scheduleId, reason }) => `Put aside is schedule ${scheduleId}: ${reason}.`),
    ...(behind === 0 ? [] : [`${count(readable, 'fact')} of what was put aside can still be read there.`]),
    moved,
  ];
}

/** Whether a file is text: a journal says in its first bytes what it is. */
async function isLog(path: string): Promise<boolean> {
  if (!/\.(?:jsonl|ndjson|json)$/i.test(path)) return false;
  const header = Buffer.alloc(16);
  const fd = openLog(path);
  try {
    readSync(fd, header, 0, 16, 0);
  } finally {
    closeSync(fd);
  }
  return header.toString('latin1') !== 'SQLite format 3\0';
}

function openLog(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (thrown) {
    throw errorOf('PERSISTENCE_READ_FAILED', `${path} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

async function checkLogFile(path: string, options: CheckOptions, terminal: Terminal): Promise<ExitCode> {
  if (options.repair === true) throw usageError('--repair is for journals; a log is what it is.');
  const { checkLog } = await import('../../testing/check-log.ts');
  const decoded = decodeUtf8(await readFile(path));
  const { events, faults } = 'text' in decoded ? eventsOf(decoded.text) : undecodable(decoded);
  const violations: readonly Fault[] = [...faults, ...checkLog(events)];
  const sound = violations.length === 0;
  if (options.json === true) printJson(terminal, { path, sound, events: events.length, violations });
  else {
    tellViolations(violations, terminal);
    print(terminal, `${oneLine(path)} ${sound ? 'is sound' : 'is not sound'}: ${count(events.length, 'event')}.`);
  }
  return sound ? exitCodes.done : exitCodes.internal;
}

/** As much of an event as whoever reads it must be able to rely on; the rest is what is checked. */
const envelope = z.looseObject({
  type: z.string(),
  id: z.string(),
  seq: z.number(),
  time: z.number(),
  source: z.string(),
  severity: z.string(),
  correlation: z.looseObject({ correlationId: z.string(), workflowId: z.string().optional(), taskId: z.string().optional() }),
  data: z.looseObject({}),
});

interface Log {
  readonly events: readonly GleitzeitEvent[];
  readonly faults: readonly Fault[];
}

function undecodable({ problem, line = 1 }: Undecodable): Log {
  return { events: [], faults: [{ line, rule: 'line', message: `the log ${problem}` }] };
}

function eventsOf(text: string): Log {
  const events: GleitzeitEvent[] = [];
  const faults: Fault[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      // Whether type and data fit the catalogue is what the check says.
      events.push(envelope.parse(JSON.parse(line)) as unknown as GleitzeitEvent);
    } catch (thrown) {
      const why = thrown instanceof z.ZodError ? z.prettifyError(thrown) : thrown instanceof Error ? thrown.message : String(thrown);
      faults.push({ line: index + 1, rule: 'line', message: `it is no event: ${why}` });
    }
  }
  return { events, faults };
}
