import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { backpressureMonitorDefaults } from '../../machines/backpressure-monitor.ts';
import { circuitBreakerDefaults } from '../../machines/circuit-breaker.ts';
import { cleanerDefaults } from '../../machines/cleaner.ts';
import { healthDefaults } from '../../machines/health-monitor.ts';
import { retryDefaults } from '../../machines/policies/backoff.ts';
import { poolDefaults } from '../../machines/pool.ts';
import { providerDefaults } from '../../machines/provider.ts';
import { queueDefaults } from '../../machines/queue.ts';
import { serveDefaults } from '../../src/control/server.ts';
import { connectDefaults, connectOptionNames } from '../../src/hub/client/options.ts';
import { hubLimitDefaults } from '../../src/hub/protocol/limits.ts';
import { hubDefaults, hubOptionNames } from '../../src/hub/server/options.ts';
import { remoteWorkerDefaults, remoteWorkerOptionNames } from '../../src/hub/worker/options.ts';
import { sqliteJournalDefaults } from '../../src/journal/sqlite.ts';
import { inspectDefaults } from '../../src/observe/inspector.ts';
import { builtinProviders } from '../../src/providers/builtin.ts';
import { httpDefaults } from '../../src/providers/http.ts';
import { functionProvider } from '../../src/runtime/function-provider.ts';
import { optionNames } from '../../src/runtime/options-check.ts';
import { stopDefaults } from '../../src/runtime/shutdown.ts';
import { machineConfigDefaults } from '../../src/system/config.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { workflowDefaults } from '../../src/workflow/limits.ts';

/** The tables of the page: by heading, what each option is said to be when it is left out. */
function documented(): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let rows = new Map<string, string>();
  for (const line of readFileSync('docs/options.md', 'utf8').split('\n')) {
    const [, heading] = /^## (.+)$/.exec(line) ?? [];
    if (heading !== undefined) {
      rows = new Map();
      sections.set(heading, rows);
    }
    const [, names, value = ''] = /^\| (`.+?) \| (.+?) \|/.exec(line) ?? [];
    for (const name of names?.split(', ') ?? []) rows.set(name.replaceAll('`', ''), value.replaceAll('`', ''));
  }
  return sections;
}

/** What a pool is made with for each protocol that is there without anybody's doing. */
function slotsByProtocol(): Readonly<Record<string, number>> {
  const functions = functionProvider(defineWorkflow({ name: 'f', tasks: (task) => ({ t: task('t', { run: () => 1 }) }) }));
  return Object.fromEntries([...builtinProviders(), functions!].map(({ protocol, pool }) => [protocol, pool?.slots ?? poolDefaults.slots]));
}

const page = documented();
/** What holds for each group where the page says a value. */
const defaults: Readonly<Record<string, object>> = {
  createSystem: { builtins: true, inspect: false, metrics: false, strict: false, window: machineConfigDefaults.window },
  pools: poolDefaults,
  'slots by protocol': slotsByProtocol(),
  circuit: { scope: 'provider', ...circuitBreakerDefaults },
  queue: queueDefaults,
  worker: machineConfigDefaults.worker,
  provider: providerDefaults,
  backpressure: backpressureMonitorDefaults,
  health: healthDefaults,
  cleanup: cleanerDefaults,
  http: httpDefaults,
  secrets: {},
  inspect: inspectDefaults,
  start: { paused: false },
  sqliteJournal: sqliteJournalDefaults,
  serveControl: serveDefaults,
  createHub: { batches: false, ...hubDefaults },
  'hub limits': hubLimitDefaults,
  connect: connectDefaults,
  createRemoteWorker: { path: connectDefaults.path, ...remoteWorkerDefaults },
  stop: stopDefaults,
  retry: retryDefaults,
  limits: workflowDefaults.limits,
};

/** Every option there is, by group. */
const names: Readonly<Record<string, readonly string[]>> = {
  ...optionNames,
  createHub: hubOptionNames,
  'hub limits': Object.keys(hubLimitDefaults),
  connect: connectOptionNames,
  createRemoteWorker: remoteWorkerOptionNames,
  'slots by protocol': Object.keys(slotsByProtocol()),
};

/** A value as JSON; nothing for what is said in words. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

describe('the page of options', () => {
  it('has a table for every group, and no other', () => {
    expect([...page.keys()].sort()).toEqual(Object.keys(defaults).sort());
  });

  it.each(Object.keys(names))('names every option of %s, and no other', (group) => {
    expect([...(page.get(group)?.keys() ?? [])].sort()).toEqual([...(names[group] ?? [])].sort());
  });

  it.each(Object.keys(defaults).filter((group) => Object.keys(defaults[group] ?? {}).length > 0))('says the defaults of %s that hold', (group) => {
    const said = [...(page.get(group) ?? [])].flatMap(([name, text]) => (jsonIn(text) === undefined || text === '[]' ? [] : [[name, jsonIn(text)]]));
    expect(said.length).toBeGreaterThan(0);
    expect(defaults[group]).toMatchObject(Object.fromEntries(said));
  });

  it('says how long an attempt may run', () => {
    expect(readFileSync('docs/options.md', 'utf8')).toContain(`may run for ${workflowDefaults.taskTimeoutMs.toLocaleString('en')} ms`);
  });
});
