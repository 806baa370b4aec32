/**
 * The charts on paper: every machine as a Mermaid diagram and as JSON, and the matrix of who says what to whom.
 *
 * All of it is derived from the machines' own configurations and the catalogue, so a drawing cannot differ from what runs.
 */
import type { AnyStateMachine, AnyStateNode, AnyTransitionDefinition } from 'xstate';

import { eventTypes, specOf } from '../../machines/events/catalogue.ts';
import { type Component, components, type Party } from '../../machines/events/define.ts';
import type { Severity } from '../../machines/events/envelope.ts';
import { type Namespace, namespaceOf } from '../../machines/events/namespace.ts';

/** One transition; without a `target` its actions run and the state stays. */
export interface ChartTransition {
  readonly event: string;
  /** The target's path below the machine, parts joined by dots. */
  readonly target?: string;
  readonly guard?: string;
  readonly actions: readonly string[];
}

export interface ChartState {
  readonly name: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly description?: string;
  readonly initial?: string;
  readonly transitions: readonly ChartTransition[];
  /** Event types that the state lists and lets pass. */
  readonly ignores: readonly string[];
  readonly states: readonly ChartState[];
}

/** A machine as data: its root state under the machine's id. */
export interface Chart extends ChartState {
  /** Every event type that the machine reacts to somewhere. */
  readonly hears: readonly string[];
}

/** A machine's chart as plain JSON. */
export function jsonOf(machine: AnyStateMachine): Chart {
  const root = stateOf(machine.root);
  return { ...root, name: machine.id, hears: [...reactionsOf(root)].sort() };
}

function stateOf(node: AnyStateNode): ChartState {
  const all = [...node.transitions.values()].flat().map((transition) => transitionOf(transition));
  const initial = node.type === 'compound' ? node.initial.target[0]?.key : undefined;
  return {
    name: node.key,
    type: node.type,
    ...(node.description === undefined ? {} : { description: node.description }),
    ...(initial === undefined ? {} : { initial }),
    transitions: all.filter((transition) => !isIgnored(transition)),
    ignores: all.filter(isIgnored).map(({ event }) => event),
    states: Object.values(node.states).map((child) => stateOf(child as AnyStateNode)),
  };
}

function transitionOf({ eventType, target, guard, actions }: AnyTransitionDefinition): ChartTransition {
  const [to] = target ?? [];
  return {
    event: eventType,
    ...(to === undefined ? {} : { target: to.path.join('.') }),
    ...(guard === undefined ? {} : { guard: nameOf(guard) }),
    actions: actions.map(nameOf),
  };
}

const isIgnored = ({ target, guard, actions }: ChartTransition) => target === undefined && guard === undefined && actions.length === 0;

/** Guards and actions are named by strings, or by objects with a string `type`; `inline` stands for a function without a name. */
function nameOf(part: unknown): string {
  if (typeof part === 'string') return part;
  if (typeof part === 'function') return part.name === '' ? 'inline' : part.name;
  const type: unknown = typeof part === 'object' && part !== null && 'type' in part ? part.type : undefined;
  return typeof type === 'string' ? type : 'inline';
}

function reactionsOf({ transitions, states }: ChartState): Set<string> {
  return new Set([...transitions.map(({ event }) => event), ...states.flatMap((state) => [...reactionsOf(state)])]);
}

/**
 * A machine's chart as a Mermaid `stateDiagram-v2`.
 *
 * Substates are named by their path (`waiting_queued`). What a composite state does without leaving is a note beside its
 * first substate, since Mermaid draws no loop on a box; descriptions are comments, they would widen every box.
 */
export function mermaidOf(machine: AnyStateMachine): string {
  const chart = jsonOf(machine);
  const root: ChartState = chart.type === 'parallel' ? { ...chart, type: 'compound', states: [chart], initial: chart.name } : chart;
  const path = chart.type === 'parallel' ? chart.name : '';
  const about = path === '' ? comment(chart.description, `${chart.name}: `) : [];
  return ['stateDiagram-v2', ...about, ...bodyOf(root, '', path), ''].join('\n');
}

const indent = '  ';

/** What stands between a composite's braces. `wrapped` is the name of a box that a parallel root is put in. */
function bodyOf(state: ChartState, path: string, wrapped = ''): string[] {
  const lines: string[] = [];
  if (state.initial !== undefined) lines.push(`[*] --> ${idOf(join(path, state.initial))}`);
  const boxes = state.states.map((child) => linesOf(child, wrapped === '' ? join(path, child.name) : '', wrapped));
  lines.push(...(state.type === 'parallel' ? boxes.flatMap((box, index) => (index === 0 ? box : ['--', ...box])) : boxes.flat()));
  if (wrapped === '') lines.push(...noteOf(state, path));
  return lines.map((line) => indent + line);
}

