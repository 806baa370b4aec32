/** Events of worker pools. */
import * as z from 'zod';

import { command, transient } from './define.ts';
import { claimSchema, epochMs, leaseRef, reason, taskRef } from './payloads.ts';

/** A pool's id is the protocol that it serves. */
const poolId = z.string();
const size = z.int().min(0);
const scaling = { poolId, from: size, to: size, reason };

export const poolEvents = {
  'pool:scale_requested': command({
    from: ['backpressure', 'api'],
    to: ['pool'],
    about: 'Asks a pool to grow or to shrink as far as its own arithmetic, limits and cooldown allow.',
    severity: 'info',
    data: z.strictObject({ poolId, direction: z.enum(['up', 'down']), target: size.optional(), reason, evidence: z.record(z.string(), z.number()) }),
  }),
  'pool:scale_up': command({
    from: ['health', 'api'],
    to: ['pool'],
    about: 'Asks a pool to have at least `target` workers, whatever its load.',
    severity: 'info',
    data: z.strictObject({ poolId, target: size, reason }),
  }),
  'pool:scale_down': command({
    from: ['health', 'api'],
    to: ['pool'],
    about: 'Asks a pool to have at most `target` workers, whatever its load.',
    severity: 'info',
    data: z.strictObject({ poolId, target: size, reason }),
  }),
  'pool:scaled': transient({
    from: 'pool',
    to: ['metrics', 'backpressure'],
    about: 'A pool has another size; with it goes `pool:scaled_up` or `pool:scaled_down`.',
    severity: 'info',
    data: z.strictObject(scaling),
  }),
  'pool:scaled_up': transient({
    from: 'pool',
    to: ['worker', 'metrics'],
    about: 'Workers join a pool.',
    severity: 'info',
    data: z.strictObject({ ...scaling, workerIds: z.array(z.string()), slots: z.int().min(1) }),
  }),
  'pool:scaled_down': transient({
    from: 'pool',
    to: ['worker', 'metrics'],
    about: 'Workers leave a pool as soon as they are free.',
    severity: 'info',
    data: z.strictObject({ ...scaling, workerIds: z.array(z.string()) }),
  }),
  'pool:scale_rejected': transient({
    from: 'pool',
    to: ['metrics'],
    about: 'A pool refused to change its size.',
    severity: 'info',
    data: z.strictObject({
      poolId,
      direction: z.enum(['up', 'down']),
      reason: z.enum(['limit', 'cooldown', 'draining', 'circuit_open', 'unneeded']),
      size,
    }),
  }),
  'pool:cooled': transient({
    from: 'pool',
    to: ['observers'],
    about: 'The cooldown after a change of size is over.',
    data: z.strictObject({ poolId }),
  }),
  'pool:worker_quarantined': transient({
    from: 'pool',
    to: ['worker', 'alerts'],
    about: 'A worker that showed an error of its provider takes nothing more and is replaced.',
    severity: 'warning',
    data: z.strictObject({ poolId, workerId: z.string(), replacementId: z.string(), until: epochMs, reason, slots: z.int().min(1) }),
  }),
  'pool:stopped': transient({
    from: 'pool',
    to: ['metrics', 'retry', 'backpressure'],
    about: 'The last worker of a pool has gone.',
    data: z.strictObject({ poolId }),
  }),
  'pool:metrics': transient({
    from: 'pool',
    to: ['backpressure', 'metrics'],
    about: 'How a pool is used.',
    data: z.strictObject({
      poolId,
      workers: size,
      busy: size,
      idle: size,
      /** Used slots of all slots, 0..1. */
      utilization: z.number().min(0).max(1),
      /** Methods with a task at hand and no free slot for it. */
      waiting: size,
      completed: size,
      failed: size,
    }),
  }),
} as const;

const workerId = z.string();
/** What a worker runs, as far as others need to know it. */
const held = z.strictObject({ ...taskRef, leaseId: z.string() });
const load = { workerId, poolId, running: z.int().min(0), slots: z.int().min(1) };
/** Whether a slot was taken or freed. */
const change = z.enum(['claimed', 'released']);

