/** The figures for people and for Prometheus. */
import type { DataOf } from '../../machines/events/catalogue.ts';
import { figuresAt, type MetricsContext } from '../../machines/metrics-collector.ts';
import type { Core } from '../system/core.ts';
import { figureDescriptions } from './figure-descriptions.ts';

/** Counters, gauges and histograms of one window. */
export type Figures = DataOf<'metrics:collected'>;

/** The figures so far. */
export interface MetricsReading extends Figures {
  /** The figures in Prometheus' text format, version 0.0.4. */
  readonly prometheus: string;
}

/** Reads the figures; the collector counts from the first reading on, unless it was told to before. */
export async function readMetrics(core: Core): Promise<MetricsReading> {
  const collector = core.snapshot('metrics');
  if (collector?.value !== 'collecting') {
    core.accept({ type: 'metrics:collect', data: {} }, { source: 'api' });
    await core.whenQuiet();
  }
  // The collector's snapshot has the collector's context.
  const figures = figuresAt(core.snapshot('metrics')?.context as MetricsContext, core.clock.now());
  return { ...figures, prometheus: prometheusText(figures) };
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
  descriptions: Readonly<Record<string, string>> = figureDescriptions,
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
