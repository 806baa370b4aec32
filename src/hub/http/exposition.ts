/**
 * The figures for Prometheus: those of the system, of the hub, and of the process under the names that dashboards for Node know.
 *
 * The machines count already, so nothing is counted twice: theirs are written as they are.
 */
import type { Registry } from 'prom-client';

import { prometheusText } from '../../observe/metrics.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import type { HubFigures } from '../server/running-hub.ts';

/** The type of Prometheus' text format. */
export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

const descriptions = {
  gleitzeit_damaged_workflows: 'Workflows that are damaged: listed, and left alone.',
  gleitzeit_damaged_schedules: 'Schedules that are damaged: nothing of them starts.',
  gleitzeit_hub_connections: 'Connections of clients, observers and workers to the hub.',
  gleitzeit_hub_subscriptions: 'Subscriptions to events.',
  gleitzeit_hub_events_sent_total: 'Events sent, to whoever they were sent.',
  gleitzeit_hub_subscriptions_behind_total: 'Times that a subscription read too slowly and went back to the journal.',
  gleitzeit_hub_refused_total: 'Connections, messages and requests over sockets that were not taken.',
  gleitzeit_http_requests_total: 'Requests over plain HTTP that were answered, by status.',
} as const;

/** The answers over plain HTTP, by status. */
export class AnswerCounts {
  private readonly byStatus = new Map<number, number>();

  count(status: number): void {
    this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
  }

  counters(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.byStatus].map(([status, times]) => [`gleitzeit_http_requests_total{status="${status}"}`, times]));
  }
}

export interface Exposed {
  readonly system: GleitzeitSystem;
  readonly hub: HubFigures | undefined;
  readonly answers: AnswerCounts;
}

/** Everything there is to scrape. @throws GleitzeitError while the system does not run */
export async function exposition({ system, hub, answers }: Exposed): Promise<string> {
  const [{ prometheus }, process] = await Promise.all([system.metrics(), processRegistry()]);
  const { workflows, schedules } = system.damaged();
  const gauges = { gleitzeit_damaged_workflows: workflows.length, gleitzeit_damaged_schedules: schedules.length };
  const damage = prometheusText({ counters: {}, gauges, histograms: {} }, descriptions);
  return [prometheus, damage, hubText(hub, answers), await process.metrics()].join('');
}

function hubText(hub: HubFigures | undefined, answers: AnswerCounts): string {
  if (hub === undefined) return prometheusText({ counters: answers.counters(), gauges: {}, histograms: {} }, descriptions);
  const { connections, subscriptions, sent, behind, refused } = hub;
  const counters = {
    ...answers.counters(),
    gleitzeit_hub_events_sent_total: sent,
    gleitzeit_hub_subscriptions_behind_total: behind,
    gleitzeit_hub_refused_total: refused,
  };
  const gauges = { gleitzeit_hub_connections: connections, gleitzeit_hub_subscriptions: subscriptions };
  return prometheusText({ counters, gauges, histograms: {} }, descriptions);
}

let registry: Promise<Registry> | undefined;

/** One for the process, however many hubs it has: what measures the event loop and the garbage collector goes on once begun. */
function processRegistry(): Promise<Registry> {
  registry ??= import('prom-client').then(({ collectDefaultMetrics, Registry }) => {
    const made = new Registry();
    collectDefaultMetrics({ register: made });
    return made;
  });
  return registry;
}
