/** Carries out on a running system what was asked of it from outside; each resolves when what came of it is durable. */
import { errorOf } from '../errors.ts';
import type { WorkflowHead } from '../journal/journal.ts';
import type { Explanation } from '../observe/explain.ts';
import { wallAheadMs } from '../runtime/clock-watch.ts';
import { portOf } from '../runtime/port.ts';
import type { ScheduleOptions, ScheduleStatus } from '../runtime/schedules.ts';
import type { GleitzeitSystem } from '../runtime/system.ts';
import type { StorageFault } from '../system/storage-hold.ts';
import { restoreWorkflow } from '../workflow/restore.ts';
import type { CommandData, CommandName, ControlRequest } from './protocol.ts';

/** Where a workflow stands after a command. */
export interface Standing {
  readonly workflowId: string;
  /** The state's name as in the chart of the workflow. */
  readonly status: string;
  /** Of a submit: how the run stood before, where it was there already. */
  readonly known?: WorkflowHead['status'];
}

/** What each command answers with. */
export interface Answers {
  readonly hello: {
    readonly pid: number;
    readonly phase: string;
    /** What the journal said, while it takes no facts; null as long as it takes them. */
    readonly storage: StorageFault | null;
    /** By how much the wall clock is ahead of the time of events, in milliseconds; null while it does not run. */
    readonly wallAheadMs: number | null;
  };
  readonly submit: Standing;
  readonly explain: Explanation;
  readonly cancel: Standing;
  readonly pause: Standing;
  readonly resume: Standing;
  readonly retry: Standing;
  readonly schedule: ScheduleStatus;
  readonly sweep: { readonly removed: number };
  readonly unschedule: { readonly scheduleId: string };
}

type Acts = { readonly [Name in CommandName]: (system: GleitzeitSystem, data: CommandData<Name>) => Promise<Answers[Name]> };

const acts: Acts = {
  hello: (system) => {
    const { phase } = system;
    const isRunning = phase === 'running';
    const storage = (isRunning ? system.storageFault() : undefined) ?? null;
    return Promise.resolve({ pid: process.pid, phase, storage, wallAheadMs: isRunning ? wallAheadMs(portOf(system).core.clock) : null });
  },
  async submit(system, { workflow, id, input, ifKnown, startAt }) {
    const { id: workflowId, known } = await system.submit(restoreWorkflow(workflow), {
      id,
      ...(input !== undefined && { input }),
      ...(ifKnown !== undefined && { ifKnown }),
      ...(startAt !== undefined && { startAt }),
    });
    return { ...(await standing(system, workflowId)), ...(known !== undefined && { known }) };
  },
  explain: (system, { workflowId, taskId }) => system.explain(workflowId, taskId),
  async cancel(system, { workflowId, reason }) {
    await system.cancel(workflowId, reason);
    return standing(system, workflowId);
  },
  async pause(system, { workflowId, reason }) {
    await (await unended(system, workflowId)).pause(reason);
    return standing(system, workflowId);
  },
  async resume(system, { workflowId, reason }) {
    await (await unended(system, workflowId)).resume(reason);
    return standing(system, workflowId);
  },
  async retry(system, { workflowId, reason }) {
    await system.retry(workflowId, reason);
    return standing(system, workflowId);
  },
  // Whatever the options are, they are checked there.
  schedule: (system, { workflow, options }) => system.schedule(restoreWorkflow(workflow), options as unknown as ScheduleOptions),
  sweep: async (system, { workflowIds }) => ({ removed: await system.sweep(workflowIds) }),
  async unschedule(system, { scheduleId, reason }) {
    await system.unschedule(scheduleId, reason);
    return { scheduleId };
  },
};

/** @throws GleitzeitError whatever the command is refused with */
export function carryOut(system: GleitzeitSystem, { command, data }: ControlRequest): Promise<unknown> {
  // Command and data were read together, by the schema of the command.
  const act = acts[command] as (system: GleitzeitSystem, data: ControlRequest['data']) => Promise<unknown>;
  return act(system, data);
}

async function standing(system: GleitzeitSystem, workflowId: string): Promise<Standing> {
  const { status } = await system.status(workflowId);
  return { workflowId, status };
}

const ends: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled', 'timedOut']);

/** @throws GleitzeitError WORKFLOW_NOT_FOUND, WORKFLOW_INVALID_STATE */
async function unended(system: GleitzeitSystem, workflowId: string) {
  const run = await system.run(workflowId);
  const { status } = await run.status();
  if (ends.has(status)) throw errorOf('WORKFLOW_INVALID_STATE', `Workflow '${workflowId}' has ended: it is ${status}.`);
  return run;
}
