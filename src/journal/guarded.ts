/**
 * A journal whose every fault is one of ours: whatever an adapter throws, rejects with or answers, its callers see an error
 * with a code of the storage, and what the adapter said as its cause.
 */
import { type ErrorCode, failure } from '../../machines/failures.ts';
import { errorOf, GleitzeitError, toFailure } from '../errors.ts';
import { describeValue, readField } from '../thrown.ts';
import type { DamagedUnits, Journal, Opened, WholeJournal } from './journal.ts';

export function guardJournal(journal: Journal): WholeJournal {
  const reading = <Value>(act: () => Promise<Value>): Promise<Value> => guarded(act, 'PERSISTENCE_READ_FAILED', 'be read');
  return {
    keyFile: journal.keyFile,
    open: () => guarded(() => openSoundly(journal), 'PERSISTENCE_CONNECTION_FAILED', 'be opened'),
    append(facts) {
      try {
        const pending = journal.append(facts);
        return pending === undefined ? undefined : guarded(() => pending, 'PERSISTENCE_WRITE_FAILED', 'take a batch');
      } catch (thrown) {
        throw faultOf(thrown, 'PERSISTENCE_WRITE_FAILED', 'take a batch');
      }
    },
    read: (options) => reading(() => journal.read(options)),
    find: (workflowId) => reading(() => journal.find(workflowId)),
    list: (options) => reading(() => journal.list(options)),
    unfinished: () => reading(() => journal.unfinished()),
    schedules: () => reading(() => journal.schedules()),
    damaged: () => reading(() => damagedIn(journal)),
    isolate: (workflowIds) => guarded(async () => journal.isolate?.(workflowIds), 'PERSISTENCE_WRITE_FAILED', 'isolate a workflow'),
    sweep: (retention) => guarded(() => journal.sweep(retention), 'PERSISTENCE_WRITE_FAILED', 'be swept'),
    close: () => guarded(() => journal.close(), 'PERSISTENCE_WRITE_FAILED', 'be closed'),
  };
}

async function damagedIn(journal: Journal): Promise<DamagedUnits> {
  return journal.damaged?.() ?? { workflows: await journal.list({ status: 'damaged' }), schedules: [] };
}

async function openSoundly(journal: Journal): Promise<Opened> {
  const opened = await journal.open();
  const lastSeq: unknown = (opened as { readonly lastSeq?: unknown } | undefined)?.lastSeq;
  if (typeof lastSeq === 'number' && Number.isSafeInteger(lastSeq) && lastSeq >= 0) return opened;
  throw errorOf('PERSISTENCE_INTEGRITY_ERROR', `The journal's lastSeq must be a whole number from 0, got ${describeValue(lastSeq)}`);
}

async function guarded<Value>(act: () => Promise<Value>, code: ErrorCode, what: string): Promise<Value> {
  try {
    return await act();
  } catch (thrown) {
    throw faultOf(thrown, code, what);
  }
}

function faultOf(thrown: unknown, code: ErrorCode, what: string): GleitzeitError {
  if (thrown instanceof GleitzeitError && thrown.code.startsWith('PERSISTENCE_')) return thrown;
  const cause = toFailure(thrown, code);
  // Only where the adapter says it of itself: to the table, an ordinary throw is worth another attempt.
  const retryable = readField(thrown, 'retryable') === true ? { retryable: true } : {};
  return new GleitzeitError(failure(code, `The journal could not ${what}: ${cause.message}`, { cause, ...retryable }), { cause: thrown });
}
