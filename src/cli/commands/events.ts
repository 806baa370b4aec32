/** `gleitzeit events`: what was recorded, filtered; also as it goes on. */
import type { Severity } from '../../../machines/events/envelope.ts';
import { readCount } from '../arguments.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { catchInterruption } from '../interruption.ts';
import { inPlace, type Place, type PlaceOptions, type Watching } from '../place.ts';
import { eventLine } from '../progress/lines.ts';
import { print, type Terminal } from '../terminal.ts';

export interface EventsOptions extends PlaceOptions {
  readonly workflow?: string;
  readonly severity?: Severity;
  readonly component?: string;
  readonly type?: readonly string[];
  readonly after?: string;
  readonly follow?: boolean;
}

/** Prints events, as lines for people or, with `--json`, as a line of JSON each. */
export async function eventsCommand(options: EventsOptions, terminal: Terminal): Promise<ExitCode> {
  const { workflow, severity, component, type: types, follow = false } = options;
  const { matcherOf } = await import('../../observe/event-filter.ts');
  const filter = { minSeverity: severity, component, types };
  // What nothing could match is a mistake, which is said before anybody is asked.
  matcherOf(filter);
  const watching: Watching = {
    filter,
    workflow,
    afterSeq: readCount(options.after, '--after') ?? 0,
    tell: (event) => print(terminal, options.json === true ? JSON.stringify(event) : eventLine(event)),
    isOver: () => terminal.stdout.destroyed === true,
  };
  return inPlace(options, terminal, async (place) => {
    if (workflow !== undefined && !follow) await place.expect(workflow);
    const afterSeq = await place.recorded(watching);
    return follow ? keepTelling(place, { ...watching, afterSeq }) : exitCodes.done;
  });
}

/** Until Ctrl-C, or until nobody reads any more. */
async function keepTelling(place: Place, watching: Watching): Promise<ExitCode> {
  const interruption = catchInterruption();
  let isAsked = false;
  const asked = interruption.requested.then(() => {
    isAsked = true;
  });
  try {
    await place.follow(watching, asked);
    return isAsked ? exitCodes.interrupted : exitCodes.done;
  } finally {
    interruption.dispose();
  }
}
