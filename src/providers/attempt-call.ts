/** What a handler is given beside its parameters: made anew for each attempt. */
import { createHash } from 'node:crypto';

import { isRecord } from '../../machines/policies/json.ts';
import type { Clock } from '../system/clock.ts';
import { describeValue, readableText, toDetails } from '../thrown.ts';
import type { Attempt } from './attempt.ts';
import type { AttemptCall } from './provider.ts';

type AttemptRef = Pick<Attempt, 'workflowId' | 'taskId' | 'attempt' | 'leaseId'>;

/** Takes a line that a handler logged. */
export type AttemptLog = (line: AttemptRef & { readonly message: string; readonly details?: Readonly<Record<string, unknown>> }) => void;
/** Takes how far an attempt is, 0..1. */
export type AttemptProgress = (note: AttemptRef & { readonly fraction: number; readonly message?: string }) => void;

interface Surroundings {
  readonly clock: Clock;
  readonly log?: AttemptLog | undefined;
  readonly progress?: AttemptProgress | undefined;
  readonly seed?: string | undefined;
  readonly holdsSecret: (text: string) => boolean;
}

export function callOf({ workflowId, taskId, attempt, leaseId, idempotencyKey }: Attempt, signal: AbortSignal, around: Surroundings): AttemptCall {
  const ref = { workflowId, taskId, attempt, leaseId };
  return {
    signal,
    attempt,
    idempotencyKey,
    workflowId,
    taskId,
    log: (message, details) => around.log?.({ ...ref, message: textOf(message), ...(details === undefined ? {} : { details: fieldsOf(details) }) }),
    progress: (fraction, message) => {
      // What is no number says nothing of how far it is.
      if (typeof fraction !== 'number' || Number.isNaN(fraction)) return;
      around.progress?.({ ...ref, fraction: Math.min(1, Math.max(0, fraction)), ...(message === undefined ? {} : { message: textOf(message) }) });
    },
    holdsSecret: around.holdsSecret,
    random: seededSequence(`${around.seed ?? ''}\n${idempotencyKey}`),
    sleep: (ms) => sleep(around.clock, ms, signal),
  };
}

function textOf(message: unknown): string {
  return (typeof message === 'string' ? readableText(message) : describeValue(message)).toWellFormed();
}

/** A plain copy: reading it later throws nothing, whatever the handler gave. */
function fieldsOf(details: unknown): Readonly<Record<string, unknown>> {
  const plain = toDetails(details);
  return isRecord(plain) ? plain : { details: plain };
}

/** Numbers in [0, 1): the same ones for the same seed. A hash of a counter needs no state beyond it and has no weak seeds. */
export function seededSequence(seed: string): () => number {
  let drawn = 0;
  return () => createHash('sha256').update(`${seed}\n${drawn++}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = (): void => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.setTimer(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });
}
