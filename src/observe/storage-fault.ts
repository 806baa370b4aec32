import { isoOf } from '../../machines/policies/instants.ts';
import type { StorageFault } from '../system/storage-hold.ts';
import type { Reason } from './reason.ts';

/** Says in one sentence, for people, that the journal takes no facts, why, and since when. */
export function describeFault({ error, since }: Pick<StorageFault, 'error' | 'since'>): string {
  return `the journal does not take facts: ${error.message} (since ${isoOf(since)})`;
}

/** What holds back everything while the journal takes no facts, and says that an answer is only what is recorded. */
export function reasonOfStorage({ storageFault }: { readonly storageFault: StorageFault | undefined }): Reason | undefined {
  return storageFault && { kind: 'storage', message: describeFault(storageFault), releasedBy: 'the journal takes them; it is asked time and again' };
}
