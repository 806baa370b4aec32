/** What an event belongs to, read from its payload and from what the submit of its workflow came with. */
import type { Correlation } from '../../machines/events/envelope.ts';

interface Own {
  /** The event's own id: what it is correlated by where nothing else is there. */
  readonly id: string;
  readonly requestId?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** Derives the correlation of an event. */
export function correlationOf(data: object, { id, requestId, traceparent }: Own): Correlation {
  const { workflowId, taskId, attempt } = data as Readonly<Record<string, unknown>>;
  const correlation: { -readonly [Key in keyof Correlation]: Correlation[Key] } = {
    correlationId: typeof workflowId === 'string' ? workflowId : (requestId ?? id),
  };
  if (typeof workflowId === 'string') correlation.workflowId = workflowId;
  if (typeof taskId === 'string') correlation.taskId = taskId;
  if (typeof attempt === 'number') correlation.attempt = attempt;
  if (requestId !== undefined) correlation.requestId = requestId;
  if (traceparent !== undefined) correlation.traceparent = traceparent;
  return correlation;
}
