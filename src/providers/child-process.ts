/**
 * Runs a command as a process group of its own, and leaves nothing of it behind.
 *
 * The group is killed as a whole: when the attempt is aborted, when the time is over or the output too long (politely first,
 * then for good), when the command has ended and left children, and when this process ends.
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { Readable } from 'node:stream';

import { errorOf, type GleitzeitError, toFailure } from '../errors.ts';
import { systemClock } from '../system/clock.ts';

export interface ChildOptions {
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  /** Added to the environment of this process; what is undefined is left out of it. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly stdin?: Buffer | undefined;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number | undefined;
  /** The most that it may write to stdout, and as answer; of stderr as much is kept, the last of it. */
  readonly maxOutputBytes: number;
  /** Whether it is given a file descriptor 3 to answer on. @defaultValue `false` */
  readonly answers?: boolean | undefined;
}

export interface ChildOutcome {
  /** Null where a signal ended it. */
  readonly exitCode: number | null;
  readonly killedBy: string | null;
  /** As text for people: what is no UTF-8 in it is replaced. */
  readonly stdout: string;
  readonly stderr: string;
  /** What it wrote, as it wrote it. */
  readonly written: { readonly stdout: Buffer; readonly stderr: Buffer };
  /** What it wrote to its file descriptor 3; empty where it has none. */
  readonly answer: string;
}

/** How long a group may take to end after SIGTERM, before SIGKILL. */
const killGraceMs = 2_000;
/** How long output is waited for once the command has ended: a process that left the group may hold its pipes for ever. */
const drainMs = 5_000;

const groups = new Set<number>();
let watchesExit = false;

/**
 * Runs a command to its end, whatever its exit code.
 * @throws GleitzeitError TASK_EXECUTION_FAILED (not to be started), RESOURCE_EXHAUSTED (no descriptor, process or memory left to start it),
 * TASK_TIMEOUT, TASK_RESULT_INVALID (too much output); the signal's reason
 */
export async function runChild(command: string, options: ChildOptions): Promise<ChildOutcome> {
  options.signal.throwIfAborted();
  const child = start(command, options);
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      done();
      reject(notStarted(command, error));
    });
    const ending = endingOf(child);
    const fail = (error: unknown): void => {
      reject(error);
      ending.begin();
    };
    const onAbort = (): void => fail(options.signal.reason);
    options.signal.addEventListener('abort', onAbort, { once: true });
    const { timeoutMs, maxOutputBytes } = options;
    const timer = timeoutMs === undefined ? undefined : systemClock.setTimer(timeoutMs, () => fail(timedOut(command, timeoutMs)));
    const done = (): void => {
      options.signal.removeEventListener('abort', onAbort);
      timer?.cancel();
      ending.finish();
    };
    const stdout = collect(child.stdout, maxOutputBytes, () => fail(tooLong(command, maxOutputBytes)));
    const stderr = collectLast(child.stderr, maxOutputBytes);
    const answer = collect(streamsOf(child)[3], maxOutputBytes, () => fail(tooLong(command, maxOutputBytes)));
    child.once('exit', () => {
      ending.finish();
      releasePipes(child);
    });
    child.once('close', (exitCode, killedBy) => {
      done();
      const written = { stdout: stdout(), stderr: stderr() };
      const [said, complained] = [written.stdout.toString('utf8'), written.stderr.toString('utf8')];
      resolve({ exitCode, killedBy, stdout: said, stderr: complained, written, answer: answer().toString('utf8') });
    });
  });
}

function start(command: string, { args, cwd, env, stdin = Buffer.alloc(0), answers = false }: ChildOptions): ChildProcess {
  const child = spawned(command, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', answers ? 'pipe' : 'ignore'],
  });
  // A command need not read what it is given.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(stdin);
  if (child.pid !== undefined) groups.add(child.pid);
  if (!watchesExit) process.once('exit', killAll);
  watchesExit = true;
  return child;
}

