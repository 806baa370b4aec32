/**
 * The provider `python/v1`: runs Python code in a process of its own.
 *
 * The code finds `context`, a dict, in its scope, and leaves its value in the variable `result`. What it prints is given beside.
 */
import { fileURLToPath } from 'node:url';
import * as z from 'zod';

import { errorOf, GleitzeitError } from '../errors.ts';
import { maxDepth } from '../json-rules.ts';
import { unfitIn } from '../json-text.ts';
import { type ChildOutcome, runChild } from './child-process.ts';
import { encodingField, outputOf } from './payload.ts';
import { attemptEnv, ended, processDefaults } from './process.ts';
import { type AttemptCall, defineProvider } from './provider.ts';
import { pythonRunner } from './python-runner.ts';
import { timeoutFields, timeoutMsOf } from './timeout-fields.ts';

/** Options of `python/v1`. */
export interface PythonProviderOptions {
  /** The interpreter, 3.8 or newer: a name on the PATH, or a path. @defaultValue `GLEITZEIT_PYTHON`, else `'python3'` */
  readonly python?: string;
  /** The most that the code may print, and its result may measure, in bytes. @defaultValue `8_388_608` */
  readonly maxOutputBytes?: number;
}

export const pythonDefaults = { python: 'python3', maxOutputBytes: 8 * processDefaults.maxOutputBytes } as const;

const execute = z
  .strictObject({
    code: z.string().describe('The code to run.').optional(),
    file: z.string().min(1).describe('The file to run instead; it can import its neighbours.').optional(),
    context: z.record(z.string(), z.unknown()).describe('A dict in the scope of the code.').default({}),
    cwd: z.string().optional(),
    env: z.record(z.string(), z.string()).default({}),
    encoding: encodingField.describe('How stdout is given: as text, which has to be UTF-8, or in base64.').default('utf8'),
    ...timeoutFields,
  })
  .refine(({ code, file }) => (code === undefined) !== (file === undefined), { error: 'either code or file is needed, and not both' });
type ExecuteParams = z.infer<typeof execute>;

/** What the runner answers; it is our own. */
type Answer =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false;
      readonly kind: 'raised' | 'syntax' | 'result' | 'file';
      readonly type: string;
      readonly message: string;
      readonly traceback: string;
    };

export function createPythonProvider(options: PythonProviderOptions = {}) {
  return defineProvider({
    protocol: 'python/v1',
    circuit: false,
    methods: {
      'python/execute': {
        description:
          'Runs Python code with `context` as a dict in its scope; its value is { result, stdout }, `result` being the variable of that name.',
        params: execute,
        run: async (params, call) => {
          const outcome = await runPython(params, call, options);
          const answer = answerOf(outcome);
          if (!answer.ok) throw raised(params, answer, outcome);
          return { result: answer.result, stdout: outputOf(outcome.written.stdout, params.encoding, 'The stdout of the Python code') };
        },
      },
    },
  });
}

async function runPython(params: ExecuteParams, call: AttemptCall, options: PythonProviderOptions): Promise<ChildOutcome> {
  const python = options.python ?? process.env['GLEITZEIT_PYTHON'] ?? pythonDefaults.python;
  const { code, context, cwd } = params;
  const file = params.file?.startsWith('file://') ? fileURLToPath(params.file) : params.file;
  try {
    return await runChild(python, {
      args: ['-c', pythonRunner],
      cwd,
      env: { ...params.env, ...attemptEnv(call), PYTHONIOENCODING: 'utf-8', PYTHONDONTWRITEBYTECODE: '1' },
      stdin: Buffer.from(JSON.stringify({ code, file, context })),
      answers: true,
      signal: call.signal,
      timeoutMs: timeoutMsOf(params),
      maxOutputBytes: options.maxOutputBytes ?? pythonDefaults.maxOutputBytes,
    });
  } catch (error) {
    throw isNotFound(error) && cwd === undefined ? missing(python) : error;
  }
}

function isNotFound(error: unknown): boolean {
  if (!(error instanceof GleitzeitError)) return false;
  const details = error.details;
  return typeof details === 'object' && details !== null && 'code' in details && details.code === 'ENOENT';
}

function missing(python: string): GleitzeitError {
  return errorOf(
    'PROVIDER_INITIALIZATION_FAILED',
    `python/v1 needs Python, and "${python}" is not on the PATH: install Python 3.8 or newer, or set GLEITZEIT_PYTHON to the path of one`,
  );
}

function answerOf(outcome: ChildOutcome): Answer {
  const answer = parse(outcome);
  const unfit = answer.ok ? unfitIn(outcome.answer, { depth: maxDepth + answerDepth }) : undefined;
  if (unfit === undefined) return answer;
  throw errorOf('TASK_RESULT_INVALID', `The variable \`result\` of the Python code cannot be kept: ${unfit.place} ${unfit.message}`);
}

/** Levels around the result: `{ ok, result }`. */
const answerDepth = 1;

function parse(outcome: ChildOutcome): Answer {
  try {
    return JSON.parse(outcome.answer) as Answer;
  } catch {
    // It was killed, or left by os._exit: nothing was answered.
    throw ended('The Python process', outcome);
  }
}

function raised({ file }: ExecuteParams, answer: Answer & { readonly ok: false }, { stdout, stderr }: ChildOutcome): GleitzeitError {
  const { kind, type, message, traceback } = answer;
  const more = { details: { type, stdout, stderr }, stack: traceback };
  if (kind === 'result') return errorOf('TASK_RESULT_INVALID', `The variable \`result\` of the Python code is not JSON: ${message}`, more);
  if (kind === 'file') return errorOf('TASK_EXECUTION_FAILED', `The Python file "${file}" cannot be read: ${message}`, { ...more, retryable: false });
  const said = message === '' ? type : `${type}: ${message}`;
  return errorOf('TASK_EXECUTION_FAILED', `The Python code failed with ${said}`, { ...more, retryable: kind === 'raised' });
}
