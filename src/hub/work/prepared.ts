/**
 * A workflow that was read and checked in a thread, on its way back: as text, in pieces.
 *
 * A large definition that is handed over as an object is cloned in one go, which takes as long as reading it. As text it costs next
 * to nothing, and whoever gets it reads it piece by piece.
 */
import type { TaskDefinition } from '../../../machines/events/definition.ts';
import type { Work } from '../../work.ts';
import { type Path, type Place, pathText } from '../../workflow/faults.ts';
import { type Workflow, workflowKind } from '../../workflow/workflow.ts';

/** The size of a piece, in characters: read in about a millisecond. */
const pieceLength = 2 ** 16;

export interface PreparedWorkflow {
  /** Everything but the tasks, as JSON. */
  readonly head: string;
  /** The tasks, as lists in JSON. */
  readonly tasks: readonly string[];
}

/** Everything of a workflow but its tasks; what is not there in a workflow that was sent (functions, a schema) is left out. */
interface Head {
  readonly settings: Omit<Workflow['definition'], 'tasks'>;
  readonly versionHash: string;
  readonly levels: number;
  readonly impliedProtocols: readonly string[];
  readonly inputDefaults?: Readonly<Record<string, unknown>> | undefined;
  /** Where parts of it stand in the text that it was read from, by {@link pathText}. */
  readonly places: readonly (readonly [path: string, line: number, column: number])[];
}

export function prepared({ definition, versionHash, levels, impliedProtocols, inputDefaults, locate }: Workflow): PreparedWorkflow {
  const { tasks, ...settings } = definition;
  const places = locate === undefined ? [] : placesOf(tasks, locate);
  const head: Head = { settings, versionHash, levels, impliedProtocols: [...impliedProtocols], inputDefaults, places };
  return { head: JSON.stringify(head), tasks: piecesOf(tasks) };
}

function piecesOf(tasks: readonly TaskDefinition[]): readonly string[] {
  const pieces: string[] = [];
  let texts: string[] = [];
  let length = 0;
  const cut = (): void => {
    if (texts.length > 0) pieces.push(`[${texts.join(',')}]`);
    texts = [];
    length = 0;
  };
  for (const task of tasks) {
    const text = JSON.stringify(task);
    if (length + text.length > pieceLength) cut();
    texts.push(text);
    length += text.length;
  }
  cut();
  return pieces;
}

/** What is complained about later: a method that nobody has, and parameters that their method does not take. */
function placesOf(tasks: readonly TaskDefinition[], locate: NonNullable<Workflow['locate']>): Head['places'] {
  const places: [string, number, number][] = [];
  const note = (...path: Path): void => {
    const place = locate(path);
    if (place !== undefined) places.push([pathText(path), place.line, place.column]);
  };
  for (const [index, { params }] of tasks.entries()) {
    note('tasks', index);
    for (const key of ['method', 'protocol', 'params', 'parameters']) note('tasks', index, key);
    const names = typeof params === 'object' && params !== null ? Object.keys(params) : [];
    for (const name of names) for (const key of ['params', 'parameters']) note('tasks', index, key, name);
  }
  return places;
}

/** Makes the workflow of its pieces. */
export function* assembled({ head, tasks: pieces }: PreparedWorkflow): Work<Workflow> {
  // Both were written by `prepared` above.
  const { settings, versionHash, levels, impliedProtocols, inputDefaults, places } = JSON.parse(head) as Head;
  const tasks: TaskDefinition[] = [];
  for (const piece of pieces) {
    yield;
    tasks.push(...(JSON.parse(piece) as TaskDefinition[]));
  }
  const known = new Map<string, Place>(places.map(([path, line, column]) => [path, { line, column }]));
  return {
    kind: workflowKind,
    // What the tasks were taken out of, put together again.
    definition: { ...settings, tasks } as Workflow['definition'],
    versionHash,
    levels,
    functions: new Map(),
    impliedProtocols: new Set(impliedProtocols),
    inputDefaults,
    ...(known.size > 0 && { locate: (path: Path) => nearest(known, path) }),
  };
}

/** The place of a part, or of the nearest part that it stands in. */
function nearest(known: ReadonlyMap<string, Place>, path: Path): Place | undefined {
  for (let length = path.length; length > 0; length--) {
    const place = known.get(pathText(path.slice(0, length)));
    if (place !== undefined) return place;
  }
  return undefined;
}
