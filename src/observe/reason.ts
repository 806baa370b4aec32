/** What an explanation is made of. */

/** One reason why a task is not done yet. */
export interface Reason {
  /** Stable, for programs. */
  readonly kind:
    | 'start_time'
    | 'dependency'
    | 'parallel_limit'
    | 'workflow_paused'
    | 'engine_paused'
    | 'method_unavailable'
    | 'circuit_open'
    | 'circuit_probing'
    | 'behind_others'
    | 'pool_limit'
    | 'pool_cooling'
    | 'pool_starting'
    | 'pool_busy'
    | 'no_worker'
    | 'draining'
    | 'retry'
    | 'retry_decision'
    | 'running'
    | 'elements'
    | 'dispatching'
    | 'storage'
    | 'backpressure'
    | 'queue_full';
  /** For people. */
  readonly message: string;
  /** When it ends by itself, in epoch milliseconds, where that is known. */
  readonly until?: number;
  /** How long that still is, in milliseconds: `until` may be a time of the wall clock or of events, which may be apart. */
  readonly leftMs?: number;
  /** What releases the task from it. */
  readonly releasedBy: string;
}
