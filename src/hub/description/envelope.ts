/** The envelope of an event as a schema, for those who read it from the wire. */
import * as z from 'zod';

import { type Envelope, severities } from '../../../machines/events/envelope.ts';

export const envelope = z.object({
  type: z.string().describe('As the name of the message.'),
  id: z.string(),
  seq: z.int().min(1).describe('Strictly increasing; gaps are allowed.'),
  time: z.number().describe('Epoch milliseconds.'),
  source: z.string().describe('The address of the actor that stated it.'),
  severity: z.enum(severities),
  correlation: z.object({
    correlationId: z.string(),
    workflowId: z.string().exactOptional(),
    taskId: z.string().exactOptional(),
    attempt: z.int().min(1).exactOptional(),
    requestId: z.string().exactOptional(),
    traceparent: z.string().exactOptional(),
  }),
  causationId: z.string().exactOptional().describe('The id of the event that caused it.'),
  tags: z.array(z.string()).exactOptional(),
  data: z.unknown(),
}) satisfies z.ZodType<Envelope>;
