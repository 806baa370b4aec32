/**
 * One worker of a pool: claims what it is offered while it has a free slot, and gives the slot back when the lease ends.
 *
 * It refuses to choose tasks, to run them (the executor does, once `task:started` is durable), to judge reports (the task
 * does: a slot is given back when the task has ended the attempt, so that a circuit which that opens is open before the slot
 * is taken again), and to take anything while it drains. Local and remote workers are this same chart; a remote one registers itself,
 * with what it still runs of an earlier time. Its leases are counted as they end; its state follows from its own facts.
 */
import { Map as PersistentMap } from 'immutable';
import { assertEvent, assign, emit, enqueueActions, setup } from 'xstate';

import type { DataOf, DraftOf, EventOf } from './events/catalogue.ts';
import { failure } from './failures.ts';

export interface WorkerInput {
  readonly workerId: string;
  readonly poolId: string;
  /** Attempts that it runs at the same time; an integer from 1. */
  readonly slots: number;
  /** What it can run, for one outside this process; null: it is a local one. */
  readonly methods: readonly string[] | null;
  /** How long a claim holds without a heartbeat, in milliseconds. */
  readonly leaseMs: number;
  /** The time between two heartbeats, in milliseconds. */
  readonly heartbeatMs: number;
}

export interface WorkerContext extends WorkerInput {
  /** What it runs, by lease. */
  readonly leases: PersistentMap<string, DataOf<'task:claimed'>>;
  /** When it was last heard of, in epoch milliseconds. */
  readonly heardAt: number;
  /** Why it leaves; null while it stays. */
  readonly leaving: string | null;
}

export type WorkerEvent = EventOf<
  | 'worker:assign'
  | 'worker:register'
  | 'worker:disown'
  | 'worker:drain'
  | 'worker:heartbeat'
  | 'worker:heartbeat_missed'
  | 'pool:scaled_up'
  | 'pool:scaled_down'
  | 'pool:worker_quarantined'
  | 'system:shutdown'
  | 'task:completed'
  | 'task:failed'
  | 'task:cancelled'
  | 'task:stale_report'
  | 'queue:claim_refused'
  | 'task:claimed'
  | 'worker:started'
  | 'worker:idle'
  | 'worker:busy'
  | 'worker:draining'
  | 'worker:stopped'
  | 'worker:lease_lost'
  | 'worker:failed'
>;

export type WorkerFact = DraftOf<
  | 'task:claimed'
  | 'worker:started'
  | 'worker:idle'
  | 'worker:busy'
  | 'worker:refused'
  | 'worker:draining'
  | 'worker:stopped'
  | 'worker:lease_lost'
  | 'worker:failed'
  | 'provider:error'
>;

export const workerDefaults = { leaseMs: 30_000, heartbeatMs: 5_000 } as const satisfies Partial<WorkerInput>;

/** Attempts that a worker could take now, were it not draining. */
export function freeSlotsOf({ slots, leases }: Pick<WorkerContext, 'slots' | 'leases'>): number {
  return slots - leases.size;
}

const isSilent = ({ context, event }: { readonly context: WorkerContext; readonly event: WorkerEvent }) =>
  event.time - context.heardAt > context.heartbeatMs;

const selfOf = ({ workerId, poolId }: WorkerContext) => ({ workerId, poolId });

function heldBy({ leases }: WorkerContext): DataOf<'worker:failed'>['tasks'] {
  return [...leases.values()].map(({ workflowId, taskId, leaseId }) => ({ workflowId, taskId, leaseId }));
}

function lossReported(context: WorkerContext, { silentMs }: { readonly silentMs: number }): DraftOf<'provider:error'> {
  // An attempt that was lost with its worker may be the provider's doing; one that is there stands for all.
  const [lease] = context.leases.values();
  const message = `Worker '${context.workerId}' was not heard of for ${silentMs} ms while it ran ${context.leases.size} attempts.`;
  return {
    type: 'provider:error',
    data: {
      providerId: lease?.providerId ?? '',
      protocol: lease?.protocol ?? context.poolId,
      ...(lease && { method: lease.method }),
      workerId: context.workerId,
      error: failure('CONNECTION_LOST', message),
      origin: 'worker',
    },
  };
}

