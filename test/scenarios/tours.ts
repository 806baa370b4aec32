/**
 * Tours: scenarios that lead through everything there is to say, rather than through one thing. What each step should do is
 * told by the scenarios of its theme; here it only has to happen.
 */
import { type AlertRule, alertTypes } from '../../machines/policies/alert-rules.ts';
import { memoryJournal } from '../../src/journal/memory.ts';
import { portOf } from '../../src/runtime/port.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { farWorker } from './far-worker.ts';
import { fillable } from './fillable-journal.ts';
import { handOperated } from './hands.ts';
import type { Scene, SceneOptions } from './scene.ts';
import { schedules } from './schedule-tour.ts';
import { silence } from './silence.ts';

export type Open = (options?: SceneOptions) => Promise<Scene>;

/** A rule on every event that a rule may be on. */
const watchful: readonly AlertRule[] = [
  ...alertTypes.map((type): AlertRule => ({ name: `on ${type}`, severity: 'info', on: [type], resolveAfterMs: 1_000, summary: type })),
  { name: 'lasting pause', severity: 'info', on: ['engine:paused'], resolveOn: ['engine:resumed'], forMs: 1_000, summary: 'paused' },
];

const of = (
  ids: readonly string[],
  options: { readonly timeoutMs?: number; readonly method?: string; readonly policy?: 'fail_fast'; readonly retry?: boolean } = {},
) =>
  defineWorkflow({
    name: 'of',
    failurePolicy: options.policy ?? 'continue_on_error',
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    tasks: (task) => {
      for (const id of ids) task(id, { method: options.method ?? 'demo/work', retry: options.retry ?? 1 });
      return null;
    },
  });
const count = (n: number) => Array.from({ length: n }, (_, at) => `t${at}`);

async function answer({ settle }: Scene, hands: ReturnType<typeof handOperated>, how: 'succeed' | 'fail' = 'succeed'): Promise<void> {
  while (hands.open().length > 0) {
    hands.open()[0]?.[how]();
    await settle();
  }
}

/** Workflows and tasks in every way in which they may go and end. */
async function workflows(open: Open): Promise<void> {
  const hands = handOperated({ pool: { min: 2, max: 2 } });
  const stage = await open({ providers: [hands.provider], metrics: true, alerts: watchful, cleanup: { intervalMs: 5_000, keep: 3 } });
  const { submit, play, settle, advance, system } = stage;
  const ends = { succeed: 'completed', fail: 'failed', cancel: 'cancelled' } as const;
  for (const how of Object.keys(ends) as (keyof typeof ends)[]) {
    // Paused with its only task under way, and with a deadline that its end takes away.
    const run = await submit(of(['a'], { timeoutMs: 60_000 }));
    run.pause();
    await settle();
    if (how === 'cancel') run.cancel();
    else await answer(stage, hands, how);
    await settle();
  }
  const resumed = await submit(of(count(4)));
  resumed.pause();
  await settle();
  resumed.resume();
  await settle();
  system.setPriority(resumed.id, 't3', 'urgent');
  await settle();
  system.cancelTask(resumed.id, 't2');
  await answer(stage, hands);
  const late = await submit(of(count(3), { timeoutMs: 1_000, policy: 'fail_fast' }));
  const [call] = hands.open();
  call?.call.progress(0.5);
  await advance(1_000);
  call?.succeed();
  await settle();
  await late.result();
  const failing = await submit(of(count(4), { policy: 'fail_fast' }));
  hands.open()[0]?.fail('INVALID_PARAMS');
  await settle();
  await failing.result();
  const retrying = await submit(of(['a', 'b'], { retry: true }));
  hands.callOf('a').fail();
  hands.callOf('b').fail();
  await settle();
  system.cancelTask(retrying.id, 'a');
  await advance(2_000);
  await answer(stage, hands);
  await submit(defineWorkflow({ name: 'timed', tasks: (task) => task('a', { method: 'demo/work', timeoutMs: 500 }) }));
  await advance(500);
  const fanned = await submit(
    defineWorkflow({
      name: 'fanned',
      failurePolicy: 'continue_on_error',
      tasks: (task) => {
        const list = task('list', { run: () => [1, 2, 3] });
        const each = task('each', { method: 'demo/work', forEach: { items: list, concurrency: 1 }, params: (item) => ({ item }) });
        task('other', { run: () => 1 });
        return task('after', { run: () => 1, dependsOn: [each] });
      },
    }),
  );
  system.cancelTask(fanned.id, 'each');
  await settle();
  await fanned.result();
  await play(
    defineWorkflow({
      name: 'squares',
      tasks: (task) =>
        task('each', { forEach: task('list', { run: () => [1] }), params: (item) => ({ item }), run: ({ item }: { item: number }) => item }),
    }),
  );
  // A claim of what is cancelled in the same turn is refused.
  const full = await submit(of(count(5)));
  full.cancel();
  await settle();
  await system.pause('test');
  await system.resume();
  await advance(15_000);
  system.emit('alert:silence', { dedupeKey: 'on engine:paused/system', until: stage.clock.now() + 1_000, by: 'test' });
  await advance(5_000);
  system.emit('metrics:suspend', {});
  await settle();
  await system.metrics();
}

