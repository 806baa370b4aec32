/**
 * What every request to the hub is answered with: what was asked for, or why not.
 *
 * The same shape for clients and for workers, in every namespace.
 */
import * as z from 'zod';

import type { GleitzeitError } from '../../errors.ts';
import { withoutPaths, withoutPathsIn } from './paths.ts';

/** A failure as it crosses the wire; see the table of error codes for `rpcCode`. */
export const wireError = z.object({
  code: z.string(),
  rpcCode: z.int(),
  message: z.string(),
  retryable: z.boolean().exactOptional(),
  retryAfterMs: z.number().min(0).exactOptional(),
  details: z.unknown().exactOptional(),
});
export type WireError = z.infer<typeof wireError>;

/** An error as it crosses the wire: without its causes and paths, which may say more of the hub's machine than is anybody's business. */
export function wireErrorOf(error: GleitzeitError): WireError {
  const { code, rpcCode, message, retryable, retryAfterMs, details } = error.toJSON();
  const said = { code, rpcCode, message: withoutPaths(message), retryable };
  return { ...said, ...(retryAfterMs !== undefined && { retryAfterMs }), ...(details !== undefined && { details: withoutPathsIn(details) }) };
}

export interface Refusal {
  readonly ok: false;
  readonly error: WireError;
}
/** An answer that carries `Value`'s fields beside `ok`. */
export type Answer<Value extends object = Record<never, never>> = ({ readonly ok: true } & Value) | Refusal;

/** What the hub says of a connection, in every namespace that it has entered. */
export const connectionNotices = {
  /** The hub ends the connection, and why. */
  'connection:closing': z.object({ error: wireError }),
} as const;
