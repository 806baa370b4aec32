/** Whether facts are what the catalogue says of them: what breaks its schema may be folded all the same, and fail a task much later. */
import * as z from 'zod';

import { catalogue, type GleitzeitEvent, isEventType, specOf } from '../../machines/events/catalogue.ts';
import { errorOf } from '../errors.ts';

/** Definitions that were found sound: workflows of one definition are read with the same object. */
const sound = new WeakSet<object>();
const submittedOfKnown = catalogue['workflow:submitted'].data.extend({ definition: z.unknown() });

/** @throws GleitzeitError PERSISTENCE_INTEGRITY_ERROR for the first fact that does not fit its schema */
export function requireSchemas(facts: Iterable<GleitzeitEvent>): void {
  for (const fact of facts) {
    const why = faultOf(fact);
    if (why === undefined) continue;
    const message = `Fact ${fact.seq} (${String(fact.type)}) does not fit its schema: ${why}.`;
    throw errorOf('PERSISTENCE_INTEGRITY_ERROR', message, { retryable: false, details: { reason: 'damaged', seq: fact.seq } });
  }
}

function faultOf({ type, data }: GleitzeitEvent): string | undefined {
  if (!isEventType(type)) return 'it is of no type that is known';
  const definition = type === 'workflow:submitted' ? data.definition : undefined;
  const isKnown = typeof definition === 'object' && definition !== null && sound.has(definition);
  const parsed = isKnown ? submittedOfKnown.safeParse(data) : specOf(type).data.safeParse(data);
  if (!parsed.success) return z.prettifyError(parsed.error).replaceAll('\n', '; ');
  if (typeof definition === 'object' && definition !== null) sound.add(definition);
  return undefined;
}
