/** Puts the core and everything that takes part in it together. */
import type { ResolverContext } from '../../machines/dependency-resolver.ts';
import { defaultAlertRules } from '../../machines/policies/alert-rules.ts';
import type { GleitzeitError } from '../errors.ts';
import { toError } from '../errors.ts';
import { guardJournal } from '../journal/guarded.ts';
import type { Journal, Opened, WholeJournal } from '../journal/journal.ts';
import { memoryJournal } from '../journal/memory.ts';
import { builtinProviders } from '../providers/builtin.ts';
import { createExecutor, type Executor, type ExecutorOptions } from '../providers/executor.ts';
import { keyOfEnvironment } from '../secrets/given-key.ts';
import { createSecrets, noSecrets, type Secrets } from '../secrets/secrets.ts';
import { clockFrom, systemClock } from '../system/clock.ts';
import { type MachineConfig, machineConfigDefaults } from '../system/config.ts';
import { Core } from '../system/core.ts';
import { deferToEventLoop } from '../system/defer.ts';
import { hostHeartbeats } from '../system/heartbeat-host.ts';
import { randomIds } from '../system/ids.ts';
import { hostTimer } from '../system/timer-host.ts';
import type { Pace } from '../work.ts';
import { type AttemptHost, hostAttempts } from './attempt-host.ts';
import { hostCalendar } from './calendar-host.ts';
import { hostCleanup } from './cleanup-host.ts';
import { watchClock } from './clock-watch.ts';
import { DamageReport } from './damage-report.ts';
import { defaultLogger, guardLogger, type Logger } from './logger.ts';
import type { StartOptions, SystemOptions } from './options.ts';
import { hostProviders, type ProviderHost } from './provider-host.ts';
import { Recovering } from './recovering.ts';
import { type Recovered, recover } from './recovery.ts';
import { RunRegistry } from './run-registry.ts';
import { registerFunctions } from './submit.ts';
import type { SweepGate } from './sweep-gate.ts';
import { processVitals } from './vitals.ts';

export interface Booted {
  readonly core: Core;
  readonly journal: WholeJournal;
  /** What the journal said of itself. */
  readonly opened: Opened;
  readonly executor: Executor;
  readonly attempts: AttemptHost;
  readonly providers: ProviderHost;
  readonly runs: RunRegistry;
  /** Seals what comes in, and opens what goes to handlers and users. */
  readonly secrets: Secrets;
  readonly recovering: Recovering;
  readonly gate: SweepGate;
  readonly damage: DamageReport;
  readonly log: Logger;
  readonly ids: { workflow(): string };
  /** How what takes long is done beside everything else. */
  readonly pace: Pace;
  /** Stops what measures and what waits for a time. */
  readonly silence: () => void;
}

/** Opens the journal, and says what of it is not as a user would have it. @throws GleitzeitError PERSISTENCE_* */
async function openJournal(journal: Journal, { secrets, damage, log }: Pick<Booted, 'secrets' | 'damage' | 'log'>): Promise<Opened> {
  const opened = await journal.open();
  const { epoch, damaged, lost, keys } = opened;
  if (lost !== undefined) log.warn({ ...lost, epoch }, 'a power cut took what the journal had answered without promising to keep it');
  try {
    const missing = secrets.expectKeys(keys ?? []);
    if (missing !== undefined) log.warn({ keys }, missing);
    if (damaged !== undefined) await damage.isolateEnd(damaged);
    return opened;
  } catch (thrown) {
    await journal.close();
    throw thrown;
  }
}

