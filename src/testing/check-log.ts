/**
 * Checks a log of events against the model: does it say only what this system could have said?
 *
 * It takes what a journal gives back or what a stream delivered, in order. It decides by the catalogue (schemas, owners), by
 * the chain of causes, and by folding what is recorded of each workflow through the machines that stated it: a fact that
 * stands where its own machine could not have stated it is a violation. It repairs nothing and throws nothing. A workflow has to
 * be there from its submission on: of a system that went on with what a journal held, check the journal.
 */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { isEventType, specOf } from '../../machines/events/catalogue.ts';
import type { Party } from '../../machines/events/define.ts';
import { checkWorkflow } from './check-workflow.ts';
import { nameOf, type Violation } from './violation.ts';

export type { LogRule, Violation } from './violation.ts';

/**
 * Checks a log.
 *
 * @returns every violation, by `seq`; none for a sound log. Of a log that breaks off, what has not ended yet is no violation.
 * @example
 * expect(checkLog(simulation.events)).toEqual([]);
 */
export function checkLog(events: readonly GleitzeitEvent[]): readonly Violation[] {
  const sound = events.filter(({ type }) => isEventType(type));
  const strange = events
    .filter(({ type }) => !isEventType(type))
    .map((event): Violation => ({ seq: event.seq, rule: 'type', message: `'${String(event.type)}' is no type of the catalogue.` }));
  const folded = [...factsByWorkflow(sound)].flatMap(([workflowId, facts]) => checkWorkflow(workflowId, facts));
  return [...strange, ...checkOrder(events), ...checkEach(sound), ...checkCauses(sound), ...folded].toSorted((a, b) => a.seq - b.seq);
}

function factsByWorkflow(events: readonly GleitzeitEvent[]): ReadonlyMap<string, readonly GleitzeitEvent[]> {
  const byWorkflow = new Map<string, GleitzeitEvent[]>();
  for (const event of events) {
    const { workflowId } = event.correlation;
    if (workflowId === undefined || !specOf(event.type).recorded) continue;
    const its = byWorkflow.get(workflowId);
    if (its === undefined) byWorkflow.set(workflowId, [event]);
    else its.push(event);
  }
  return byWorkflow;
}

function checkOrder(events: readonly GleitzeitEvent[]): Violation[] {
  const found: Violation[] = [];
  // What is said of a journal that takes no facts for a time overtakes what waits for it.
  const ahead = new Set<string>();
  let before = 0;
  for (const event of events) {
    const { id, seq, type, causationId } = event;
    if (type === 'system:hold' || (causationId !== undefined && ahead.has(causationId))) {
      ahead.add(id);
      continue;
    }
    if (seq <= before) found.push({ seq, rule: 'order', message: `${nameOf(event)} has seq ${seq}, after ${before}.` });
    before = seq;
  }
  return found;
}

function checkEach(events: readonly GleitzeitEvent[]): Violation[] {
  return events.flatMap((event) => {
    const found: Violation[] = [];
    const { data, owners, severity } = specOf(event.type);
    const parsed = data.safeParse(event.data);
    if (!parsed.success) found.push({ seq: event.seq, rule: 'schema', message: `${nameOf(event)} does not fit its schema: ${parsed.error.message}` });
    if (!owners.includes(partyOf(event)))
      found.push({
        seq: event.seq,
        rule: 'owner',
        message: `${nameOf(event)} comes from '${event.source}'; it is stated by ${owners.join(' or ')} only.`,
      });
    if (event.severity !== severity)
      found.push({ seq: event.seq, rule: 'schema', message: `${nameOf(event)} is of severity ${event.severity}, and not ${severity}.` });
    return found;
  });
}

/** A cause comes before what it causes. Whether it has to be there, a log of recorded facts alone cannot tell of transient causes. */
function checkCauses(events: readonly GleitzeitEvent[]): Violation[] {
  const found: Violation[] = [];
  const known = new Map<string, GleitzeitEvent>();
  const isWhole = events.some(({ type }) => !specOf(type).recorded);
  const recordedCause = new Set(events.filter(({ type }) => specOf(type).recorded).map(({ id }) => id));
  for (const event of events) {
    const { id, causationId, seq } = event;
    if (known.has(id)) found.push({ seq, rule: 'identity', message: `${nameOf(event)} has the id '${id}' of another event.` });
    known.set(id, event);
    if (causationId === undefined || (known.has(causationId) && causationId !== id)) continue;
    if (isWhole || recordedCause.has(causationId))
      found.push({ seq, rule: 'cause', message: `${nameOf(event)} names '${causationId}' as its cause, and nothing before it has that id.` });
  }
  return found;
}

/** Who an event says that it comes from; the executor reports attempts in the name of the worker that ran them. */
function partyOf({ source, type }: GleitzeitEvent): Party {
  const [party = ''] = source.split('/');
  // A source that is no party is none of the owners, which is all that it is asked for.
  return (type.startsWith('attempt:') && party === 'worker' ? 'executor' : party) as Party;
}