/** Circuits, providers, methods, and what follows from them. */
async function providers(open: Open): Promise<void> {
  const health = { ill: false };
  const hands = handOperated({
    circuit: { failureThreshold: 2, successThreshold: 2, recoveryTimeoutMs: 1_000 },
    pool: { min: 1, max: 3, scaleUpBy: 2, cooldownMs: 1_000 },
    check: () => {
      if (health.ill) throw new Error('ill');
    },
  });
  const frail = handOperated({
    protocol: 'frail/v1',
    methods: ['frail/work'],
    circuit: false,
    pool: { min: 1, max: 2 },
    check: () => {
      if (health.ill) throw new Error('ill');
    },
  });
  const stage = await open({ providers: [hands.provider, frail.provider], metrics: true, alerts: watchful, health: { intervalMs: 5_000 } });
  const { submit, settle, advance, system } = stage;
  await advance(5_000);
  await submit(of(count(8)));
  hands.open()[0]?.fail();
  await settle();
  hands.open()[0]?.succeed();
  await settle();
  for (let at = 0; at < 2; at++) {
    hands.open()[0]?.fail();
    await settle();
  }
  await answer(stage, hands, 'fail');
  await advance(1_000);
  system.cancelTask(hands.open()[0]!.workflowId, hands.open()[0]!.taskId);
  await settle();
  await answer(stage, hands);
  await advance(2_000);
  // Overloaded, and closed by hand while it rests.
  await submit(of(['a']));
  hands.callOf('a').fail('RATE_LIMIT_EXCEEDED', { retryAfterMs: 60_000 });
  await settle();
  for (const type of ['circuit:isolate', 'circuit:restore'] as const) {
    system.emit(type, { circuit: 'demo/v1', reason: 'test' });
    await settle();
  }
  health.ill = true;
  await advance(5_000);
  health.ill = false;
  await advance(5_000);
  // Ill for so long that its circuit still rests when it has recovered.
  health.ill = true;
  await advance(20_000);
  health.ill = false;
  await advance(5_000);
  // Degraded and trusted again, then unhealthy, checked, and started again.
  await submit(of(count(4), { method: 'frail/work' }));
  for (let at = 0; at < 3; at++) {
    frail.open()[0]?.fail('PROVIDER_NOT_AVAILABLE');
    await settle();
  }
  frail.open()[0]?.succeed();
  await settle();
  await advance(10_000);
  await submit(of(count(12), { method: 'frail/work' }));
  health.ill = true;
  for (let at = 0; at < 8 && frail.open().length > 0; at++) {
    frail.open()[0]?.fail('PROVIDER_NOT_AVAILABLE');
    await settle();
  }
  system.emit('health:check', { targets: ['provider/frail/v1'] });
  await advance(20_000);
  health.ill = false;
  await advance(60_000);
  await answer(stage, frail);
  system.unregister('frail/v1');
  await advance(1_000);
}

/** Pools and their workers: sizes, orders, losses. */
async function pools(open: Open): Promise<void> {
  const hands = handOperated({ methods: ['demo/work', 'demo/rest'], pool: { min: 1, max: 3, slots: 2, scaleUpBy: 2, cooldownMs: 1_000 } });
  const stage = await open({ providers: [hands.provider], metrics: true, alerts: watchful, worker: { leaseMs: 8_000 } });
  const { submit, settle, advance, system, core } = stage;
  const scale = async (type: 'pool:scale_up' | 'pool:scale_down', target: number): Promise<void> => {
    system.emit(type, { poolId: 'demo/v1', target, reason: 'test' });
    await settle();
  };
  await advance(2_000);
  await scale('pool:scale_up', 3);
  system.emit('pool:scale_requested', { poolId: 'demo/v1', direction: 'down', reason: 'test', evidence: {} });
  await advance(2_000);
  await scale('pool:scale_down', 1);
  await advance(2_000);
  await submit(of(count(2)));
  await answer(stage, hands);
  await submit(of(count(2)));
  silence(core, [...core.registry.all('worker')][0]!.key);
  await advance(40_000);
  await answer(stage, hands);
}