/** @param fail is told of what the system cannot go on after */
export async function boot(options: SystemOptions, { only }: StartOptions, fail: (error: GleitzeitError) => void): Promise<Booted> {
  const { ids = randomIds(), defer = deferToEventLoop } = options;
  const log = guardLogger(options.log ?? defaultLogger());
  const damage = new DamageReport(guardJournal(options.journal ?? memoryJournal()), log);
  const journal = damage.watched;
  const config = machineConfigOf(options);
  const secrets = secretsOf(options, { journal, log, core: () => core });
  const opened = await openJournal(journal, { secrets, damage, log });
  const { lastSeq } = opened;
  const clock = clockFrom(options.clock ?? systemClock, opened.lastTime ?? 0);
  const core = new Core({
    journal,
    config,
    clock,
    ids,
    defer,
    lastSeq,
    recordsAll: options.record === 'everything',
    onViolation: options.strict === true ? ({ message }) => fail(toError(new Error(message))) : undefined,
    onEffectError: (error, event) => log.error({ err: error, event: event.type }, 'an effect threw'),
    onCommitError: (error) => fail(toError(error, 'PERSISTENCE_WRITE_FAILED')),
    onHold: ({ error, retryAt }) => log.warn({ err: error, retryAt }, 'the journal takes no facts; nothing is admitted until it does'),
  });
  const executor = createExecutor({ clock, seed: options.seed ?? ids.workflow(), secrets, ...listenersOf(core, log) });
  const readings = options.vitals === undefined ? processVitals() : { read: options.vitals, stop: () => undefined };
  const stopTimer = hostTimer(core, watchClock(clock, log));
  const stopHeartbeats = hostHeartbeats(core, { ...config.worker, vitals: readings.read });
  const gate = hostCleanup(core, log);
  // A sweep may have met what is damaged.
  core.on('cleanup:swept', () => void damage.look());
  core.on('system:storage_resumed', ({ data: { heldMs } }) => log.warn({ heldMs }, 'the journal takes facts again'));
  // Where not all comes back no slot may come: nobody would see whether its run is under way.
  const stopCalendar = only === undefined ? hostCalendar(core, log) : () => undefined;
  const silence = (): void => {
    stopTimer();
    stopHeartbeats();
    stopCalendar();
    readings.stop();
  };
  const providers = hostProviders(core, executor, options.pools ?? {});
  const attempts = hostAttempts(core, executor);
  const own = { runs: new RunRegistry(core), recovering: new Recovering(core), pace: { now: () => clock.now(), defer } };
  return { core, journal, opened, executor, attempts, providers, secrets, gate, damage, log, ids, silence, ...own };
}

/** Where what handlers tell goes. */
function listenersOf(core: Core, log: Logger): Pick<ExecutorOptions, 'log' | 'progress'> {
  return {
    log: ({ message, details, ...attempt }) => log.info({ ...attempt, ...details }, message),
    progress: ({ leaseId, ...data }) => core.accept({ type: 'attempt:progress', data: { ...data, leaseId } }, { source: 'executor' }),
  };
}

interface AroundSecrets {
  readonly journal: Journal;
  readonly log: Logger;
  readonly core: () => Core;
}

function secretsOf({ secrets = {} }: SystemOptions, { journal, log, core }: AroundSecrets): Secrets {
  if (secrets === false) return noSecrets;
  return createSecrets(secrets, {
    environmentKey: keyOfEnvironment(process.env),
    keyFile: journal.keyFile,
    // The resolver's snapshot has the resolver's context.
    definitionOf: (workflowId) => (core().snapshot('resolver', workflowId)?.context as ResolverContext | undefined)?.definition,
    onUnopened: (error, workflowId) => log.warn({ err: error, workflowId }, 'a result holds secrets that cannot be opened'),
  });
}

/** Registers what the options name, brings back what was in flight, and starts the machines. */
export async function comeUp(booted: Booted, options: SystemOptions, { paused = false, only }: StartOptions): Promise<void> {
  const { core, log, opened } = booted;
  registerProviders(booted, options);
  for (const workflow of options.workflows ?? []) registerFunctions(booted, workflow);
  // First, so that the figures hold from the start of the engine on.
  if (options.metrics === true) core.accept({ type: 'metrics:collect', data: {} }, { source: 'api' });
  const recovered = await recover(booted, only);
  if (recovered.workflows > 0) log.info(recovered, sayingOf(recovered));
  const held = paused === false ? {} : { paused: paused === true ? 'it was started paused' : paused };
  const { lost, lastSeq: afterSeq } = opened;
  const everything = options.record === 'everything' ? { everything: { afterSeq } } : {};
  core.accept({ type: 'system:start', data: { recovered, ...held, ...(lost && { lost }), ...everything } }, { source: 'runtime' });
}

function sayingOf({ workflows, tasks }: Recovered): string {
  const counted = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
  return `brought back what was in flight: ${counted(workflows, 'workflow')}, ${counted(tasks, 'task')} of them under way`;
}

/** Registers what the options name, so that it is known before the first submit. */
function registerProviders({ providers }: Booted, { builtins = true, http, providers: own = [] }: SystemOptions): void {
  const named = new Set(own.map(({ id }) => id));
  const given = builtins ? builtinProviders(http === undefined ? {} : { http }).filter(({ id }) => !named.has(id)) : [];
  for (const provider of [...given, ...own]) providers.register(provider);
}

function machineConfigOf(options: SystemOptions): MachineConfig {
  const own = options.alerts ?? [];
  const named = new Set(own.map(({ name }) => name));
  const { queue, worker, window, provider, backpressure, health, cleanup } = { ...machineConfigDefaults, ...defined(options) };
  return {
    queue,
    worker: { ...machineConfigDefaults.worker, ...worker },
    window,
    provider,
    backpressure,
    health,
    cleanup,
    alertRules: [...defaultAlertRules.filter(({ name }) => !named.has(name)), ...own],
  };
}

/** An explicit `undefined` must not hide a default. */
function defined(options: SystemOptions): SystemOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as SystemOptions;
}
