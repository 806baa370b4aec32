/** Makes one task per file of a directory, in the order of the names. */
import { isRecord } from '../../machines/policies/json.ts';
import { headOf } from '../../machines/policies/text.ts';
import { describeValue } from '../thrown.ts';
import type { TaskDraft } from './draft.ts';
import type { Faults, Path } from './faults.ts';
import { whyNoName } from './names.ts';
import { readShape } from './read-shape.ts';
import { literal } from './ref.ts';
import { batchKeys, batchShape } from './shape.ts';

export interface BatchFile {
  /** Relative to the directory of the batch, with `/` between its parts. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/** Lists the files of a directory that match a pattern; undefined where there is no such directory. */
export type FindFiles = (directory: string, pattern: string) => Promise<readonly BatchFile[] | undefined>;

interface Template {
  readonly draft: TaskDraft;
  /** The template as written: its id or name, where it has one, begins those of its tasks. */
  readonly named: object;
}

const batch = { keys: batchKeys, schema: batchShape, noun: 'a map of directory and pattern' } as const;

export async function expandBatch(
  value: unknown,
  { draft, named }: Template,
  { path, faults, findFiles }: { readonly path: Path; readonly faults: Faults; readonly findFiles: FindFiles },
): Promise<readonly TaskDraft[]> {
  const { directory, pattern = '*' } = readShape(value, batch, { path, faults })?.values ?? {};
  if (directory === undefined) return [];
  const files = await findFiles(directory, pattern);
  if (!files) faults.add([...path, 'directory'], 'batch', `must be a directory that exists, got ${describeValue(directory)}`);
  else if (files.length === 0)
    faults.add([...path, 'pattern'], 'batch', `must match a file in ${describeValue(directory)}, got ${describeValue(pattern)}`);
  const byName = (files ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const [prefix] = ['id', 'name'].flatMap((key) =>
    (named as Readonly<Record<string, unknown>>)[key] === undefined ? [] : [draft.task[key as 'id' | 'name']],
  );
  const ids = idsOf(byName.map(({ name }) => (prefix === undefined ? name : `${prefix}/${name}`)));
  const { name: _, ...task } = draft.task;
  return byName.map((file, index) => ({ ...draft, task: { ...task, id: ids[index] ?? '', params: withFile(draft, literal(file.path), faults) } }));
}

/** An id for each file: its name, unless tasks cannot be called so. */
function idsOf(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name, index) => {
    const plain = name.replaceAll(/[{}\u0000-\u001f\u007f]/g, '_').trim();
    const id = whyNoName(plain) === undefined && !taken.has(plain) ? plain : `file ${index + 1}: ${headOf(plain, 200)}.`;
    taken.add(id);
    return id;
  });
}

function withFile({ task, at }: TaskDraft, path: string, faults: Faults): unknown {
  const params = isRecord(task.params) ? task.params : {};
  if (task.protocol !== 'python/v1') return { ...params, file_path: path };
  const context = params['context'] ?? {};
  if (isRecord(context)) return { ...params, context: { ...context, file_path: path } };
  faults.add([...at('params'), 'context'], 'type', `must be a map, to which the path of the file is added, got ${describeValue(context)}`);
  return params;
}
