/** What an event belongs to, read from its payload and from what caused it. */
import type { Correlation, Envelope } from '../../machines/events/envelope.ts';

interface Own {
  /** The event's own id: what it is correlated by where nothing else is there. */
  readonly id: string;
  readonly requestId?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** Derives the correlation of an event; request and trace are inherited within one workflow. */
export function correlationOf(data: object, cause: Envelope | undefined, own: Own): Correlation {
  const { workflowId, taskId, attempt } = data as Readonly<Record<string, unknown>>;
  const inherited = cause !== undefined && typeof workflowId === 'string' && cause.correlation.workflowId === workflowId ? cause.correlation : undefined;
  const requestId = own.requestId ?? inherited?.requestId;
  const traceparent = own.traceparent ?? inherited?.traceparent;
  const correlation: { -readonly [Key in keyof Correlation]: Correlation[Key] } = {
    correlationId: typeof workflowId === 'string' ? workflowId : (requestId ?? own.id),
  };
  if (typeof workflowId === 'string') correlation.workflowId = workflowId;
  if (typeof taskId === 'string') correlation.taskId = taskId;
  if (typeof attempt === 'number') correlation.attempt = attempt;
  if (requestId !== undefined) correlation.requestId = requestId;
  if (traceparent !== undefined) correlation.traceparent = traceparent;
  return correlation;
}
