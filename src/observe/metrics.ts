/** The figures for people and for Prometheus. */
import type { DataOf } from '../../machines/events/catalogue.ts';
import { figuresAt, type MetricsContext } from '../../machines/metrics-collector.ts';
import type { Core } from '../system/core.ts';
import { told } from '../system/told.ts';
import { figureDescriptions } from './figure-descriptions.ts';
import type { Reason } from './reason.ts';
import { reasonOfStorage } from './storage-fault.ts';

/** Counters, gauges and histograms of one window. */
export type Figures = DataOf<'metrics:collected'>;

/** The figures so far. */
export interface MetricsReading extends Figures {
  /** The figures in Prometheus' text format, version 0.0.4. */
  readonly prometheus: string;
  /** That these are the figures of what is recorded and no more, and why, while the journal takes no facts. */
  readonly storage?: Reason;
}

/** What is read of the engine just then, beside what is counted. */
const ownDescriptions = {
  gleitzeit_storage_held: 'Whether the journal takes no facts, so that nothing is admitted: 1 or 0.',
  gleitzeit_wall_clock_ahead_seconds: 'By how much the wall clock is ahead of the time of events.',
} as const;

/** Reads the figures; the collector counts from the first reading on, unless it was told to before. */
export async function readMetrics(core: Core): Promise<MetricsReading> {
  const { clock } = core;
  const collector = core.snapshot('metrics');
  if (collector?.value !== 'collecting') {
    core.accept({ type: 'metrics:collect', data: {} }, { source: 'api' });
    await core.whenDurableOrHeld();
  }
  const counted = await told(core, { live: () => core.snapshot('metrics'), recorded: () => core.settledFigures });
  // The collector's snapshot has the collector's context.
  const figures = figuresAt(counted?.context as MetricsContext, clock.now());
  const storage = reasonOfStorage(core);
  const gauges = {
    ...figures.gauges,
    gleitzeit_storage_held: storage === undefined ? 0 : 1,
    gleitzeit_wall_clock_ahead_seconds: (clock.wall() - clock.now()) / 1_000,
  };
  const reading = { ...figures, gauges };
  return { ...reading, prometheus: prometheusText(reading), ...(storage && { storage }) };
}

const metric = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?$/;

function split(key: string): { readonly name: string; readonly labels: string } {
  const [, name = key, labels = ''] = metric.exec(key) ?? [];
  return { name, labels };
}

function line(name: string, labels: readonly string[], value: number): string {
  const inner = labels.filter((label) => label !== '').join(',');
  return `${name}${inner === '' ? '' : `{${inner}}`} ${value}`;
}

/**
 * Writes figures in Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * @param descriptions - What each says, in one line, by its name.
 */
export function prometheusText(
  { counters, gauges, histograms }: Pick<Figures, 'counters' | 'gauges' | 'histograms'>,
  descriptions: Readonly<Record<string, string>> = { ...figureDescriptions, ...ownDescriptions },
): string {
  const lines: string[] = [];
  const families = new Set<string>();
  const announce = (name: string, type: string): void => {
    if (families.has(name)) return;
    families.add(name);
    if (descriptions[name] !== undefined) lines.push(`# HELP ${name} ${descriptions[name]}`);
    lines.push(`# TYPE ${name} ${type}`);
  };
  for (const [figures, type] of [
    [counters, 'counter'],
    [gauges, 'gauge'],
  ] as const) {
    for (const key of Object.keys(figures).sort()) {
      const { name, labels } = split(key);
      announce(name, type);
      lines.push(line(name, [labels], figures[key] ?? 0));
    }
  }
  for (const key of Object.keys(histograms).sort()) {
    const { name, labels } = split(key);
    const { bounds, counts, sum, count } = histograms[key] ?? { bounds: [], counts: [], sum: 0, count: 0 };
    announce(name, 'histogram');
    let below = 0;
    for (const [index, bound] of bounds.entries()) {
      below += counts[index] ?? 0;
      lines.push(line(`${name}_bucket`, [labels, `le="${bound}"`], below));
    }
    lines.push(line(`${name}_bucket`, [labels, 'le="+Inf"'], count), line(`${name}_sum`, [labels], sum), line(`${name}_count`, [labels], count));
  }
  return `${lines.join('\n')}\n`;
}