/** A worker that is lost with what it runs, and one that is busy when the system stops. */
async function losses(open: Open): Promise<void> {
  const hands = handOperated({ pool: { min: 1, max: 1 } });
  const stage = await open({ providers: [hands.provider], alerts: watchful, worker: { leaseMs: 60_000 } });
  await stage.submit(of(['a']));
  silence(stage.core, 'demo/v1#1');
  await stage.advance(30_000);
}

/** Workers outside the process: they join, run, report, are told that they lost what they do not run, give back, leave, and come back. */
async function remotes(open: Open): Promise<void> {
  const journal = memoryJournal();
  const hands = handOperated({ pool: { min: 1, max: 1 } });
  const stage = await open({ journal, providers: [hands.provider], alerts: watchful });
  const far = farWorker({ slots: 4 });
  far.connect(stage.system);
  await stage.settle();
  far.beat();
  await stage.submit(of(count(5)));
  const [first, second, third] = far.runs;
  if (first === undefined || second === undefined || third === undefined) throw new Error('The far worker was given too little.');
  const { workflowId, taskId, attempt, leaseId } = second;
  far.say({ type: 'attempt:progress', data: { workflowId, taskId, attempt, leaseId, fraction: 0.5 } });
  far.say({ type: 'worker:disown', data: { workerId: far.workerId, leaseIds: [leaseId], reason: 'it restarted' } });
  await stage.advance(0);
  far.succeed(first.taskId);
  far.fail(third.taskId);
  const [last] = [...far.open.values()].slice(-1);
  if (last !== undefined) {
    const ref = { workflowId: last.workflowId, taskId: last.taskId, attempt: last.attempt, leaseId: last.leaseId, workerId: far.workerId };
    far.say({ type: 'attempt:abandoned', data: { ...ref, reason: 'it leaves' } });
  }
  far.drain();
  await stage.settle();
  await stage.close();
  const next = await open({ journal, providers: [hands.provider], seed: 'second' });
  // It ran something whose end came before it.
  const claim = { ...second, protocol: 'demo/v1', circuit: null, epoch: 0, leaseUntil: 30_000, remote: true };
  const { params: _, timeoutMs: __, idempotencyKey: ___, ...lease } = claim;
  far.connect(next.system);
  far.drain();
  await next.settle();
  far.say({ type: 'worker:register', data: { workerId: 'other', poolId: 'demo/v1', slots: 1, methods: ['demo/work'], leases: [lease] } });
  await next.settle();
  await answer(next, hands);
}

/** A second run on the journal of a first one that ended in the middle. */
async function recovery(open: Open): Promise<void> {
  const journal = memoryJournal();
  const hands = handOperated({ pool: { min: 1, max: 1 } });
  const first = await open({ journal, providers: [hands.provider] });
  await first.submit(of(count(3)));
  // What would be left of it, were it killed now.
  const left = memoryJournal();
  left.append(await journal.read());
  await first.close();
  const second = await open({ journal: left, providers: [hands.provider], seed: 'second' });
  await answer(second, hands);
}

/** A stale offer: one that a worker refuses after it was withdrawn. */
async function refusals(open: Open): Promise<void> {
  const hands = handOperated({ methods: ['demo/work', 'demo/rest'], pool: { min: 1, max: 1, slots: 2 } });
  const stage = await open({ providers: [hands.provider], alerts: watchful });
  const { submit, settle, system } = stage;
  const long = await submit(of(['long']));
  // One of its tasks runs, the other one is at hand: cancelled, the first gives back a slot that the second is offered, too late.
  const pair = await submit(of(['a', 'c']));
  system.emit('worker:drain', { workerId: 'demo/v1#1', reason: 'test' });
  await settle();
  pair.cancel();
  await settle();
  const other = await submit(of(['e'], { method: 'demo/rest' }));
  other.cancel();
  await settle();
  await answer(stage, hands);
  await long.result();
}

/** Load: the queue fills and empties, admission is throttled and free again. */
async function load(open: Open): Promise<void> {
  const vitals = { memoryBytes: 0, cpu: 0, lagMs: 0 };
  const hands = handOperated({ pool: { min: 1, max: 2, cooldownMs: 1_000 } });
  const stage = await open({
    providers: [hands.provider],
    metrics: true,
    alerts: watchful,
    queue: { capacity: 20, policy: 'shed' },
    vitals: () => vitals,
  });
  const { submit, settle, advance } = stage;
  await advance(3_000);
  await submit(of(count(15)));
  await submit(of(count(3)));
  await advance(6_000);
  await submit(of(count(5)));
  await advance(3_000);
  for (let at = 0; at < 4; at++) {
    hands.open()[0]?.succeed();
    await advance(2_000);
  }
  await answer(stage, hands);
  await advance(30_000);
  vitals.lagMs = 3_000;
  await advance(10_000);
  vitals.lagMs = 1_700;
  await advance(60_000);
  vitals.lagMs = 0;
  await advance(60_000);
  vitals.lagMs = 3_000;
  await advance(10_000);
  vitals.lagMs = 0;
  await advance(120_000);
  // Depth alone, up and down again slowly enough for the tasks that leave to be what ends it.
  await submit(of(count(18)));
  await advance(6_000);
  await answer(stage, hands);
  await settle();
}

