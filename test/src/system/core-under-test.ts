/** A core without a runtime around it: a journal, a clock and a defer that the test operates by hand. */
import { vi } from 'vitest';

import type { GleitzeitDraft, GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Journal } from '../../../src/journal/journal.ts';
import { memoryJournal } from '../../../src/journal/memory.ts';
import { machineConfigDefaults } from '../../../src/system/config.ts';
import { Core, type CoreOptions } from '../../../src/system/core.ts';
import { seededIds } from '../../../src/system/ids.ts';
import { simulatedClock } from '../../../src/testing/simulated-clock.ts';

export function coreUnderTest(options: Partial<CoreOptions> = {}) {
  const deferred: (() => void)[] = [];
  const clock = simulatedClock();
  const onCommitError = vi.fn();
  const onEffectError = vi.fn();
  const violations: string[] = [];
  const core = new Core({
    journal: memoryJournal(),
    config: { ...machineConfigDefaults, alertRules: [] },
    clock,
    ids: seededIds('core'),
    lastSeq: 0,
    defer: (act) => void deferred.push(act),
    onViolation: ({ kind, message }) => void violations.push(`${kind}: ${message}`),
    onEffectError,
    onCommitError,
    ...options,
  });
  const seen: GleitzeitEvent[] = [];
  core.watch((event) => seen.push(event));
  const pump = (): number => {
    let times = 0;
    for (let act = deferred.shift(); act !== undefined; act = deferred.shift()) {
      act();
      times++;
    }
    return times;
  };
  return {
    core,
    clock,
    seen,
    violations,
    onCommitError,
    onEffectError,
    /** Runs what was deferred; how many times that was. */
    pump,
    /** Puts an event into the inbox and lets it be carried. */
    put(draft: GleitzeitDraft, source = 'api') {
      core.accept(draft, { source });
      pump();
    },
    types: () => seen.map(({ type }) => type),
  };
}

/** A journal in memory whose appends wait until the test lets them go. */
export function slowJournal() {
  const appended: (readonly GleitzeitEvent[])[] = [];
  const pending: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = [];
  const journal: Journal = {
    ...bound(memoryJournal()),
    append(facts) {
      appended.push(facts);
      return new Promise<void>((resolve, reject) => pending.push({ resolve, reject }));
    },
  };
  const next = () => {
    const first = pending.shift();
    if (first === undefined) throw new Error('No append is under way.');
    return first;
  };
  return {
    journal,
    appended,
    async commit(): Promise<void> {
      next().resolve();
      await settled();
    },
    async refuse(error: unknown): Promise<void> {
      next().reject(error);
      await settled();
    },
  };
}

/** Everything that waited only for promises has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function bound(journal: Journal): Journal {
  return {
    open: () => journal.open(),
    append: (facts) => journal.append(facts),
    read: (options) => journal.read(options),
    find: (id) => journal.find(id),
    list: () => journal.list(),
    schedules: () => journal.schedules(),
    unfinished: () => journal.unfinished(),
    sweep: (retention) => journal.sweep(retention),
    close: () => journal.close(),
  };
}

export const start: GleitzeitDraft = { type: 'system:start', data: { recovered: { workflows: 0, tasks: 0 } } };

export function submitOf(workflowId: string): GleitzeitDraft {
  const definition = {
    name: 'one',
    failurePolicy: 'fail_fast' as const,
    tasks: [{ id: 'a', protocol: 'demo/v1', method: 'demo/work', params: {}, dependencies: [], priority: 'normal' as const, timeoutMs: 1_000 }],
  };
  return { type: 'workflow:submit', data: { workflowId, name: 'one', versionHash: 'hash', definition, input: null, levels: 1 } };
}

/** A provider of one method, with two workers. */
export const registered: GleitzeitDraft = {
  type: 'provider:registered',
  data: {
    providerId: 'demo',
    protocol: 'demo/v1',
    methods: ['demo/work'],
    circuit: null,
    pool: {
      min: 1,
      max: 1,
      slots: 1,
      scaleUpAt: 0.8,
      scaleDownAt: 0.2,
      scaleUpBy: 1,
      scaleDownBy: 1,
      cooldownMs: 1_000,
      scaleUpCooldownMs: 1_000,
      quarantineMs: 1_000,
    },
    remote: false,
  },
};
export const ready: GleitzeitDraft = { type: 'provider:checked', data: { providerId: 'demo', phase: 'start', ok: true, durationMs: 0 } };