/** A state with all that leaves it. */
function linesOf(state: ChartState, path: string, wrapped: string): string[] {
  const id = idOf(path === '' ? wrapped : path);
  const inside = state.states.length > 0;
  const lines = comment(state.description, `${path === '' ? wrapped : path}: `);
  if (inside) lines.push(`state "${state.name}" as ${id} {`, ...bodyOf(state, path), '}');
  else if (id === state.name) lines.push(id);
  else lines.push(`state "${state.name}" as ${id}`);
  for (const transition of state.transitions) {
    if (transition.target !== undefined) lines.push(`${id} --> ${idOf(transition.target)} : ${labelOf(transition)}`);
    else if (!inside) lines.push(`${id} --> ${id} : ${labelOf(transition)}`);
  }
  if (state.type === 'final') lines.push(`${id} --> [*]`);
  return lines;
}

function noteOf(state: ChartState, path: string): string[] {
  const stays = state.transitions.filter(({ target }) => target === undefined).map(labelOf);
  const leaf = firstLeaf(state, path);
  if (stays.length === 0 || leaf === path) return [];
  return [
    `note right of ${idOf(leaf)}`,
    ...[`in ${path === '' ? 'every state' : `all of ${path}`}`, ...stays].map((line) => indent + line),
    'end note',
  ];
}

function firstLeaf({ states, initial }: ChartState, path: string): string {
  const first = states.find(({ name }) => name === initial) ?? states[0];
  return first === undefined ? path : firstLeaf(first, join(path, first.name));
}

function labelOf({ event, guard, actions }: ChartTransition): string {
  const condition = guard === undefined ? '' : ` [${guard}]`;
  const effect = actions.length === 0 ? '' : ` / ${actions.join(', ')}`;
  return escaped(`${event}${condition}${effect}`);
}

const join = (path: string, name: string) => (path === '' ? name : `${path}.${name}`);
const idOf = (path: string) => path.replaceAll('.', '_');

/** Most releases of Mermaid end a label at its second colon, all at a semicolon: entity codes are read by every one. */
function escaped(text: string): string {
  return text.replaceAll('#', '#35;').replaceAll(/:|;(?<!#35;)/g, (sign) => (sign === ':' ? '#58;' : '#59;'));
}

function comment(description: string | undefined, name: string): string[] {
  return description === undefined ? [] : [`%% ${name}${description.replaceAll(/\s+/g, ' ')}`];
}

/** An event and everyone who takes part in it. */
export interface MatrixRow {
  readonly type: string;
  readonly kind: 'fact' | 'command';
  readonly recorded: boolean;
  readonly severity: Severity;
  readonly namespace: Namespace;
  readonly description: string;
  readonly owners: readonly Party[];
  /** The components whose machines react to it, its owners included where they do. */
  readonly heardBy: readonly Component[];
  /** Listeners of the catalogue that are no machines: the executor, the timer, people who watch, and so on. */
  readonly outside: readonly Party[];
}

const inside: ReadonlySet<Party> = new Set(components);

/** The event matrix: for every type of the catalogue who states it and who reacts to it, by the machines themselves. */
export function eventMatrix(machines: Readonly<Partial<Record<Component, AnyStateMachine>>>): readonly MatrixRow[] {
  const hears = (Object.entries(machines) as [Component, AnyStateMachine][]).map(([component, machine]) => ({
    component,
    types: new Set(jsonOf(machine).hears),
  }));
  return eventTypes.map((type) => {
    const { kind, recorded, severity, description, owners, listeners } = specOf(type);
    const heardBy = hears.filter(({ types }) => types.has(type) || types.has('*')).map(({ component }) => component);
    const outside = listeners.filter((party) => !inside.has(party));
    return { type, kind, recorded, severity, namespace: namespaceOf(type), description, owners, heardBy, outside };
  });
}

/** The event matrix as a Markdown table. */
export function matrixMarkdown(rows: readonly MatrixRow[]): string {
  const lines = rows.map(({ type, kind, recorded, severity, owners, heardBy, outside }) => {
    const durable = kind === 'command' ? 'command' : recorded ? 'recorded' : 'transient';
    return `| ${type} | ${durable} | ${severity} | ${owners.join(', ')} | ${[...heardBy, ...outside].join(', ')} |`;
  });
  return ['| event | kind | severity | stated by | heard by |', '|---|---|---|---|---|', ...lines, ''].join('\n');
}
