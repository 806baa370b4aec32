/** `gleitzeit schedule add|list|remove`: workflows that start time and again, or once at a time. */

import { duration, timeText } from '../../duration.ts';
import type { ScheduleOptions, ScheduleStatus } from '../../runtime/schedules.ts';
import { readInput, readSeconds, readTime } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { inPlace, type PlaceOptions } from '../place.ts';
import { oneLine, print, printJson, say, type Terminal } from '../terminal.ts';

export interface ScheduleAddOptions extends PlaceOptions {
  readonly id?: string;
  readonly cron?: string;
  readonly timezone?: string;
  readonly every?: string;
  readonly at?: string;
  readonly startAt?: string;
  readonly endAt?: string;
  readonly input?: string;
  readonly overlap?: ScheduleStatus['overlap'];
  readonly catchUp?: ScheduleStatus['catchUp'];
}

/** Makes a schedule: durable at once, whether an engine runs on the journal or not. */
export async function scheduleAddCommand(file: string, options: ScheduleAddOptions, terminal: Terminal): Promise<ExitCode> {
  const [rule, input, { loadWorkflow }] = await Promise.all([ruleOf(options), readInput(options.input), import('../../workflow/load.ts')]);
  return inPlace(options, terminal, async (place) => {
    const workflow = await loadWorkflow(file);
    const { id = workflow.definition.name, overlap, catchUp } = options;
    const policies = { ...(overlap !== undefined && { overlap }), ...(catchUp !== undefined && { catchUp }) };
    const { by, answer } = await place.schedule(workflow, { id, ...rule, ...policies, ...(input !== undefined && { input }) });
    if (options.json === true) printJson(terminal, { ...answer, by });
    else print(terminal, lineOf(answer));
    if (by === 'caller')
      say(terminal, `Recorded in ${place.name}. No engine runs on it: starts that come before the next one does are ${missed[answer.catchUp]}.`);
    return exitCodes.done;
  });
}

const missed = { none: 'left out', one: 'made up for by one', all: 'made up for, each of them' } as const satisfies Record<
  ScheduleStatus['catchUp'],
  string
>;

/** When it starts, as `system.schedule` takes it, which says whether that makes sense. */
async function ruleOf({ cron, timezone, every, ...options }: ScheduleAddOptions): Promise<Omit<ScheduleOptions, 'id'>> {
  const everyMs = readSeconds(every, '--every');
  const [at, startAt, endAt] = await Promise.all([
    readTime(options.at, '--at'),
    readTime(options.startAt, '--start-at'),
    readTime(options.endAt, '--end-at'),
  ]);
  return {
    ...(cron !== undefined && { cron }),
    ...(timezone !== undefined && { timeZone: timezone }),
    ...(everyMs !== undefined && { everyMs: Math.round(everyMs) }),
    ...(at !== undefined && { at }),
    ...(startAt !== undefined && { startAt }),
    ...(endAt !== undefined && { endAt }),
  };
}

/** Lists the schedules that stand; those of a journal as it has them: whoever owns it is not asked. */
export async function scheduleListCommand(options: PlaceOptions, terminal: Terminal): Promise<ExitCode> {
  const schedules = await inPlace(options, terminal, (place) => place.schedules());
  if (options.json === true) printJson(terminal, schedules);
  else for (const each of schedules) print(terminal, lineOf(each));
  return exitCodes.done;
}

export interface ScheduleRemoveOptions extends PlaceOptions {
  readonly reason?: string;
}

/** Takes a schedule away; the run under way goes on. */
export async function scheduleRemoveCommand(scheduleId: string, options: ScheduleRemoveOptions, terminal: Terminal): Promise<ExitCode> {
  const by = await inPlace(options, terminal, (place) => place.unschedule(scheduleId, options.reason));
  if (options.json === true) printJson(terminal, { scheduleId, removed: true, by });
  else print(terminal, oneLine(`Schedule ${scheduleId} is removed.`));
  return exitCodes.done;
}

/** A schedule for people, in a line. */
export function lineOf({ id, workflow, rule, nextAt, lastAt, running, isBehind, overlap, catchUp }: ScheduleStatus): string {
  const parts = [
    id,
    saidRule(rule),
    isBehind ? 'starts are due' : '',
    nextAt === null ? '' : `next ${timeText(nextAt)}`,
    lastAt === null ? '' : `last ${timeText(lastAt)}`,
    running === null ? '' : `running ${running}`,
    workflow === id ? '' : workflow,
    `overlap ${overlap}, catch-up ${catchUp}`,
  ];
  return oneLine(parts.filter((part) => part !== '').join('  '));
}

function saidRule(rule: ScheduleStatus['rule']): string {
  if (rule.kind === 'cron') return `cron '${rule.expression}' ${rule.timeZone}`;
  return rule.kind === 'interval' ? `every ${duration(rule.everyMs)}` : `once at ${timeText(rule.at)}`;
}
