/**
 * Reads what a request carries: bounded while it comes in, and as deep as JSON may go.
 *
 * Only JSON and YAML that say so are read: what a page of another site can send without being asked to is neither.
 */
import type { Context } from 'hono';

import { headOf } from '../../../machines/policies/text.ts';
import { errorOf } from '../../errors.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { refuseUnfit } from '../server/scan.ts';
import { Unread, unreadFrom } from '../work/unread.ts';
import { HttpRefusal } from './answering.ts';

const yamlTypes: ReadonlySet<string> = new Set(['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml']);

export type Body =
  | { readonly kind: 'json'; readonly value: Readonly<Record<string, unknown>> }
  /** JSON that is large, and was not looked at. */
  | { readonly kind: 'unread'; readonly value: Unread }
  | { readonly kind: 'yaml'; readonly text: string }
  | { readonly kind: 'none' };

/**
 * @param options - `mayStayUnread`: whether whoever asks reads what is large by himself.
 * @throws HttpRefusal 413 for what is too large, as soon as that is known, 415 for another type; GleitzeitError PARSE_ERROR, and INVALID_REQUEST for what is no map, or goes too deep
 */
export async function readBody(c: Context, limits: HubLimits, { mayStayUnread = false } = {}): Promise<Body> {
  const text = await textOf(c, limits);
  if (text.trim() === '') return { kind: 'none' };
  const type = (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (yamlTypes.has(type)) return { kind: 'yaml', text };
  if (type !== 'application/json')
    throw new HttpRefusal(415, errorOf('INVALID_REQUEST', `The body has to be application/json or application/yaml, and is '${headOf(type, 100)}'.`));
  if (mayStayUnread && text.length >= unreadFrom) return { kind: 'unread', value: new Unread(text) };
  return { kind: 'json', value: parsed(text, limits) };
}

async function textOf(c: Context, limits: HubLimits): Promise<string> {
  const bytes = await bytesOf(c.req.raw, limits);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw errorOf('PARSE_ERROR', 'The body is not UTF-8.');
  }
}

/**
 * Reads a body, and never more of it than there may be.
 *
 * The middleware of Hono for this makes a `Request` of the one it got; of those that Node's adapter hands over Node makes none. Those
 * are the requests whose length nobody said: chunked ones, and POSTs without any body.
 */
async function bytesOf({ headers, body }: Request, { messageBytes }: HubLimits): Promise<Buffer> {
  if (Number(headers.get('content-length') ?? 0) > messageBytes) throw tooLarge(messageBytes);
  const parts: Uint8Array[] = [];
  let length = 0;
  // Breaking off ends the stream.
  for await (const part of body ?? []) {
    length += part.length;
    if (length > messageBytes) throw tooLarge(messageBytes);
    parts.push(part);
  }
  return Buffer.concat(parts, length);
}

function tooLarge(messageBytes: number): HttpRefusal {
  const error = errorOf('RESOURCE_EXHAUSTED', `A body may have ${messageBytes} bytes.`, { retryable: false });
  return new HttpRefusal(413, error, { Connection: 'close' });
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
