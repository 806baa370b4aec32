/**
 * The envelope: the XState event that every machine reads and every stream, trace and journal carries.
 *
 * A machine states a {@link Draft}; the router stamps it into an {@link Envelope}.
 */

/** How much an event matters to a person, least first. */
export const severities = ['debug', 'info', 'warning', 'error', 'critical'] as const;
/** How much an event matters, `debug` to `critical`. */
export type Severity = (typeof severities)[number];

/** What an event belongs to: the keys by which it is found again. */
export interface Correlation {
  /** The workflow's id where there is one, else the request's, else the event's own id. */
  readonly correlationId: string;
  readonly workflowId?: string;
  readonly taskId?: string;
  /** The attempt that the event is about, counted from 1. */
  readonly attempt?: number;
  readonly requestId?: string;
  /** W3C Trace Context, as it came with the submit. */
  readonly traceparent?: string;
}

/** A stamped event. */
export interface Envelope<Type extends string = string, Data = unknown> {
  /** `{component}:{action}`, from the catalogue. */
  readonly type: Type;
  /** Unique; from the injected id source, so that a simulation repeats it. */
  readonly id: string;
  /** Strictly increasing per system; gaps allowed, never reused. */
  readonly seq: number;
  /** Epoch milliseconds, from the injected clock. */
  readonly time: number;
  /** The address of the actor that stated it, for example `task/<workflowId>/<taskId>`. */
  readonly source: string;
  readonly severity: Severity;
  readonly correlation: Correlation;
  /** The `id` of the event that caused this one; absent for what came from outside. */
  readonly causationId?: string;
  /** Free strings, for users. */
  readonly tags?: readonly string[];
  readonly data: Data;
}

/** An event as its owner states it: the router adds everything else. */
export interface Draft<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}
