/** A journal in memory whose appends wait, while it is held, until the test lets them go; what waits is not there. */
import type { Journal } from '../../src/journal/journal.ts';
import { memoryJournal } from '../../src/journal/memory.ts';

export interface PendingJournal {
  readonly journal: Journal;
  /** From now on nothing is durable. */
  hold(): void;
  /** Makes durable what waits, and all that comes. */
  release(): void;
  /** Appends that wait. */
  waiting(): number;
}

export function pendingJournal(): PendingJournal {
  const journal = memoryJournal({ keepFacts: 1_000_000 });
  const { append } = journal;
  const pending: (() => void)[] = [];
  let isHeld = false;
  journal.append = (facts) => {
    if (!isHeld) return append.call(journal, facts);
    return new Promise<void>((resolve) => {
      pending.push(() => {
        void append.call(journal, facts);
        resolve();
      });
    });
  };
  return {
    journal,
    hold: () => {
      isHeld = true;
    },
    release: () => {
      isHeld = false;
      for (const take of pending.splice(0)) take();
    },
    waiting: () => pending.length,
  };
}
