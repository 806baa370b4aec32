/**
 * How each component is addressed and when its actors come into being.
 *
 * Who listens to what is not written here: it follows from the machines' own alphabets (see `routing-table.ts`). This says
 * only which of a component's actors an event is for.
 */
import type { AnyStateMachine } from 'xstate';

import { alertKey, alertSystemMachine } from '../../machines/alert-system.ts';
import { backpressureMonitorMachine } from '../../machines/backpressure-monitor.ts';
import { circuitBreakerMachine } from '../../machines/circuit-breaker.ts';
import { cleanerMachine } from '../../machines/cleaner.ts';
import { dependencyResolverMachine } from '../../machines/dependency-resolver.ts';
import { engineMachine } from '../../machines/engine.ts';
import type { DataOf, EventType, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { Component } from '../../machines/events/define.ts';
import { healthMonitorMachine } from '../../machines/health-monitor.ts';
import { methodRouterMachine } from '../../machines/method-router.ts';
import { metricsCollectorMachine } from '../../machines/metrics-collector.ts';
import { alertTypes, matches, resolves, subjectOf } from '../../machines/policies/alert-rules.ts';
import { poolMachine } from '../../machines/pool.ts';
import { providerMachine } from '../../machines/provider.ts';
import { queueMachine } from '../../machines/queue.ts';
import { retryManagerMachine } from '../../machines/retry-manager.ts';
import { schedulerMachine } from '../../machines/scheduler.ts';
import { systemMachine } from '../../machines/system.ts';
import { taskMachine } from '../../machines/task.ts';
import { workflowMachine } from '../../machines/workflow.ts';
import { type Birth, circuitsOf, dataOf, elapsedFor, fieldsOf, methodKey, nobody, one, taskKey, theOne, type Wiring } from './addressing.ts';
import type { MachineConfig } from './config.ts';
import { cron } from './cron-wiring.ts';
import { worker } from './worker-wiring.ts';

const workflowWiring = (machine: AnyStateMachine, window: boolean): Wiring => ({
  machine,
  recipients: (event) => one(fieldsOf(event)['workflowId']),
  births: {
    'workflow:submitted': (event, config) => {
      const data = dataOf(event, 'workflow:submitted');
      return [{ key: data.workflowId, input: { ...data, submittedAt: event.time, ...(window ? { window: config.window } : {}) } }];
    },
  },
  // An actor of a workflow that failed is told so only while the workflow is still there.
  absentIsFine: ['system:actor_failed'],
});

const task: Wiring = {
  machine: taskMachine,
  recipients: (event) => {
    switch (event.type) {
      case 'workflow:failing':
      case 'workflow:cancelling':
      case 'workflow:recover':
        return { group: event.data.workflowId };
      case 'worker:failed':
        return event.data.tasks.map(({ workflowId, taskId }) => taskKey(workflowId, taskId));
      default: {
        const { workflowId, taskId } = fieldsOf(event);
        return typeof workflowId === 'string' && typeof taskId === 'string' ? [taskKey(workflowId, taskId)] : nobody;
      }
    }
  },
  births: {
    'task:ready': (event) => {
      const data = dataOf(event, 'task:ready');
      return [{ key: taskKey(data.workflowId, data.taskId), input: { ...data, readyAt: event.time }, groups: [data.workflowId] }];
    },
  },
  // The resolver skips tasks that were never released; a cancel can overtake the decision to try again.
  // What a worker lost, or a stop cut off, may have ended in that moment.
  absentIsFine: ['worker:failed', 'worker:lease_lost', 'attempt:abandoned', 'task:skipped', 'task:retry_scheduled'],
};

const pool: Wiring = {
  machine: poolMachine,
  recipients: (event) => {
    switch (event.type) {
      case 'queue:full':
      case 'queue:empty':
      case 'system:shutdown':
        return 'all';
      case 'backpressure:normal':
      case 'backpressure:high':
      case 'backpressure:critical':
        return event.data.scope === 'system' ? 'all' : [event.data.scope];
      case 'schedule:elapsed':
        return elapsedFor('pool', event);
      default: {
        const { poolId, protocol } = fieldsOf(event);
        return one(poolId ?? protocol);
      }
    }
  },
  births: {
    'provider:registered': (event) => {
      const { protocol, pool: options } = dataOf(event, 'provider:registered');
      return [{ key: protocol, input: { poolId: protocol, ...options } }];
    },
  },
  // A pool that nobody can be in goes with its last provider, whose own end, and what that ends, comes after.
  absentIsFine: ['provider:stopped', 'queue:withdrawn', 'backpressure:normal', 'pool:scale_requested'],
};

const provider: Wiring = {
  machine: providerMachine,
  recipients: (event) => {
    if (event.type === 'system:shutdown') return 'all';
    if (event.type === 'schedule:elapsed') return elapsedFor('provider', event);
    return one(fieldsOf(event)['providerId']);
  },
  births: {
    'provider:registered': (event, config) => {
      const { providerId, protocol, methods } = dataOf(event, 'provider:registered');
      return [{ key: providerId, input: { providerId, protocol, methods, ...config.provider } }];
    },
  },
  // Attempts may end after their provider was unregistered.
  absentIsFine: ['task:completed', 'task:failed', 'provider:checked', 'provider:health_check'],
};

const circuitBirths = (event: GleitzeitEvent): readonly Birth[] => {
  const data = event.data as DataOf<'provider:registered' | 'provider:extended'>;
  const { scope: _, ...options } = data.circuit ?? { scope: 'provider' };
  const { providerId, protocol } = data;
  return circuitsOf(data).map((id) => ({ key: id, input: { circuit: id, providerId, protocol, ...options }, groups: [providerId] }));
};

const circuit: Wiring = {
  machine: circuitBreakerMachine,
  recipients: (event) => {
    if (event.type === 'provider:unregistered') return { group: event.data.providerId };
    // Circuits of methods only: the one of a provider goes with it.
    if (event.type === 'provider:reduced') return event.data.methods.map((method) => `${event.data.providerId}/${method}`);
    if (event.type === 'provider:error' || event.type === 'provider:started') return { group: event.data.providerId };
    if (event.type === 'provider:registered') return circuitsOf(event.data);
    return one(fieldsOf(event)['circuit']);
  },
  births: {
    'provider:registered': circuitBirths,
    'provider:extended': circuitBirths,
  },
  // What runs on over a restart may end before its provider is registered again, and what a provider left behind after it has gone;
  // a provider that goes unguarded has none.
  absentIsFine: ['task:completed', 'task:failed', 'task:cancelled', 'circuit:recovery_due', 'provider:reduced'],
};

const methodBirths = (event: GleitzeitEvent): readonly Birth[] => {
  const { providerId, protocol, methods: names } = event.data as DataOf<'provider:registered' | 'provider:extended'>;
  return names.map((method) => ({ key: methodKey(protocol, method), input: { protocol, method }, groups: [providerId] }));
};

const methods: Wiring = {
  machine: methodRouterMachine,
  recipients: (event) => {
    if (event.type === 'provider:registered' || event.type === 'provider:extended' || event.type === 'provider:reduced')
      return event.data.methods.map((method) => methodKey(event.data.protocol, method));
    if (event.type === 'method:available' || event.type === 'method:unavailable') return [methodKey(event.data.protocol, event.data.method)];
    if (event.type === 'health:check_completed' || event.type === 'health:check_failed') {
      return { group: event.data.component.replace('provider/', '') };
    }
    return { group: String(fieldsOf(event)['providerId']) };
  },
  births: {
    'provider:registered': methodBirths,
    'provider:extended': methodBirths,
  },
};

const retry: Wiring = {
  machine: retryManagerMachine,
  recipients: (event) => one(fieldsOf(event)['protocol'] ?? fieldsOf(event)['poolId']),
  births: { 'task:failed': (event) => one(fieldsOf(event)['protocol']).map((protocol) => ({ key: protocol, input: { protocol } })) },
  // A protocol whose tasks never failed has no retry manager to tell of a success.
  absentIsFine: ['task:completed', 'task:cancelled', 'pool:stopped'],
};

/** What counts as a full queue is the queue's own figure. */
const capacityOf = ({ capacity }: MachineConfig['queue']) => (capacity === undefined ? undefined : { capacity });

const backpressure: Wiring = {
  machine: backpressureMonitorMachine,
  recipients: (event) => {
    switch (event.type) {
      case 'pool:metrics':
      case 'pool:scaled':
      case 'pool:stopped':
      case 'worker:idle':
      case 'worker:busy':
        return [event.data.poolId];
      case 'circuit:closed':
      case 'provider:overloaded':
        return [event.data.protocol];
      case 'schedule:elapsed':
        return elapsedFor('backpressure', event);
      case 'worker:heartbeat':
        return ['system', event.data.poolId];
      case 'queue:empty':
        return 'all';
      case 'backpressure:normal':
      case 'backpressure:high':
      case 'backpressure:critical':
        return [event.data.scope];
      default:
        return ['system'];
    }
  },
  births: {
    'engine:started': (_, { queue, backpressure: options }) => [{ key: 'system', input: { scope: 'system', ...capacityOf(queue), ...options } }],
    'pool:metrics': (event, config) => one(fieldsOf(event)['poolId']).map((scope) => ({ key: scope, input: { scope, ...config.backpressure } })),
  },
  // A pool is watched from its first figures on; the system from the start of the engine.
  absentIsFine: [
    'pool:scaled',
    'pool:stopped',
    'worker:idle',
    'worker:busy',
    'circuit:closed',
    'provider:overloaded',
    'queue:empty',
    'worker:heartbeat',
  ],
};

function alertsOf(event: GleitzeitEvent, { alertRules }: MachineConfig): readonly Birth[] {
  return alertRules
    .filter((rule) => matches(rule, event))
    .map((rule) => ({ key: alertKey(rule, subjectOf(rule, event)), input: { rule, subject: subjectOf(rule, event) } }));
}

const alerts: Wiring = {
  machine: alertSystemMachine,
  recipients: (event, { alertRules }) => {
    if (event.type === 'schedule:elapsed') return elapsedFor('alerts', event);
    if (event.type === 'alert:silence') return [event.data.dedupeKey];
    return alertRules.filter((rule) => matches(rule, event) || resolves(rule, event)).map((rule) => alertKey(rule, subjectOf(rule, event)));
  },
  births: {
    ...Object.fromEntries(alertTypes.map((type) => [type, alertsOf])),
    'alert:silence': (event, { alertRules }) => {
      const { dedupeKey } = dataOf(event, 'alert:silence');
      const rule = alertRules.find(({ name }) => dedupeKey.startsWith(`${name}/`));
      return rule === undefined ? [] : [{ key: dedupeKey, input: { rule, subject: dedupeKey.slice(rule.name.length + 1) } }];
    },
  },
  // Most of what would resolve an alert happens while none is firing.
  absentIsFine: alertSystemMachine.events as readonly EventType[],
};

/** Every component: the order is the order in which the listeners of one event hear it. */
export const wiring: Readonly<Record<Component, Wiring>> = {
  system: { machine: systemMachine, single: () => ({}) },
  engine: { machine: engineMachine, single: ({ queue }) => ({ queuePolicy: queue.policy }) },
  scheduler: { machine: schedulerMachine, single: () => ({}) },
  // Before the workflow: what the end of a task makes of the others is stated before the workflow may end.
  resolver: workflowWiring(dependencyResolverMachine, true),
  // The elements of a fan-out are none of its tasks, and the last of them may end after it.
  workflow: {
    ...workflowWiring(workflowMachine, false),
    recipients: (event) => (fieldsOf(event)['element'] === undefined ? one(fieldsOf(event)['workflowId']) : nobody),
  },
  queue: {
    machine: queueMachine,
    single: ({ queue }) => queue,
    recipients: (event) => (event.type === 'schedule:elapsed' ? elapsedFor('queue', event) : theOne),
  },
  task,
  retry,
  cron,
  circuit,
  provider,
  methods,
  // After the circuit: a slot that a failure gives back must not be taken behind a circuit that the same failure opens.
  worker,
  pool,
  backpressure,
  health: { machine: healthMonitorMachine, single: ({ health }) => health },
  metrics: { machine: metricsCollectorMachine, single: () => ({}), restsBetween: { rests: 'metrics:suspended', wakes: 'metrics:started' } },
  alerts,
  cleaner: { machine: cleanerMachine, single: ({ cleanup }) => cleanup },
};
