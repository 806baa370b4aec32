/** Why a task that is offered to a pool has no worker. */
import { type PoolContext, type PoolState, whyNotAssigned } from '../../machines/pool.ts';
import type { TaskContext } from '../../machines/task.ts';
import type { Core } from '../system/core.ts';
import type { Reason } from './reason.ts';

export function reasonsOfPool(core: Pick<Core, 'snapshot'>, { protocol, method }: TaskContext): Reason[] {
  const pool = core.snapshot('pool', protocol);
  if (pool === undefined) return [];
  const context = pool.context as PoolContext;
  const size = `${context.size} of at most ${context.max} workers`;
  switch (whyNotAssigned({ value: pool.value as PoolState, context }, method)) {
    case 'at_limit':
      return [{ kind: 'pool_limit', message: `every slot of pool '${protocol}' is taken, and it has ${size}`, releasedBy: 'an attempt ends' }];
    case 'cooling':
      return [
        {
          kind: 'pool_cooling',
          message: `every slot of pool '${protocol}' is taken, and it cools down after a change of size (${size})`,
          releasedBy: 'an attempt ends, or the cooldown',
        },
      ];
    case 'starting':
    case 'workers_starting':
      return [{ kind: 'pool_starting', message: `pool '${protocol}' is starting workers`, releasedBy: 'a worker has started' }];
    case 'circuit_open':
      return [
        { kind: 'circuit_open', message: `pool '${protocol}' is shrunk while a circuit of its provider is open`, releasedBy: 'the circuit closes' },
      ];
    case 'draining':
      return [{ kind: 'draining', message: `pool '${protocol}' is being stopped`, releasedBy: 'the next start' }];
    case 'no_remote_worker':
      return [
        {
          kind: 'no_worker',
          message: `no worker of '${protocol}' that has '${method}' is connected; start one with \`gleitzeit worker --hub URL --providers FILE\``,
          releasedBy: 'such a worker connects',
        },
      ];
    case 'remote_busy':
      return [{ kind: 'pool_busy', message: `every slot of the workers that have '${method}' is taken`, releasedBy: 'an attempt ends' }];
    case 'busy':
    case 'quarantining':
      return [
        { kind: 'pool_busy', message: `every slot of pool '${protocol}' is taken (${size})`, releasedBy: 'an attempt ends, or the pool grows' },
      ];
    default:
      return [];
  }
}
