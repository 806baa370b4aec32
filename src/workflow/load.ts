/** Loads workflows from files, from text, and from objects of the same form. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve, sep } from 'node:path';

import { decodeUtf8 } from '../encoding.ts';
import { errorOf, type GleitzeitError } from '../errors.ts';
import { describeValue, readField } from '../thrown.ts';
import type { BatchFile, FindFiles } from './batch.ts';
import { Faults } from './faults.ts';
import { finishWorkflow } from './finish.ts';
import { readJson } from './json.ts';
import { type ReadingBounds, type WorkflowLimits, workflowDefaults } from './limits.ts';
import { normaliseWorkflow } from './normalise.ts';
import { readPlain } from './plain.ts';
import type { Reading } from './reading.ts';
import type { Workflow } from './workflow.ts';

export interface LoadOptions {
  /** Where the directory of a batch is looked for first, before the current one. @defaultValue the file's own directory */
  readonly directory?: string;
  /** Whether a batch may list the files of this machine: not for what others send. @defaultValue `true` */
  readonly batches?: boolean;
  readonly limits?: Partial<WorkflowLimits>;
  readonly bounds?: Partial<ReadingBounds>;
}

export interface ParseOptions extends LoadOptions {
  /** What messages call the text, for example the name of its file. @defaultValue `workflow` */
  readonly source?: string;
  /** @defaultValue JSON where the source ends in `.json`, else YAML */
  readonly format?: 'yaml' | 'json';
}

/**
 * Loads a workflow from a `.yaml`, `.yml` or `.json` file, or from a parsed object of the same form.
 *
 * @throws GleitzeitError with every fault in `issues`: WORKFLOW_NOT_FOUND (no such file), PERSISTENCE_READ_FAILED, PARSE_ERROR,
 * WORKFLOW_CIRCULAR_DEPENDENCY (circles and nothing else), WORKFLOW_VALIDATION_FAILED.
 */
export async function loadWorkflow(from: string | object, options: LoadOptions = {}): Promise<Workflow> {
  if (typeof from === 'string') {
    const text = await readText(from, boundsOf(options));
    return parseWorkflow(text, { directory: dirname(resolve(from)), ...options, source: from });
  }
  return workflowOf(readPlain(from, boundsOf(options)), nameOf(from), options);
}

/** Reads a workflow from text. @throws GleitzeitError as {@link loadWorkflow} does. */
export async function parseWorkflow(text: string, options: ParseOptions = {}): Promise<Workflow> {
  const { source = 'workflow', format = extname(source).toLowerCase() === '.json' ? 'json' : 'yaml' } = options;
  const bounds = boundsOf(options);
  return workflowOf(await readDocument(text, { format, bounds }), source, options);
}

async function workflowOf(reading: Reading, subject: string, options: LoadOptions): Promise<Workflow> {
  const faults = new Faults();
  faults.addAll(reading.faults);
  const limits = { ...workflowDefaults.limits, ...options.limits };
  const findFiles = options.batches === false ? noFiles : filesFrom(options.directory === undefined ? ['.'] : [options.directory, '.']);
  if (reading.value === undefined) faults.raise(subject, reading.locate);
  const draft = await normaliseWorkflow(reading.value, { faults, limits, findFiles });
  return finishWorkflow(draft, { subject, faults, limits, locate: reading.locate });
}

async function readDocument(
  text: string,
  { format, bounds }: { readonly format: 'yaml' | 'json'; readonly bounds: ReadingBounds },
): Promise<Reading> {
  if (Buffer.byteLength(text) > bounds.maxBytes) {
    return { value: undefined, faults: [{ path: [], rule: 'too_large', message: tooLarge(bounds) }], locate: () => undefined };
  }
  if (format === 'json') return readJson(text, bounds);
  // The parser is large, and whoever writes workflows in code never needs it.
  const { readYaml } = await import('./yaml.ts');
  return readYaml(text, bounds);
}

async function readText(path: string, bounds: ReadingBounds): Promise<string> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw errorOf('WORKFLOW_NOT_FOUND', `${path}: a workflow is a file, this is a directory`, { details: { path } });
    if (found.size > bounds.maxBytes) throw errorOf('PARSE_ERROR', `${path}: The definition ${tooLarge(bounds)}`, { details: { path } });
    const decoded = decodeUtf8(await readFile(path));
    if ('text' in decoded) return decoded.text;
    throw errorOf('PARSE_ERROR', `${path}: The definition ${decoded.problem}. Save it as UTF-8`, { details: { path } });
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  const details = { details: { path } };
  if (code === 'ENOENT' || code === 'ENOTDIR') return errorOf('WORKFLOW_NOT_FOUND', `${path}: there is no such file`, details);
  const isOurs = error instanceof Error && error.name === 'GleitzeitError';
  return isOurs
    ? (error as GleitzeitError)
    : errorOf('PERSISTENCE_READ_FAILED', `${path}: the file cannot be read (${String(code ?? error)})`, details);
}

function tooLarge({ maxBytes }: ReadingBounds): string {
  return `is larger than the ${maxBytes} bytes that a definition may have`;
}

function boundsOf({ bounds }: LoadOptions): ReadingBounds {
  return { ...workflowDefaults.bounds, ...bounds };
}

function nameOf(from: unknown): string {
  const name = readField(from, 'name');
  return typeof name === 'string' ? `Workflow ${describeValue(name)}` : 'workflow';
}

const noFiles: FindFiles = (directory) => {
  throw errorOf(
    'WORKFLOW_VALIDATION_FAILED',
    `A batch lists files where it is loaded, which is not allowed here, got the directory ${describeValue(directory)}. Load it where its files are.`,
  );
};

/** Looks for a directory from each of several starting points in turn. */
function filesFrom(starts: readonly string[]): FindFiles {
  return async (directory, pattern) => {
    for (const start of starts) {
      const cwd = resolve(start, directory);
      const found = await stat(cwd).catch(() => undefined);
      if (!found?.isDirectory()) continue;
      const { glob } = await import('tinyglobby');
      const names = await glob(pattern, { cwd, onlyFiles: true, expandDirectories: false });
      return names.map((name): BatchFile => ({ name: name.split(sep).join('/'), path: join(cwd, name) }));
    }
    return undefined;
  };
}
