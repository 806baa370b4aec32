/**
 * Brings back what was in flight when the last run ended: every unfinished workflow and every schedule that stands.
 *
 * Infrastructure starts fresh. Nothing is decided here, and nothing goes on before the engine has started (see `recovering.ts`).
 */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { toFailure } from '../errors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Core } from '../system/core.ts';
import type { Booted } from './boot.ts';
import { bringBack, bringBackSchedule } from './hydration.ts';
import { damagedError } from './known-workflow.ts';
import type { Subjects } from './options.ts';
import type { Recovering } from './recovering.ts';

interface Recovery extends Pick<Booted, 'damage' | 'log'> {
  readonly core: Core;
  readonly recovering: Pick<Recovering, 'add'>;
}

/** What was brought back. */
export interface Recovered {
  readonly workflows: number;
  /** Tasks that had begun and not ended. */
  readonly tasks: number;
}

/**
 * Reads every unfinished workflow, and every schedule that stands, from the journal and brings it back; costs nothing for finished ones.
 * What cannot be read or brought back is isolated, and everything else goes on.
 * @param only - These workflows and no schedules, or no workflows and the schedules.
 */
export async function recover({ core, recovering, damage, log }: Recovery, only?: Subjects): Promise<Recovered> {
  const damaged = new Map<string, unknown>();
  let workflows = 0;
  let tasks = 0;
  for await (const [workflowId, facts] of factsByWorkflow(
    core.journal,
    await unfinished(core, { only: only === 'schedules' ? [] : only, damaged }),
    damaged,
  )) {
    try {
      tasks += bringBackWhole(core, workflowId, facts);
    } catch (thrown) {
      damaged.set(workflowId, thrown);
      continue;
    }
    recovering.add(workflowId);
    workflows++;
  }
  await damage.isolate(damaged);
  if (only !== undefined && only !== 'schedules') return { workflows, tasks };
  for (const schedule of await core.journal.schedules()) {
    try {
      bringBackSchedule(core, schedule);
    } catch (err) {
      log.error({ err, scheduleId: schedule.made.data.scheduleId }, 'a schedule cannot be brought back: nothing of it starts until it is made again');
    }
  }
  return { workflows, tasks };
}

/** @throws what the machines throw, and PERSISTENCE_INTEGRITY_ERROR where there is nothing to begin with; then nothing of it is there */
function bringBackWhole(core: Core, workflowId: string, facts: readonly GleitzeitEvent[]): number {
  if (!facts.some(({ type }) => type === 'workflow:submitted')) throw damagedError(workflowId);
  return bringBack(core, facts);
}

/** Facts that are read at a time, more or less: enough that what lies together is read together, and never all there are. */
const factsAtOnce = 5_000;

/**
 * The facts of each of some workflows, read from the journal in bulk. Workflows of one definition are given the same object, so
 * that what follows from a definition is found once.
 *
 * @param damaged takes those that cannot be read, and why
 */
async function* factsByWorkflow(
  journal: Journal,
  workflowIds: readonly string[],
  damaged: Map<string, unknown>,
): AsyncGenerator<readonly [workflowId: string, facts: readonly GleitzeitEvent[]]> {
  const definitions = new Map<string, GleitzeitEvent>();
  let atOnce = 100;
  for (let from = 0; from < workflowIds.length; ) {
    const ids = workflowIds.slice(from, from + atOnce);
    const facts = await readableFacts(journal, ids, damaged);
    const byId = new Map<string, GleitzeitEvent[]>(ids.flatMap((id) => (damaged.has(id) ? [] : [[id, []]])));
    for (const fact of facts) {
      const { workflowId } = fact.correlation;
      if (workflowId !== undefined) byId.get(workflowId)?.push(shared(fact, definitions));
    }
    yield* byId;
    from += ids.length;
    atOnce = Math.max(1, Math.min(1_000, Math.floor((ids.length * factsAtOnce) / Math.max(1, facts.length))));
  }
}

/** The facts of some workflows; one that cannot be read does not keep the others from it. */
async function readableFacts(journal: Journal, ids: readonly string[], damaged: Map<string, unknown>): Promise<readonly GleitzeitEvent[]> {
  try {
    return await journal.read({ workflowIds: ids });
  } catch (thrown) {
    const [only] = ids;
    // What may go well later is no damage.
    if (only === undefined || toFailure(thrown).code !== 'PERSISTENCE_INTEGRITY_ERROR') throw thrown;
    if (ids.length === 1) {
      damaged.set(only, thrown);
      return [];
    }
    const middle = ids.length >> 1;
    return [...(await readableFacts(journal, ids.slice(0, middle), damaged)), ...(await readableFacts(journal, ids.slice(middle), damaged))];
  }
}

function shared(fact: GleitzeitEvent, submits: Map<string, GleitzeitEvent>): GleitzeitEvent {
  if (fact.type !== 'workflow:submitted') return fact;
  const { versionHash } = fact.data;
  const first = submits.get(versionHash);
  if (first?.type !== 'workflow:submitted') {
    submits.set(versionHash, fact);
    return fact;
  }
  return { ...fact, data: { ...fact.data, definition: first.data.definition } };
}

interface Which {
  /** Looked up one by one: that many others are unfinished costs nothing. */
  readonly only: readonly string[] | undefined;
  /** Takes those whose summary is damaged. */
  readonly damaged: Map<string, unknown>;
}

async function unfinished({ journal }: Core, { only, damaged }: Which): Promise<readonly string[]> {
  const heads = only === undefined ? await journal.unfinished() : await Promise.all(only.map((workflowId) => journal.find(workflowId)));
  for (const head of heads) if (only === undefined && head?.status === 'damaged') damaged.set(head.workflowId, damagedError(head.workflowId));
  return heads.flatMap((head) => (head?.status === 'running' ? [head.workflowId] : []));
}
