/**
 * What is thrown where no task stands above it: in a timer of a handler, or in a promise that nobody awaits.
 *
 * No attempt can be failed for it, and after it nobody knows what state the process is in. The program says so, with a code
 * as for every fault, and ends with the exit code of an internal fault; what the journal holds is all that counts.
 */
import { failure } from '../../machines/failures.ts';
import { GleitzeitError, toFailure } from '../errors.ts';
import { exitCodes } from './exit-codes.ts';
import { tellError } from './faults.ts';
import type { Terminal } from './terminal.ts';

/** Ends the process at the first fault of this kind; from here on. */
export function endAtStrayFaults(terminal: Terminal, asJson: boolean): void {
  let isTold = false;
  process.on('uncaughtException', (thrown, origin) => {
    // A fault in the telling must not be told again.
    if (isTold) process.exit(exitCodes.internal);
    isTold = true;
    const where = origin === 'unhandledRejection' ? 'A promise that nobody awaits was rejected' : 'Something was thrown outside of every task';
    const cause = toFailure(thrown, 'INTERNAL_ERROR');
    tellError(terminal, new GleitzeitError(failure('INTERNAL_ERROR', `${where}: ${cause.message}`), { cause: thrown }), asJson);
    process.exit(exitCodes.internal);
  });
}
