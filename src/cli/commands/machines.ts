/** `gleitzeit machines [NAME]`: the charts that really run, drawn or as data, who says what to whom, and the schema of it. */
import { closest } from 'fastest-levenshtein';

import { catalogueJsonSchema } from '../../../machines/events/catalogue.ts';
import type { Component } from '../../../machines/events/define.ts';
import { eventMatrix, jsonOf, matrixMarkdown, mermaidOf } from '../../observe/charts.ts';
import { wiring } from '../../system/wiring.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { usageError } from '../faults.ts';
import { print, printJson, type Terminal } from '../terminal.ts';

export interface MachinesOptions {
  readonly format?: string;
  readonly json?: boolean;
}

const machines = Object.fromEntries(Object.entries(wiring).map(([component, { machine }]) => [component, machine])) as Readonly<
  Record<Component, (typeof wiring)[Component]['machine']>
>;
const names = Object.keys(machines) as Component[];

/** Prints one chart, or all of them with the event matrix. */
export function machinesCommand(name: string | undefined, options: MachinesOptions, terminal: Terminal): ExitCode {
  const format = options.json === true ? 'json' : (options.format ?? 'mermaid');
  if (format !== 'json' && format !== 'mermaid') throw usageError(`--format is mermaid or json, and not '${format}'.`);
  if (name === undefined) printAll(format, terminal);
  else if (name === 'events') printEvents(format, terminal);
  else printOne(componentOf(name), format, terminal);
  return exitCodes.done;
}

function printAll(format: 'mermaid' | 'json', terminal: Terminal): void {
  const matrix = eventMatrix(machines);
  if (format === 'json') {
    printJson(terminal, {
      machines: Object.fromEntries(names.map((one) => [one, jsonOf(machines[one])])),
      events: matrix,
      schemas: catalogueJsonSchema(),
    });
    return;
  }
  const charts = names.map((one) => `## ${one}\n\n\`\`\`mermaid\n${mermaidOf(machines[one])}\`\`\`\n`);
  print(terminal, ['# The machines\n', ...charts, '## Events\n', matrixMarkdown(matrix)].join('\n').trimEnd());
}

/** The vocabulary without the charts: who says what to whom, and, as JSON, the schema of every payload. */
function printEvents(format: 'mermaid' | 'json', terminal: Terminal): void {
  const matrix = eventMatrix(machines);
  if (format === 'json') printJson(terminal, { events: matrix, schemas: catalogueJsonSchema() });
  else print(terminal, matrixMarkdown(matrix).trimEnd());
}

function printOne(component: Component, format: 'mermaid' | 'json', terminal: Terminal): void {
  if (format === 'json') printJson(terminal, jsonOf(machines[component]));
  else print(terminal, mermaidOf(machines[component]).trimEnd());
}

/** A machine goes by its component's name or by its own id, whatever the case. */
function componentOf(name: string): Component {
  const wanted = name.toLowerCase().replaceAll(/[-_ ]/g, '');
  const found = names.find((one) => one === wanted || machines[one].id.toLowerCase() === wanted);
  if (found !== undefined) return found;
  throw usageError(
    `There is no machine '${name}'; did you mean '${closest(wanted, names)}'? There are ${names.join(', ')}; 'events' is their vocabulary.`,
  );
}