export const workerMachine = setup({
  types: {
    input: {} as WorkerInput,
    context: {} as WorkerContext,
    events: {} as WorkerEvent,
    emitted: {} as WorkerFact,
  },
  guards: {
    isReplacement: ({ context, event }) => event.type === 'pool:worker_quarantined' && event.data.replacementId === context.workerId,
    isQuarantined: ({ context, event }) => event.type === 'pool:worker_quarantined' && event.data.workerId === context.workerId,
    isNamed: ({ context, event }) =>
      (event.type === 'pool:scaled_up' || event.type === 'pool:scaled_down') && event.data.workerIds.includes(context.workerId),
    isFull: ({ event }) => (event.type === 'worker:busy' || event.type === 'worker:started') && event.data.running >= event.data.slots,
    isAtWork: ({ event }) => event.type === 'worker:started' && event.data.running > 0,
    // What keeps a worker of another machine from being heard says nothing of the provider.
    isRemoteAndSilent: (seen) => seen.context.methods !== null && isSilent(seen),
    holdsLease: ({ context, event }) => 'leaseId' in event.data && event.data.leaseId !== undefined && context.leases.has(event.data.leaseId),
    isSilent,
  },
  actions: {
    stateStarted: emit(({ context }) => {
      const { slots, heartbeatMs, methods, leases } = context;
      const terms = { slots, heartbeatMs, remote: methods !== null, methods: [...(methods ?? [])] };
      return { type: 'worker:started', data: { ...selfOf(context), ...terms, running: leases.size, leases: heldBy(context) } };
    }),
    stateClaimed: emit(({ context, event }) => {
      assertEvent(event, 'worker:assign');
      const lease = { leaseId: event.id, leaseUntil: event.time + context.leaseMs, remote: context.methods !== null };
      return { type: 'task:claimed', data: { ...event.data, ...lease } };
    }),
    stateBusy: emit(({ context }) => ({
      type: 'worker:busy',
      data: { ...selfOf(context), running: context.leases.size + 1, slots: context.slots, change: 'claimed' },
    })),
    stateRefused: emit(({ context, event }) => {
      assertEvent(event, 'worker:assign');
      return { type: 'worker:refused', data: { ...event.data, poolId: context.poolId } };
    }),
    // One that leaves is never idle: it would be given another task in the moment in which it goes.
    stateReleased: emit(({ context }) => {
      const { leases, leaving: reason, slots } = context;
      if (leases.isEmpty() && reason !== null) return { type: 'worker:stopped', data: { ...selfOf(context), reason } };
      const type = leases.isEmpty() ? 'worker:idle' : 'worker:busy';
      return { type, data: { ...selfOf(context), running: leases.size, slots, change: 'released' } };
    }),
    stateDraining: emit(({ context, event }) => ({
      type: 'worker:draining',
      data: { ...selfOf(context), running: context.leases.size, reason: 'reason' in event.data ? event.data.reason : '' },
    })),
    stateStopped: emit(({ context, event }) => ({
      type: 'worker:stopped',
      data: { ...selfOf(context), reason: 'reason' in event.data ? event.data.reason : '' },
    })),
    stateFailed: emit(({ context }) => ({
      type: 'worker:failed',
      data: {
        ...selfOf(context),
        reason: 'heartbeat missed',
        tasks: heldBy(context),
      },
    })),
    stateLost: enqueueActions(({ context, event, enqueue }) => {
      assertEvent(event, 'worker:disown');
      for (const leaseId of event.data.leaseIds) {
        const lease = context.leases.get(leaseId);
        if (lease === undefined) continue;
        const { workflowId, taskId, attempt } = lease;
        enqueue.emit({ type: 'worker:lease_lost', data: { ...selfOf(context), workflowId, taskId, attempt, leaseId, reason: event.data.reason } });
      }
    }),
    stateProviderError: emit(({ context, event }) => lossReported(context, { silentMs: event.time - context.heardAt })),
    adoptLeases: assign(({ event }) => {
      assertEvent(event, 'worker:register');
      return { leases: PersistentMap(event.data.leases.map((lease) => [lease.leaseId, lease])) };
    }),
    addLease: assign(({ context, event }) => {
      assertEvent(event, 'task:claimed');
      return { leases: context.leases.set(event.data.leaseId, event.data) };
    }),
    endLease: assign(({ context, event }) => ({
      leases: 'leaseId' in event.data && event.data.leaseId !== undefined ? context.leases.delete(event.data.leaseId) : context.leases,
    })),
    noteLife: assign({ heardAt: ({ event }) => event.time }),
    noteLeaving: assign(({ event }) => {
      assertEvent(event, 'worker:draining');
      return { leaving: event.data.reason };
    }),
  },
}).createMachine({
  id: 'worker',
  description: 'One worker of a pool, with so many slots to run attempts in.',
  context: ({ input }) => ({ ...input, leases: PersistentMap(), heardAt: 0, leaving: null }),
  initial: 'starting',
  on: {
    'worker:assign': { actions: 'stateRefused' },
    'worker:heartbeat': { actions: 'noteLife' },
    'task:claimed': { actions: 'addLease' },
    'task:completed': [{ guard: 'holdsLease', actions: ['endLease', 'stateReleased'] }, {}],
    'task:failed': [{ guard: 'holdsLease', actions: ['endLease', 'stateReleased'] }, {}],
    'task:stale_report': [{ guard: 'holdsLease', actions: ['endLease', 'stateReleased'] }, {}],
    'task:cancelled': [{ guard: 'holdsLease', actions: ['endLease', 'stateReleased'] }, {}],
    'queue:claim_refused': [{ guard: 'holdsLease', actions: ['endLease', 'stateReleased'] }, {}],
    // Its own word: the task may not know of the lease any more, and then nobody else would take it away.
    'worker:lease_lost': [{ guard: 'holdsLease', actions: ['endLease', 'stateReleased'] }, {}],
    'worker:disown': { actions: 'stateLost' },
    'worker:register': {},
    'worker:stopped': { target: '.stopped' },
    'worker:failed': { target: '.failed' },
    'worker:started': {},
    'worker:idle': {},
    'worker:busy': {},
    'worker:draining': {},
    'worker:drain': {},
    'worker:heartbeat_missed': {},
    'pool:scaled_up': {},
    'pool:scaled_down': {},
    'pool:worker_quarantined': {},
    'system:shutdown': {},
  },
  states: {
    starting: {
      description: 'Made by its pool, or registered, and not yet at work.',
      on: {
        'pool:scaled_up': { guard: 'isNamed', actions: 'stateStarted' },
        'pool:worker_quarantined': { guard: 'isReplacement', actions: 'stateStarted' },
        'worker:register': { actions: ['adoptLeases', 'stateStarted'] },
        'worker:started': [
          { guard: 'isFull', target: 'full', actions: 'noteLife' },
          { guard: 'isAtWork', target: 'busy', actions: 'noteLife' },
          { target: 'idle', actions: 'noteLife' },
        ],
        'system:shutdown': { actions: 'stateStopped' },
      },
    },
    idle: {
      description: 'Every slot is free.',
      on: {
        'worker:assign': { actions: ['stateClaimed', 'stateBusy'] },
        'worker:busy': [{ guard: 'isFull', target: 'full' }, { target: 'busy' }],
        'pool:scaled_down': { guard: 'isNamed', actions: 'stateStopped' },
        'pool:worker_quarantined': { guard: 'isQuarantined', actions: 'stateStopped' },
        'worker:drain': { actions: 'stateStopped' },
        'system:shutdown': { actions: 'stateStopped' },
        'worker:heartbeat_missed': { guard: 'isSilent', actions: 'stateFailed' },
      },
    },
    busy: {
      description: 'Some slots are used, some are free.',
      on: {
        'worker:assign': { actions: ['stateClaimed', 'stateBusy'] },
        'worker:busy': [{ guard: 'isFull', target: 'full' }, {}],
        'worker:idle': { target: 'idle' },
        'pool:scaled_down': { guard: 'isNamed', actions: 'stateDraining' },
        'pool:worker_quarantined': { guard: 'isQuarantined', actions: 'stateDraining' },
        'worker:drain': { actions: 'stateDraining' },
        'system:shutdown': { actions: 'stateDraining' },
        'worker:draining': { target: 'draining', actions: 'noteLeaving' },
        'worker:heartbeat_missed': [
          { guard: 'isRemoteAndSilent', actions: 'stateFailed' },
          { guard: 'isSilent', actions: ['stateFailed', 'stateProviderError'] },
        ],
      },
    },
    full: {
      description: 'Every slot is used.',
      on: {
        'worker:busy': [{ guard: 'isFull' }, { target: 'busy' }],
        'worker:idle': { target: 'idle' },
        'pool:scaled_down': { guard: 'isNamed', actions: 'stateDraining' },
        'pool:worker_quarantined': { guard: 'isQuarantined', actions: 'stateDraining' },
        'worker:drain': { actions: 'stateDraining' },
        'system:shutdown': { actions: 'stateDraining' },
        'worker:draining': { target: 'draining', actions: 'noteLeaving' },
        'worker:heartbeat_missed': [
          { guard: 'isRemoteAndSilent', actions: 'stateFailed' },
          { guard: 'isSilent', actions: ['stateFailed', 'stateProviderError'] },
        ],
      },
    },
    draining: {
      description: 'It takes nothing more; it leaves when what it runs is over.',
      on: {
        'worker:heartbeat_missed': [
          { guard: 'isRemoteAndSilent', actions: 'stateFailed' },
          { guard: 'isSilent', actions: ['stateFailed', 'stateProviderError'] },
        ],
      },
    },
    stopped: { description: 'It left in order.', type: 'final' },
    failed: { description: 'It was lost, and with it what it ran.', type: 'final' },
  },
});
