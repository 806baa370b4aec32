/** Ctrl-C: the first asks for a clean stop, the second ends at once. */
import { exitCodes } from './exit-codes.ts';

export interface Interruption {
  /** Resolves at the first signal. */
  readonly requested: Promise<void>;
  /** Gives the signals back to Node. */
  dispose(): void;
}

/** How long running attempts may go on once the end is asked for, in milliseconds. */
export const defaultDrainMs = 30_000;

const signals = ['SIGINT', 'SIGTERM'] as const;

/** Catches SIGINT and SIGTERM from here on. */
export function catchInterruption(): Interruption {
  let resolve = () => {};
  const requested = new Promise<void>((settle) => {
    resolve = settle;
  });
  let isAsked = false;
  const listen = () => {
    if (isAsked) process.exit(exitCodes.interrupted);
    isAsked = true;
    resolve();
  };
  for (const signal of signals) process.on(signal, listen);
  return {
    requested,
    dispose: () => {
      for (const signal of signals) process.off(signal, listen);
    },
  };
}
