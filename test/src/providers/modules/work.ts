/** Functions for worker threads, well-behaved and not. */
import { writeFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';

interface Call {
  readonly attempt: number;
  readonly idempotencyKey: string;
}

export function sum({ upTo }: { readonly upTo: number }, { attempt, idempotencyKey }: Call) {
  let total = 0;
  for (let i = 1; i <= upTo; i++) total += i;
  return { total, attempt, idempotencyKey, isInThread: threadId > 0 };
}

export function spin({ file }: { readonly file: string }): never {
  writeFileSync(file, 'spinning');
  for (;;);
}

export function leave({ code }: { readonly code: number }): never {
  process.exit(code);
}

export function crash(): Promise<never> {
  setImmediate(() => {
    throw new Error('out of the blue');
  });
  return new Promise(() => undefined);
}

export function refuse(): never {
  throw Object.assign(new Error('come back later'), { code: 'PROVIDER_OVERLOADED', retryAfterMs: 100 });
}

export function odd(): unknown {
  return { f: () => 1 };
}

export function hoard(): unknown {
  const all: unknown[] = [];
  for (;;) all.push(new Array(10_000).fill(all.length));
}
