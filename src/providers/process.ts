/**
 * The provider `process/v1`: runs commands, without a shell.
 *
 * A command gets exactly the arguments that it is given, nothing is expanded; in a batch, the path of the file comes last. Its whole process group ends with the attempt.
 */
import * as z from 'zod';

import { errorOf, type GleitzeitError } from '../errors.ts';
import { keyFileVariable, keyVariable } from '../secrets/key.ts';
import { type ChildOutcome, runChild } from './child-process.ts';
import { bytesOf, encodingField, outputOf, payloadField } from './payload.ts';
import { type AttemptCall, defineProvider } from './provider.ts';
import { timeoutFields, timeoutMsOf } from './timeout-fields.ts';

/** Options of `process/v1`. */
export interface ProcessProviderOptions {
  /** The most that a command may write to stdout, in bytes; of stderr as much is kept. @defaultValue `1_048_576` */
  readonly maxOutputBytes?: number;
}

export const processDefaults = { maxOutputBytes: 1024 * 1024 } as const;

const exec = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.union([z.string(), z.number().transform(String)])).default([]),
  file_path: z.string().describe('The file of a batch: the last argument, and GLEITZEIT_FILE in the environment.').optional(),
  cwd: z.string().optional(),
  env: z
    .record(z.string(), z.union([z.string(), z.number().transform(String)]))
    .describe('Added to the environment of Gleitzeit.')
    .default({}),
  stdin: payloadField.describe('Written to its standard input, which then ends: a text, or { base64 }.').optional(),
  encoding: encodingField.describe('How stdout and stderr are given: as text, which has to be UTF-8, or both in base64.').default('utf8'),
  ok: z
    .union([z.literal('any'), z.array(z.int())])
    .describe('Exit codes that are no failure, beside 0.')
    .default([]),
  ...timeoutFields,
});
type ExecParams = z.infer<typeof exec>;

export function createProcessProvider(options: ProcessProviderOptions = {}) {
  const { maxOutputBytes = processDefaults.maxOutputBytes } = options;
  return defineProvider({
    protocol: 'process/v1',
    circuit: false,
    methods: {
      'process/exec': {
        description: 'Runs a command; its value is { stdout, stderr, exitCode }. An exit code other than 0 fails the attempt, unless `ok` names it.',
        params: exec,
        run: async (params, call) => {
          const { command, cwd, encoding, file_path: file } = params;
          const args = file === undefined ? params.args : [...params.args, file];
          const env = { ...params.env, ...(file === undefined ? undefined : { GLEITZEIT_FILE: file }), ...attemptEnv(call) };
          const stdin = params.stdin === undefined ? undefined : bytesOf(params.stdin);
          const outcome = await runChild(command, { args, cwd, env, stdin, signal: call.signal, timeoutMs: timeoutMsOf(params), maxOutputBytes });
          const { exitCode, written } = outcome;
          if (exitCode === null || !isAccepted(exitCode, params)) throw ended(command, outcome);
          const output = (stream: 'stdout' | 'stderr'): string => outputOf(written[stream], encoding, `The ${stream} of ${command}`);
          return { stdout: output('stdout'), stderr: output('stderr'), exitCode };
        },
      },
    },
  });
}

/** What every command learns of its attempt. The hub's token and the key of all secrets are none of its business. */
export function attemptEnv({ workflowId, taskId, attempt, idempotencyKey }: AttemptCall): Record<string, string | undefined> {
  return {
    GLEITZEIT_WORKFLOW_ID: workflowId,
    GLEITZEIT_TASK_ID: taskId,
    GLEITZEIT_ATTEMPT: String(attempt),
    GLEITZEIT_IDEMPOTENCY_KEY: idempotencyKey,
    GLEITZEIT_TOKEN: undefined,
    GLEITZEIT_TOKEN_FILE: undefined,
    [keyVariable]: undefined,
    [keyFileVariable]: undefined,
  };
}

/** How a command ended that should not have ended so, with the last that it said. */
export function ended(command: string, { exitCode, killedBy, stdout, stderr }: ChildOutcome): GleitzeitError {
  const how = exitCode === null ? `was ended by ${killedBy}` : `ended with exit code ${exitCode}`;
  const lastLine = stderr.trimEnd().split('\n').at(-1) ?? '';
  // Whole: it is cut once its secrets are blotted out, where it is recorded.
  return errorOf('TASK_EXECUTION_FAILED', `${command} ${how}${lastLine === '' ? '' : `: ${lastLine}`}`, {
    details: { exitCode, killedBy, stdout, stderr },
  });
}

function isAccepted(exitCode: number, { ok }: ExecParams): boolean {
  return exitCode === 0 || ok === 'any' || ok.includes(exitCode);
}
