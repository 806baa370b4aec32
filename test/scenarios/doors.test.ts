/**
 * Every door of a system, asked while a commit is under way: nothing is told that a crash at that moment would undo, and what is
 * told once it is over holds what was stated before the question. While the journal takes nothing, answers come at once, are what is
 * recorded, and say so.
 *
 * The doors are those that the system, the hub, its HTTP and its control socket say they have: one without a case here fails.
 */
import { filter, firstValueFrom } from 'rxjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { carryOut } from '../../src/control/commands.ts';
import { type CommandName, type ControlRequest, commandShapes } from '../../src/control/protocol.ts';
import { type RequestName, requests } from '../../src/hub/protocol/requests.ts';
import { type WorkerMessageName, workerMessages } from '../../src/hub/protocol/workers.ts';
import { createRequestHandlers } from '../../src/hub/server/requests.ts';
import { WorkerDesk } from '../../src/hub/workers/worker-desk.ts';
import { Feed } from '../../src/observe/inspector/feed.ts';
import { Questions } from '../../src/runtime/questions.ts';
import { GleitzeitSystem } from '../../src/runtime/system.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { recordOf } from '../../src/workflow/restore.ts';
import { json, placeOf } from '../src/hub/http/place.ts';
import { type RemoteProcess, remoteProcess } from '../src/hub/workers/remote-process.ts';
import { fillable } from './fillable-journal.ts';
import { handOperated } from './hands.ts';
import { pendingJournal } from './pending-journal.ts';
import { openScene, type Scene, type SceneOptions } from './scene.ts';

const running = defineWorkflow({
  name: 'running',
  tasks: (task) => {
    task('a', { method: 'demo/work' });
    task('b', { method: 'demo/work', dependsOn: ['a'] });
    task('c', { method: 'far/work' });
    return null;
  },
});
const other = defineWorkflow({ name: 'other', tasks: (task) => task('x', { method: 'demo/work' }) });
const definition = { name: 'more', tasks: [{ id: 'x', method: 'demo/work' }] };
const about = { workflowId: 'w' };
/** What nobody may be told before it is durable: a text that stands nowhere else. */
const told = 'result-of-a-7';

interface World {
  readonly stage: Scene;
  readonly system: GleitzeitSystem;
  readonly hands: ReturnType<typeof handOperated>;
  readonly far: RemoteProcess;
}

let open: World | undefined;
// The library of its figures is loaded when they are asked for first.
beforeAll(async () => void (await import('prom-client')));
afterEach(async () => {
  // While the journal takes nothing it waits until its deadline, which is on the simulated clock.
  await open?.stage.until(open.system.stop({ deadlineMs: 0 }));
  open = undefined;
});

/** Workflow `w`, whose task `a` runs here and `c` at a remote worker, and schedule `s`. */
async function worldOn(options: SceneOptions): Promise<World> {
  const hands = handOperated();
  const stage = await openScene({ providers: [hands.provider], ...options });
  const far = remoteProcess(new WorkerDesk(stage.system), stage.settle, { protocol: 'far/v1', methods: ['far/work'] });
  await far.register();
  await stage.submit(running, { id: 'w' });
  await stage.until(stage.system.schedule(other, { id: 's', everyMs: 3_600_000 }));
  await stage.system.metrics();
  open = { stage, system: stage.system, hands, far };
  return open;
}

type Ask = (world: World) => unknown;
/** Answered when the commit is over, or at once with what does not depend on it; and what the answer then shows. */
type Case = readonly ['later' | 'at once', Ask, RegExp?];
type Cases<Name extends string> = Readonly<Record<Name, Case>>;

const hub =
  (name: RequestName, data: object = {}): Ask =>
  ({ system }) =>
    createRequestHandlers(system)(name, data, { id: 'test', name: 'test', roles: new Set(['client']) });
/** What is recorded says no. */
const refusal =
  (ask: Ask): Ask =>
  (world) =>
    (ask(world) as Promise<unknown>).then(
      () => 'it was answered',
      ({ code }: { readonly code: string }) => code,
    );
