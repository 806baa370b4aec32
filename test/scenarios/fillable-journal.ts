/** A journal for which there is no room at times. */
import { errorOf } from '../../src/errors.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';

export interface FillableJournal {
  readonly journal: Journal;
  /** From now on nothing more is taken. `late` is what is said only after a batch was taken all the same. */
  fill(how?: 'throws' | 'rejects' | 'late'): void;
  empty(): void;
  /** Batches that were refused. */
  refusals(): number;
}

export function fillable(memory: Journal = memoryJournal()): FillableJournal {
  let how: 'throws' | 'rejects' | 'late' | undefined;
  let refusals = 0;
  let lastSeq = 0;
  const { append } = memory;
  const fault = () => errorOf('PERSISTENCE_WRITE_FAILED', 'there is no room left', { retryable: true });
  const journal = memory;
  journal.append = (facts) => {
    if (how !== undefined) refusals++;
    if (how === 'throws') throw fault();
    if (how === 'rejects') return Promise.reject(fault());
    // As the port asks: what is there already is left out.
    const left = facts.filter(({ seq }) => seq > lastSeq);
    lastSeq = facts.at(-1)?.seq ?? lastSeq;
    append.call(memory, left);
    return how === 'late' ? Promise.reject(fault()) : undefined;
  };
  return {
    journal,
    fill: (as = 'throws') => {
      how = as;
    },
    empty: () => {
      how = undefined;
    },
    refusals: () => refusals,
  };
}
