/** `gleitzeit events`: what a journal recorded, filtered; also as it goes on. */
import { setTimeout as wait } from 'node:timers/promises';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Severity } from '../../../machines/events/envelope.ts';
import type { Journal } from '../../journal/journal.ts';
import { readCount } from '../arguments.ts';
import { type DatabaseOptions, pathOf, reading } from '../database.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { catchInterruption } from '../interruption.ts';
import { eventLine } from '../progress/lines.ts';
import { print, type Terminal } from '../terminal.ts';

export interface EventsOptions extends DatabaseOptions {
  readonly workflow?: string;
  readonly severity?: Severity;
  readonly component?: string;
  readonly type?: readonly string[];
  readonly after?: string;
  readonly follow?: boolean;
}

/** Events that are read at once: a journal may hold more than memory does. */
const atOnce = 5_000;
/** How often a journal is looked at while it is followed, in milliseconds: a look that finds nothing costs microseconds. */
const lookEveryMs = 100;

/** Prints events, as lines for people or, with `--json`, as a line of JSON each. */
export async function eventsCommand(options: EventsOptions, terminal: Terminal): Promise<ExitCode> {
  const { workflow, severity, component, type: types, follow = false } = options;
  const [{ matcherOf }, { notFound }] = await Promise.all([import('../../observe/event-filter.ts'), import('../../runtime/status.ts')]);
  const isMeant = matcherOf({ minSeverity: severity, component, types });
  const afterSeq = readCount(options.after, '--after') ?? 0;
  return reading(pathOf(options), async (journal) => {
    if (workflow !== undefined && !follow && (await journal.find(workflow)) === undefined) throw notFound(workflow);
    const telling: Telling = {
      journal,
      workflow,
      tell: (event) => isMeant(event) && print(terminal, options.json === true ? JSON.stringify(event) : eventLine(event)),
    };
    const end = await tellAll(telling, afterSeq, terminal);
    return follow ? keepTelling(telling, end, terminal) : exitCodes.done;
  });
}

interface Telling {
  readonly journal: Journal;
  readonly workflow: string | undefined;
  readonly tell: (event: GleitzeitEvent) => unknown;
}

/** @returns the `seq` of the last event that there is */
async function tellAll({ journal, workflow, tell }: Telling, afterSeq: number, { stdout }: Terminal): Promise<number> {
  for (let last = afterSeq; ; ) {
    const facts = await journal.read({ ...(workflow !== undefined && { workflowId: workflow }), afterSeq: last, limit: atOnce });
    for (const fact of facts) tell(fact);
    last = facts.at(-1)?.seq ?? last;
    if (facts.length < atOnce || stdout.destroyed === true) return last;
    // What was printed gets out before there is more.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Until Ctrl-C, or until nobody reads any more. */
async function keepTelling(telling: Telling, afterSeq: number, terminal: Terminal): Promise<ExitCode> {
  const interruption = catchInterruption();
  let isAsked = false;
  const asked = interruption.requested.then(() => {
    isAsked = true;
  });
  try {
    for (let last = afterSeq; !isAsked && terminal.stdout.destroyed !== true; ) {
      last = await tellAll(telling, last, terminal);
      await Promise.race([asked, wait(lookEveryMs)]);
    }
    return isAsked ? exitCodes.interrupted : exitCodes.done;
  } finally {
    interruption.dispose();
  }
}