const ofHub: Cases<RequestName> = {
  'hub:info': ['at once', hub('hub:info')],
  'workflow:submit': ['later', hub('workflow:submit', { definition, id: 'new' })],
  'workflow:status': ['later', hub('workflow:status', about), /"a":\{"status":"completed"/],
  'workflow:result': ['later', hub('workflow:result', about), /"a":\{"status":"completed"/],
  'workflow:trace': ['later', hub('workflow:trace', about), /"task:completed"/],
  'workflow:explain': ['later', hub('workflow:explain', about), /^(?!.*waits for 'a')/],
  'workflow:list': ['later', hub('workflow:list')],
  'workflow:cancel': ['later', hub('workflow:cancel', about)],
  'workflow:pause': ['later', hub('workflow:pause', about)],
  'workflow:resume': ['later', hub('workflow:resume', about)],
  'workflow:retry': ['at once', refusal(hub('workflow:retry', about)), /WORKFLOW_INVALID_STATE/],
  // It has ended, which is what the canceller is told by nothing being done.
  'task:cancel': ['later', hub('task:cancel', { ...about, taskId: 'a' })],
  'task:set_priority': ['later', hub('task:set_priority', { ...about, taskId: 'a', priority: 'high' })],
  'engine:pause': ['later', hub('engine:pause')],
  'engine:resume': ['later', hub('engine:resume')],
  'schedule:list': ['later', hub('schedule:list')],
  'schedule:add': ['later', hub('schedule:add', { definition, id: 'more', everyMs: 60_000 })],
  'schedule:remove': ['later', hub('schedule:remove', { scheduleId: 's' })],
};

const worker =
  (name: WorkerMessageName, more: object = {}): Ask =>
  ({ far }) =>
    far.say(name, { workerId: 'far', ...(name.startsWith('attempt:') && far.about('c')), ...more } as never);
const error = { code: 'TASK_EXECUTION_FAILED', message: 'no', retryable: false };
const ofWorkers: Cases<WorkerMessageName> = {
  'worker:register': ['later', ({ far }) => far.register({ leases: [far.about('c')] })],
  // What it runs, and has lost, is known from what is durable.
  'worker:heartbeat': ['at once', (world) => worker('worker:heartbeat', { leases: [world.far.about('c').leaseId] })(world), /"lost":\[\]/],
  'worker:drain': ['later', worker('worker:drain')],
  'attempt:succeeded': ['later', worker('attempt:succeeded', { result: 1 })],
  'attempt:failed': ['later', worker('attempt:failed', { error })],
  'attempt:progress': ['at once', worker('attempt:progress', { fraction: 0.5 })],
};

const control =
  <Name extends CommandName>(command: Name, data: object): Ask =>
  ({ system }) =>
    carryOut(system, { command, data } as ControlRequest);
const ofControl: Cases<CommandName> = {
  hello: ['at once', control('hello', {})],
  submit: ['later', control('submit', { workflow: recordOf(other), id: 'new' })],
  explain: ['later', control('explain', about)],
  cancel: ['later', control('cancel', about)],
  pause: ['later', control('pause', about)],
  resume: ['later', control('resume', about)],
  retry: ['at once', refusal(control('retry', about)), /WORKFLOW_INVALID_STATE/],
  schedule: ['later', control('schedule', { workflow: recordOf(other), options: { id: 'more', everyMs: 60_000 } })],
  unschedule: ['later', control('unschedule', { scheduleId: 's' })],
  sweep: ['at once', refusal(control('sweep', { workflowIds: ['w'] })), /WORKFLOW_INVALID_STATE/],
};

const http =
  (path: string, body?: object): Ask =>
  async ({ system }) => {
    const { app } = await placeOf({ system, start: false });
    return (await app.request(path, body && json(body))).text();
  };
const ofHttp: Readonly<Record<string, Case>> = {
  'GET /healthz': ['at once', http('/healthz'), /"ok":true/],
  'GET /readyz': ['at once', http('/readyz'), /"ok":true/],
  'GET /metrics': ['later', http('/metrics'), /gleitzeit_tasks_completed_total\S* 1/],
  'GET /api/workflows': ['later', http('/api/workflows')],
  'POST /api/workflows': ['later', http('/api/workflows', { definition, id: 'new' })],
  'GET /api/workflows/:id': ['later', http('/api/workflows/w'), /"a":\{"status":"completed"/],
  'GET /api/workflows/:id/trace': ['later', http('/api/workflows/w/trace'), /"task:completed"/],
  'GET /api/workflows/:id/explain': ['later', http('/api/workflows/w/explain')],
  'POST /api/workflows/:id/cancel': ['later', http('/api/workflows/w/cancel', {})],
  'POST /api/workflows/:id/pause': ['later', http('/api/workflows/w/pause', {})],
  'POST /api/workflows/:id/resume': ['later', http('/api/workflows/w/resume', {})],
  'POST /api/workflows/:id/retry': ['at once', http('/api/workflows/w/retry', {}), /WORKFLOW_INVALID_STATE/],
};

const isEnd = filter(({ type, data }: { readonly type: string; readonly data: unknown }) => type === 'task:completed' && JSON.stringify(data) !== '');
const ofLibrary: Readonly<Record<string, Case>> = {
  submit: ['later', ({ system }) => system.submit(other, { id: 'new' }).then(({ id }) => id)],
  run: ['later', ({ system }) => system.run('w').then(({ id }) => id)],
  schedule: ['later', ({ system }) => system.schedule(other, { id: 'more', everyMs: 60_000 })],
  unschedule: ['later', ({ system }) => system.unschedule('s')],
  pause: ['later', ({ system }) => system.pause()],
  resume: ['later', ({ system }) => system.resume()],
  cancel: ['later', ({ system }) => system.cancel('w')],
  cancelTask: ['later', ({ system }) => system.cancelTask('w', 'a')],
  setPriority: ['later', ({ system }) => system.setPriority('w', 'a', 'high')],
  retry: ['at once', refusal(({ system }) => system.retry('w')), /WORKFLOW_INVALID_STATE/],
  events$: ['later', ({ system }) => firstValueFrom(system.events$.pipe(isEnd)), new RegExp(told)],
  select: ['later', ({ system }) => firstValueFrom(system.select({ correlationId: 'w' }).pipe(isEnd)), new RegExp(told)],
  on: ['later', ({ system }) => new Promise((resolve) => system.on('task:completed', resolve)), new RegExp(told)],
  list: ['later', ({ system }) => system.list()],
  schedules: ['later', ({ system }) => system.schedules()],
  // What the journal itself says.
  sweep: ['at once', refusal(({ system }) => system.sweep(['w'])), /WORKFLOW_INVALID_STATE/],
  damaged: ['at once', ({ system }) => system.damaged()],
  storageFault: ['at once', ({ system }) => system.storageFault()],
  status: ['later', ({ system }) => system.status('w'), /"a":\{"status":"completed"/],
  at: ['at once', ({ system }) => system.at(1_000_000).workflow('w')],
  result: ['later', ({ system }) => system.result('w'), new RegExp(told)],
  trace: ['later', ({ system }) => system.trace('w').then(({ events }) => events), new RegExp(told)],
  explain: ['later', ({ system }) => system.explain('w', 'b')],
  metrics: ['later', ({ system }) => system.metrics(), /gleitzeit_tasks_completed_total\S* 1/],
  snapshot: ['later', async ({ system }) => (await system.snapshot('task', 'w/b'))?.value],
  actors: ['later', ({ system }) => system.actors()],
};
/** What is asked of nobody: how it begins and ends, what it is given, and what it is made of. */
const noDoors = new Set('constructor phase start bootUp begin stop shutDown emit register unregister inspect handle command live fail'.split(' '));

/** The inspector's feed tells a receiver by itself. */
const ofInspector: Readonly<Record<string, Case>> = {
  feed: [
    'later',
    ({ stage }) =>
      new Promise((resolve) => {
        const sent: string[] = [];
        const send = (text: string, done: () => void): void => {
          sent.push(text);
          if (text.includes(told)) resolve(sent.at(-1));
          done();
        };
        const outlet = { bufferedAmount: 0, send, close: () => undefined, terminate: () => undefined };
        new Feed(stage.core, 100_000).join(outlet);
      }),
    new RegExp(told),
  ],
};

const doors = { hub: ofHub, workers: ofWorkers, 'control socket': ofControl, HTTP: ofHttp, library: ofLibrary, inspector: ofInspector };
const each = Object.entries(doors).flatMap(([place, cases]) =>
  Object.entries(cases).map(([name, [when, ask, shows]]) => ({ place, name, when, ask, shows })),
);

/** What came of asking, as it is written to whoever asked. */
function watched(answer: unknown): { isThere: boolean; text: string } {
  const found = { isThere: false, text: '' };
  const note = (value: unknown): void => {
    found.isThere = true;
    found.text = value instanceof Error ? String(value) : (JSON.stringify(value) ?? '').replaceAll('\\"', '"');
  };
  Promise.resolve(answer).then(note, note);
  return found;
}

describe('while a commit is under way', () => {
  it.each(each.filter(({ when }) => when === 'later'))('$place: $name is answered once it is over', async ({ ask, shows }) => {
    const pending = pendingJournal();
    const world = await worldOn({ journal: pending.journal });
    const { stage, hands, far } = world;
    // The inspector has to be there before, as has whoever hears events.
    pending.hold();
    hands.callOf('a').succeed(told);
    const early = ask.toString().includes('Feed') ? watched(ask(world)) : undefined;
    await stage.settle();
    expect(pending.waiting()).toBe(1);
    const answer = early ?? watched(ask(world));
    await stage.settle();
    await stage.advance(100);
    expect(answer).toEqual({ isThere: false, text: '' });
    pending.release();
    await stage.settle();
    // What waits for the end of the workflow.
    for (let at = 0; at < 3 && !answer.isThere; at++) {
      for (const call of hands.open()) call.succeed();
      await far.succeed('c').catch(() => undefined);
      await stage.settle();
    }
    expect(answer.isThere).toBe(true);
    if (shows !== undefined) expect(answer.text).toMatch(shows);
  });

  it.each(each.filter(({ when }) => when === 'at once'))('$place: $name tells at once what does not depend on it', async ({ ask, shows }) => {
    const pending = pendingJournal();
    const world = await worldOn({ journal: pending.journal });
    pending.hold();
    world.hands.callOf('a').succeed(told);
    await world.stage.settle();
    const answer = watched(ask(world));
    await world.stage.settle();
    expect(answer.isThere).toBe(true);
    expect(answer.text).not.toMatch(/result-of-a-7|"completed"|task:completed/);
    if (shows !== undefined) expect(answer.text).toMatch(shows);
    pending.release();
  });

  it('is asked of every door that there is', async () => {
    expect(Object.keys(ofHub).sort()).toEqual(Object.keys(requests).sort());
    expect(Object.keys(ofWorkers).sort()).toEqual(Object.keys(workerMessages).sort());
    expect(Object.keys(ofControl).sort()).toEqual(Object.keys(commandShapes).sort());
    const { app } = await placeOf();
    const routes = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(ofHttp).sort()).toEqual([...new Set(routes)].sort());
    const methods = [GleitzeitSystem, Questions].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype));
    expect(Object.keys(ofLibrary).sort()).toEqual([...new Set(methods)].filter((name) => !noDoors.has(name)).sort());
  });
});

describe('while the journal takes nothing', () => {
  const asked = (place: keyof typeof doors, ...names: string[]) => each.filter((door) => door.place === place && names.includes(door.name));
  it.each([
    ...asked('library', 'status', 'explain', 'metrics'),
    ...asked('hub', 'workflow:status', 'workflow:explain', 'workflow:list', 'workflow:trace', 'schedule:list', 'hub:info'),
    ...asked('HTTP', 'GET /api/workflows', 'GET /api/workflows/:id', 'GET /api/workflows/:id/trace', 'GET /api/workflows/:id/explain'),
    ...asked('control socket', 'hello', 'explain'),
  ])('$place: $name is answered at once with what is recorded, and says so', async ({ ask }) => {
    const full = fillable();
    const world = await worldOn({ journal: full.journal });
    full.fill();
    world.hands.callOf('a').succeed(told);
    await world.stage.settle();
    const answer = watched(ask(world));
    // A long answer is handed over in parts, each in a round of its own.
    for (let round = 0; round < 20 && !answer.isThere; round++) await world.stage.settle();
    expect(answer.isThere).toBe(true);
    expect(answer.text).not.toMatch(/result-of-a-7|"completed"|task:completed|gleitzeit_tasks_completed_total\S* 1/);
    expect(answer.text).toMatch(/"storage":\{.*there is no room left/);
  });

  it.each([...asked('library', 'list', 'schedules', 'run', 'trace'), ...asked('HTTP', 'GET /metrics', 'GET /healthz')])(
    '$place: $name comes at once',
    async ({ ask }) => {
      const full = fillable();
      const world = await worldOn({ journal: full.journal });
      full.fill();
      world.hands.callOf('a').succeed(told);
      await world.stage.settle();
      const answer = watched(ask(world));
      await world.stage.settle();
      expect(answer.isThere).toBe(true);
      expect(answer.text).not.toMatch(/result-of-a-7|"completed"|task:completed|gleitzeit_tasks_completed_total\S* 1/);
    },
  );

  it('what actors hold is not told, since nothing records it', async () => {
    const full = fillable();
    const { stage, hands, system } = await worldOn({ journal: full.journal });
    full.fill();
    hands.callOf('a').succeed(told);
    await stage.settle();
    const refusedFor = { code: 'PERSISTENCE_WRITE_FAILED', retryable: true };
    await expect(system.snapshot('task', 'w/a')).rejects.toMatchObject(refusedFor);
    await expect(system.actors()).rejects.toMatchObject(refusedFor);
  });

  it('who waits when it begins is answered with what is recorded', async () => {
    const pending = pendingJournal();
    const { stage, hands, system } = await worldOn({ journal: pending.journal });
    let refuse: (error: Error) => void = () => undefined;
    pending.journal.append = () =>
      new Promise((_, reject) => {
        refuse = reject;
      });
    hands.callOf('a').succeed(told);
    await stage.settle();
    const answer = watched(system.status('w'));
    await stage.settle();
    expect(answer.isThere).toBe(false);
    refuse(Object.assign(new Error('there is no room left'), { retryable: true }));
    await stage.settle();
    expect(answer.text).toMatch(/"a":\{"status":"running".*"storage":\{.*there is no room left/);
  });
});