export const workerEvents = {
  'worker:assign': command({
    from: 'pool',
    to: ['worker'],
    about: 'Offers a task to a worker with a free slot.',
    data: z.strictObject({
      ...taskRef,
      workerId,
      method: z.string(),
      protocol: z.string(),
      attempt: z.int().min(1),
      providerId: leaseRef.providerId,
      circuit: leaseRef.circuit,
      epoch: leaseRef.epoch,
    }),
  }),
  'worker:refused': transient({
    from: 'worker',
    to: ['pool'],
    about: 'A worker that was offered a task takes none; the offer stands again.',
    data: z.strictObject({
      ...taskRef,
      workerId,
      poolId,
      method: z.string(),
      protocol: z.string(),
      attempt: z.int().min(1),
      providerId: leaseRef.providerId,
      circuit: leaseRef.circuit,
      epoch: leaseRef.epoch,
    }),
  }),
  'worker:started': transient({
    from: 'worker',
    to: ['pool', 'scheduler', 'executor'],
    about: 'A worker takes tasks from here on.',
    severity: 'info',
    data: z.strictObject({
      workerId,
      poolId,
      slots: z.int().min(1),
      heartbeatMs: z.number().positive(),
      /** Whether it runs outside this process. */
      remote: z.boolean(),
      /** What a remote worker can run; of a local one the providers of its system decide. */
      methods: z.array(z.string()),
      /** Attempts that it runs already: those of a worker that the hub knew before it was restarted. */
      running: z.int().min(0),
      leases: z.array(held),
    }),
  }),
  'worker:draining': transient({
    from: 'worker',
    to: ['observers'],
    about: 'A worker takes nothing more, and leaves when what it runs is over.',
    severity: 'info',
    data: z.strictObject({ workerId, poolId, running: z.int().min(1), reason }),
  }),
  'worker:stopped': transient({
    from: 'worker',
    to: ['pool', 'scheduler', 'executor'],
    about: 'A worker has left.',
    severity: 'info',
    data: z.strictObject({ workerId, poolId, reason }),
  }),
  'worker:idle': transient({
    from: 'worker',
    to: ['pool', 'backpressure'],
    about: 'A worker runs nothing.',
    data: z.strictObject({ ...load, change }),
  }),
  'worker:busy': transient({
    from: 'worker',
    to: ['pool', 'backpressure'],
    about: 'A worker runs something; it may have free slots still.',
    data: z.strictObject({ ...load, change }),
  }),
  'worker:failed': transient({
    from: 'worker',
    to: ['pool', 'task', 'health', 'scheduler', 'alerts', 'executor'],
    about: 'A worker is lost, and with it the attempts that it ran.',
    severity: 'error',
    data: z.strictObject({ workerId, poolId, reason, tasks: z.array(held) }),
  }),
  'worker:heartbeat': transient({
    from: ['worker', 'hub'],
    to: ['worker', 'backpressure', 'health', 'scheduler'],
    about: 'A worker is alive, and with it the leases that it holds.',
    data: z.strictObject({
      ...load,
      leaseUntil: epochMs,
      memoryBytes: z.number().min(0),
      /** Share of one core, 0..1 and above with several. */
      cpu: z.number().min(0),
      /** How late the worker's event loop runs, in milliseconds. */
      lagMs: z.number().min(0),
    }),
  }),
  'worker:heartbeat_missed': transient({
    from: 'scheduler',
    to: ['worker'],
    about: 'Nothing was heard of a worker for the length of a lease.',
    severity: 'warning',
    data: z.strictObject({ workerId, poolId }),
  }),
  'worker:lease_lost': transient({
    from: 'worker',
    to: ['task'],
    about: 'A remote worker does not run what it was thought to run.',
    severity: 'warning',
    data: z.strictObject({ ...taskRef, workerId, poolId, attempt: z.int().min(1), leaseId: leaseRef.leaseId, reason }),
  }),
  'worker:register': command({
    from: 'hub',
    to: ['worker', 'executor'],
    about: 'A worker outside this process wants to take part; it says what it can run, and what it still runs.',
    data: z.strictObject({ workerId, poolId, slots: z.int().min(1), methods: z.array(z.string()), leases: z.array(claimSchema) }),
  }),
  'worker:disown': command({
    from: ['hub', 'executor'],
    to: ['worker'],
    about: 'Says of leases that a remote worker holds that it does not run them.',
    data: z.strictObject({ workerId, leaseIds: z.array(leaseRef.leaseId), reason }),
  }),
  'worker:drain': command({
    from: ['api', 'hub'],
    to: ['worker'],
    about: 'Asks a worker to finish what it runs and to leave.',
    data: z.strictObject({ workerId, reason }),
  }),
} as const;
