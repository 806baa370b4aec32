/**
 * Reads what a request carries: bounded while it comes in, and as deep as JSON may go.
 *
 * Only JSON and YAML that say so are read: what a page of another site can send without being asked to is neither.
 */
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';

import { headOf } from '../../../machines/policies/text.ts';
import { errorOf } from '../../errors.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { refuseUnfit } from '../server/scan.ts';
import { Unread, unreadFrom } from '../work/unread.ts';
import { HttpRefusal } from './answering.ts';

const yamlTypes: ReadonlySet<string> = new Set(['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml']);

/** Ends a request whose body is too large before more than that of it is held. */
export function bounded({ messageBytes }: HubLimits): MiddlewareHandler {
  return bodyLimit({
    maxSize: messageBytes,
    onError: () => {
      throw new HttpRefusal(413, errorOf('RESOURCE_EXHAUSTED', `A body may have ${messageBytes} bytes.`, { retryable: false }), {
        Connection: 'close',
      });
    },
  });
}

export type Body =
  | { readonly kind: 'json'; readonly value: Readonly<Record<string, unknown>> }
  /** JSON that is large, and was not looked at. */
  | { readonly kind: 'unread'; readonly value: Unread }
  | { readonly kind: 'yaml'; readonly text: string }
  | { readonly kind: 'none' };

/**
 * @param options - `mayStayUnread`: whether whoever asks reads what is large by himself.
 * @throws HttpRefusal 415 for another type, GleitzeitError PARSE_ERROR, and INVALID_REQUEST for what is no map, or goes too deep
 */
export async function readBody(c: Context, limits: HubLimits, { mayStayUnread = false } = {}): Promise<Body> {
  const text = await textOf(c);
  if (text.trim() === '') return { kind: 'none' };
  const type = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (yamlTypes.has(type)) return { kind: 'yaml', text };
  if (type !== 'application/json')
    throw new HttpRefusal(415, errorOf('INVALID_REQUEST', `The body has to be application/json or application/yaml, and is '${headOf(type, 100)}'.`));
  if (mayStayUnread && text.length >= unreadFrom) return { kind: 'unread', value: new Unread(text) };
  return { kind: 'json', value: parsed(text, limits) };
}

async function textOf(c: Context): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await c.req.arrayBuffer());
  } catch (cause) {
    if (cause instanceof TypeError) throw errorOf('PARSE_ERROR', 'The body is not UTF-8.');
    throw cause;
  }
}

function parsed(text: string, { messageBytes: bytes, depth }: HubLimits): Readonly<Record<string, unknown>> {
  refuseUnfit(text, 0, { bytes, depth });
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw errorOf('INVALID_REQUEST', 'The body has to be a map in JSON.');
  // JSON's maps have texts as keys.
  return value as Readonly<Record<string, unknown>>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw errorOf('PARSE_ERROR', `The body has to be JSON: ${thrown instanceof Error ? headOf(thrown.message, 200) : 'it cannot be read'}`);
  }
}
