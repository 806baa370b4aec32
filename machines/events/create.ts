/** Creators: one for each event type, each checks the payload against the type's schema. */
import { catalogue, type DataOf, type DraftOf, type EventType, eventTypes } from './catalogue.ts';

type Creators = { readonly [Type in EventType]: (data: DataOf<Type>) => DraftOf<Type> };

/**
 * Creates drafts of events: `create['task:cancel']({ … })`.
 * @throws ZodError when the payload does not fit the type
 */
export const create: Creators = Object.fromEntries(
  eventTypes.map((type) => [type, (data: unknown) => ({ type, data: catalogue[type].data.parse(data) })]),
  // Each creator's payload has just been parsed by the schema of its own type.
) as unknown as Creators;
