import { isoOf } from '../../machines/policies/instants.ts';
import type { StorageFault } from '../system/storage-hold.ts';

/** Says in one sentence, for people, that the journal takes no facts, why, and since when. */
export function describeFault({ error, since }: Pick<StorageFault, 'error' | 'since'>): string {
  return `the journal does not take facts: ${error.message} (since ${isoOf(since)})`;
}