/** Of what the operating system has none left, Node throws a part, and tells the rest by an event. */
function spawned(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  try {
    // Loaded late, since most workflows run no command; from no file, so that it cannot fail for want of a descriptor.
    return process.getBuiltinModule('node:child_process').spawn(command, args, options);
  } catch (thrown) {
    throw thrown instanceof Error ? notStarted(command, thrown) : thrown;
  }
}

/** None, against what its type says, where no descriptor was left for them. */
function streamsOf(child: ChildProcess): Partial<ChildProcess['stdio']> | readonly undefined[] {
  return (child.stdio as ChildProcess['stdio'] | undefined) ?? [];
}

/** Ends the group of a process: `begin` asks it to, and insists after a while; `finish` removes what its leader left behind. */
function endingOf({ pid }: ChildProcess): { readonly begin: () => void; readonly finish: () => void } {
  let insist: { cancel(): void } | undefined;
  return {
    begin() {
      if (pid === undefined || insist !== undefined || !groups.has(pid)) return;
      signalGroup(pid, 'SIGTERM');
      insist = systemClock.setTimer(killGraceMs, () => signalGroup(pid, 'SIGKILL'));
    },
    finish() {
      insist?.cancel();
      if (pid === undefined || !groups.delete(pid)) return;
      signalGroup(pid, 'SIGKILL');
    },
  };
}

function releasePipes(child: ChildProcess): void {
  const timer = systemClock.setTimer(drainMs, () => {
    for (const stream of streamsOf(child)) stream?.destroy();
  });
  child.once('close', () => timer.cancel());
}

function killAll(): void {
  for (const pid of groups) signalGroup(pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** Collects a stream; calls back, and stops collecting, once it is too long. */
function collect(stream: unknown, maxBytes: number, onTooLong: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let bytes = 0;
  readableOf(stream)?.on('data', (chunk: Buffer) => {
    const fits = bytes <= maxBytes;
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    else if (fits) onTooLong();
  });
  return () => Buffer.concat(chunks);
}

/** Collects the last of a stream: talk, of which the end says most. */
function collectLast(stream: unknown, maxBytes: number): () => Buffer {
  const chunks: Buffer[] = [];
  let isCut = false;
  let bytes = 0;
  readableOf(stream)?.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    for (; chunks[0] !== undefined && bytes - chunks[0].length >= maxBytes; isCut = true) bytes -= chunks.shift()?.length ?? 0;
  });
  return () => {
    const kept = Buffer.concat(chunks);
    let from = Math.max(0, kept.length - maxBytes);
    if (from === 0 && !isCut) return kept;
    // What is left of a character whose beginning was cut off is none.
    for (const most = from + 3; from < most && ((kept[from] ?? 0) & 0xc0) === 0x80; ) from++;
    return kept.subarray(from);
  };
}

function readableOf(stream: unknown): Readable | null {
  // Each of a child's streams that is collected is a pipe that it writes to, where it is there at all.
  return (stream ?? null) as Readable | null;
}

function timedOut(command: string, timeoutMs: number): GleitzeitError {
  return errorOf('TASK_TIMEOUT', `${command} was killed: it ran longer than ${timeoutMs} ms`);
}

function tooLong(command: string, maxBytes: number): GleitzeitError {
  return errorOf('TASK_RESULT_INVALID', `${command} was killed: it wrote more than ${maxBytes} bytes`);
}

function notStarted(command: string, error: Error): GleitzeitError {
  const code = 'code' in error ? error.code : null;
  const details = { details: { code } };
  // What is used up now may be there at the next attempt.
  if (toFailure(error).code === 'RESOURCE_EXHAUSTED')
    return errorOf('RESOURCE_EXHAUSTED', `${command} could not be started: this machine has nothing left for it now (${error.message})`, details);
  const why = code === 'ENOENT' ? 'no such command on the PATH, or no such working directory' : error.message;
  return errorOf('TASK_EXECUTION_FAILED', `${command} could not be started: ${why}`, { retryable: false, ...details });
}
