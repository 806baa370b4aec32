/** How workers are addressed, and what brings them into being: their pool, or they themselves. */
import { workerMachine } from '../../machines/worker.ts';
import { dataOf, elapsedFor, fieldsOf, one, type Wiring } from './addressing.ts';

export const worker: Wiring = {
  machine: workerMachine,
  recipients: (event) => {
    switch (event.type) {
      case 'pool:scaled_up':
      case 'pool:scaled_down':
        return event.data.workerIds;
      case 'pool:worker_quarantined':
        return [event.data.workerId, event.data.replacementId];
      case 'system:shutdown':
        return 'all';
      case 'schedule:elapsed':
        return elapsedFor('worker', event);
      default:
        return one(fieldsOf(event)['workerId']);
    }
  },
  births: {
    'pool:scaled_up': (event, config) => {
      const { poolId, workerIds, slots } = dataOf(event, 'pool:scaled_up');
      return workerIds.map((workerId) => ({ key: workerId, input: { workerId, poolId, slots, methods: null, ...config.worker } }));
    },
    'pool:worker_quarantined': (event, config) => {
      const { poolId, replacementId, slots } = dataOf(event, 'pool:worker_quarantined');
      return [{ key: replacementId, input: { workerId: replacementId, poolId, slots, methods: null, ...config.worker } }];
    },
    'worker:register': (event, config) => {
      const { workerId, poolId, slots, methods } = dataOf(event, 'worker:register');
      return [{ key: workerId, input: { workerId, poolId, slots, methods, ...config.worker } }];
    },
  },
  // A worker may be gone before the last of its attempts is settled; the task judges those reports. Its host may give a sign of
  // life for it, or word of what it does not run, in the moment in which it leaves.
  absentIsFine: [
    'worker:heartbeat',
    'worker:disown',
    'task:completed',
    'task:failed',
    'task:stale_report',
    'task:cancelled',
    'queue:claim_refused',
    'pool:worker_quarantined',
    'pool:scaled_down',
  ],
};