/** A queue that rejects. */
async function rejection(open: Open): Promise<void> {
  const hands = handOperated({ pool: { min: 1, max: 1 } });
  const stage = await open({ providers: [hands.provider], alerts: watchful, queue: { capacity: 2 } });
  await stage.submit(of(count(3)));
  await stage.system.submit(of(['x'])).catch(() => undefined);
  await answer(stage, hands);
}

/** What nobody expects: a dead letter, an unhandled event, an actor that keeps throwing. */
async function faults(open: Open): Promise<void> {
  const hands = handOperated();
  const stage = await open({ strict: false, providers: [hands.provider], alerts: watchful });
  const { submit, settle, system, core } = stage;
  system.emit('worker:drain', { workerId: 'nobody', reason: 'test' });
  const cleaner = core.registry.get('cleaner', '');
  cleaner!.handles = () => false;
  core.accept({ type: 'cleanup:swept', data: { scope: 'workflows', removed: 0, durationMs: 0 } }, { source: 'sweeper' });
  await settle();
  const run = await submit(of(['a']));
  const task = core.registry.get('task', `${run.id}/a`)!;
  task.send = () => {
    throw new Error('poisoned');
  };
  for (let at = 0; at < 4; at++) {
    system.cancelTask(run.id, 'a');
    await settle();
  }
  await answer(stage, hands);
}

/** A journal that does not take what it is given. */
async function lostJournal(open: Open): Promise<void> {
  const journal = memoryJournal();
  let isFull = false;
  const { append } = journal;
  journal.append = (facts) => {
    if (isFull) throw new Error('no space left');
    return append.call(journal, facts);
  };
  const stage = await open({ journal, fails: true, alerts: watchful, providers: [handOperated().provider] });
  isFull = true;
  await stage.system.submit(of(['a'])).catch(() => undefined);
}

/** A workflow that fails, and is retried. */
async function retrial(open: Open): Promise<void> {
  const hands = handOperated();
  const stage = await open({ providers: [hands.provider], alerts: watchful });
  const run = await stage.submit(of(['a', 'b'], { timeoutMs: 60_000 }));
  await answer(stage, hands, 'fail');
  await run.result();
  await stage.system.retry(run.id);
  await stage.settle();
  await answer(stage, hands);
}

/** A journal that takes nothing for a time. */
async function heldJournal(open: Open): Promise<void> {
  const { journal, fill, empty } = fillable();
  const hands = handOperated();
  const stage = await open({ journal, alerts: watchful, providers: [hands.provider] });
  await stage.submit(of(['a']));
  fill();
  await answer(stage, hands);
  await stage.advance(1_000);
  empty();
  await stage.advance(10_000);
}

/** What goes with the last one who offers it. */
async function departures(open: Open): Promise<void> {
  const hands = handOperated({ circuit: { failureThreshold: 1, recoveryTimeoutMs: 1_000 } });
  const { submit, settle, advance, system } = await open({ providers: [hands.provider], alerts: watchful });
  await submit(of(['a', 'b']));
  hands.callOf('a').fail();
  await settle();
  hands.open()[0]?.fail();
  await advance(2_000);
  system.unregister('demo/v1');
  await settle();
  const { providers } = portOf(system);
  for (const methods of [['far/a'], ['far/a', 'far/b']]) providers.registerRemote({ protocol: 'far/v1', methods });
  await settle();
  for (const method of ['far/b', 'far/a']) providers.unregisterRemote({ protocol: 'far/v1', methods: [method] });
  await advance(1_000);
  system.register(hands.provider);
  await settle();
  for (const call of hands.open()) call.succeed();
  await settle();
}

export const tours: Readonly<Record<string, (open: Open) => Promise<void>>> = {
  workflows,
  providers,
  pools,
  losses,
  refusals,
  load,
  rejection,
  recovery,
  remotes,
  faults,
  lostJournal,
  heldJournal,
  retrial,
  departures,
  schedules: (open) => schedules(open, watchful),
};
