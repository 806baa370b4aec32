/**
 * How a connection says which events it wants, in each namespace for the events of that namespace.
 *
 * A connection has one subscription a namespace; another one replaces it, and one for no types (`types: []`) ends it. It is answered
 * before its first event. Events come under their own names with the envelope as payload, once they are durable, in the order of
 * `seq` within a workflow.
 */
import * as z from 'zod';

import { severities } from '../../../machines/events/envelope.ts';
import { hubLimitDefaults } from './limits.ts';

const filter = {
  /** Types of events, families as `task:*`, or `*`. */
  types: z.array(z.string().max(200)).max(200).exactOptional(),
  /** The part of a type before its colon. */
  component: z.string().max(200).exactOptional(),
  correlationId: z.string().max(1_024).exactOptional(),
  minSeverity: z.enum(severities).exactOptional(),
};
export const wireFilter = z.strictObject(filter);
export type WireFilter = z.infer<typeof wireFilter>;

export const subscribeData = z.strictObject({
  ...filter,
  /** Events that match any of these, instead of the one filter above. */
  anyOf: z.array(wireFilter).min(1).max(hubLimitDefaults.filters).exactOptional(),
  /** Every recorded event after this one comes first, from the journal; without it, only what happens from now on. */
  fromSeq: z.int().min(0).exactOptional(),
});
export type SubscribeData = z.infer<typeof subscribeData>;

export interface Subscribed {
  /** The last durable event when the subscription began: a client that has seen no event yet resumes from here. */
  readonly lastSeq: number;
}

/** What the hub says about a subscription beside its events. */
export const subscriptionNotices = {
  /** Everything recorded up to `seq` that the subscription selects has been sent: resume from here. Sent when it moves without events. */
  'subscription:cursor': z.strictObject({ seq: z.int().min(0) }),
  /** The client reads too slowly: recorded events come from the journal from here on, events that are not recorded are left out. */
  'subscription:behind': z.strictObject({ seq: z.int().min(0) }),
  /** It has caught up: events come as they happen again. */
  'subscription:live': z.strictObject({ seq: z.int().min(0) }),
} as const;
