/**
 * The provider `http/v1`: requests over HTTP.
 *
 * An answer of 2xx or 3xx is a result; of the others, those that `ok` names. What is no result fails the attempt: what may go
 * better next time (408, 425, 429, 5xx) may be tried again, anything else may not. Private networks are refused unless allowed.
 */
import * as z from 'zod';

import type { ErrorCode } from '../../machines/failures.ts';
import { errorOf, type GleitzeitError } from '../errors.ts';
import { maxDepth } from '../json-rules.ts';
import { unfitIn } from '../json-text.ts';
import { exchangeHttp, type HttpResponse } from './http-exchange.ts';
import type { PrivateNetworks } from './network-guard.ts';
import { bodyOf, bytesOf, encodingField, payloadField } from './payload.ts';
import { type AttemptCall, defineProvider } from './provider.ts';
import { timeoutFields, timeoutMsOf } from './timeout-fields.ts';
import { nameOf } from './url-name.ts';

/** Options of `http/v1`. */
export interface HttpOptions {
  /** Which private networks may be reached: none, all, or hosts by name (`host` or `host:port`). @defaultValue `false` */
  readonly allowPrivateNetworks?: PrivateNetworks;
  /** The longest response that is taken, in bytes, decompressed. @defaultValue `5_242_880` */
  readonly maxResponseBytes?: number;
  /** Redirects that are followed. @defaultValue `5` */
  readonly maxRedirects?: number;
  /** How long a request may take, unless it says so itself, in milliseconds. @defaultValue `30_000` */
  readonly timeoutMs?: number;
}

export const httpDefaults = { allowPrivateNetworks: false, maxResponseBytes: 5 * 1024 * 1024, maxRedirects: 5, timeoutMs: 30_000 } as const;

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const textual = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);

const requestParams = z
  .strictObject({
    url: z.string().refine((url) => URL.canParse(url), { error: 'must be an absolute URL' }),
    method: z
      .string()
      .regex(/^[A-Za-z]+$/)
      .transform((method) => method.toUpperCase())
      .optional()
      .describe('GET, or POST where there is a body.'),
    headers: z.record(z.string(), textual).default({}),
    query: z
      .record(z.string(), z.union([scalar, z.array(scalar)]))
      .describe('Added to the query of the URL.')
      .default({}),
    body: payloadField.describe('What is sent: a text, or { base64 }.').optional(),
    encoding: encodingField.describe('How the body of the response is given: as text, which has to be UTF-8, or in base64.').optional(),
    json: z.unknown().describe('A body that is sent as JSON.').optional(),
    ok: z
      .union([z.literal('any'), z.array(z.int())])
      .describe('Statuses that are a result, beside 2xx and 3xx.')
      .default([]),
    ...timeoutFields,
  })
  .refine(({ body, json }) => body === undefined || json === undefined, { error: 'either body or json, not both' });
type RequestParams = z.infer<typeof requestParams>;

export function createHttpProvider(options: HttpOptions = {}) {
  return defineProvider({
    protocol: 'http/v1',
    // Requests wait for others: many of them cost little.
    pool: { slots: 16 },
    methods: {
      'http/request': {
        description:
          'Sends a request; its value is { status, headers, body, bodyEncoding, json }, where json is the parsed body, or null where it is no JSON, or JSON that no value can hold: jsonProblem then says why.',
        params: requestParams,
        run: async (params, call) => resultOf(await answerTo(params, call, options), params),
      },
    },
  });
}

async function answerTo(params: RequestParams, { signal, holdsSecret }: AttemptCall, options: HttpOptions): Promise<HttpResponse> {
  const settings = { ...httpDefaults, ...options };
  const timeoutMs = timeoutMsOf(params) ?? settings.timeoutMs;
  const late = AbortSignal.timeout(timeoutMs);
  const payload = params.json === undefined ? params.body : JSON.stringify(params.json);
  const body = payload === undefined ? undefined : bytesOf(payload);
  const { method = body === undefined ? 'GET' : 'POST' } = params;
  const url = urlOf(params);
  try {
    const exchange = { ...settings, method, url, headers: headersOf(params), body, holdsSecret };
    return await exchangeHttp({ ...exchange, signal: AbortSignal.any([signal, late]) });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw late.aborted ? errorOf('PROVIDER_TIMEOUT', `${method} ${nameOf(url)} took longer than ${timeoutMs} ms`) : error;
  }
}

function urlOf({ url: text, query }: RequestParams): URL {
  const url = new URL(text);
  for (const [name, value] of Object.entries(query))
    for (const each of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(each));
  return url;
}

function headersOf({ headers, json }: RequestParams): Record<string, string> {
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    'user-agent': 'gleitzeit',
    accept: '*/*',
    'accept-encoding': 'gzip, deflate, br',
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    ...Object.fromEntries(named),
  };
}

function resultOf(response: HttpResponse, { ok, encoding }: RequestParams) {
  const { status, headers } = response;
  if (status >= 400 && ok !== 'any' && !ok.includes(status)) throw refusalOf(response);
  const what = `The body of the response of ${nameOf(response.url)}`;
  const { body, bodyEncoding } = bodyOf(response.body, { type: headers['content-type'] ?? '', encoding, what });
  return { status, headers, body, bodyEncoding, ...(bodyEncoding === 'base64' ? { json: null } : jsonOf(body, headers)) };
}

interface JsonBody {
  readonly json: unknown;
  /** Why a body that is JSON is not there as a value. */
  readonly jsonProblem?: string;
}

/**
 * The body where it is JSON by its type, or by the looks of it.
 *
 * Where it holds what no value can, a number that would be rounded above all, it is there as text alone: what the server did is done,
 * so that its answer must not be lost for that, and whoever uses `json` learns of it by finding none.
 */
function jsonOf(body: string, headers: HttpResponse['headers']): JsonBody {
  if (!/json/i.test(headers['content-type'] ?? '') && !/^\s*[{[]/.test(body)) return { json: null };
  try {
    const json: unknown = JSON.parse(body);
    const unfit = unfitIn(body, { depth: maxDepth - levelsAbove });
    if (unfit === undefined) return { json };
    return { json: null, jsonProblem: `${unfit.place || 'the body'} ${unfit.message}; the body is there as text` };
  } catch {
    return { json: null };
  }
}

/** The result in which it stands. */
const levelsAbove = 1;

const meanings: Readonly<Record<number, ErrorCode>> = {
  401: 'AUTHENTICATION_FAILED',
  403: 'AUTHORIZATION_FAILED',
  407: 'AUTHENTICATION_FAILED',
  408: 'PROVIDER_TIMEOUT',
  425: 'PROVIDER_NOT_AVAILABLE',
  429: 'PROVIDER_OVERLOADED',
  503: 'PROVIDER_OVERLOADED',
  504: 'PROVIDER_TIMEOUT',
};

function refusalOf({ status, headers, body, url }: HttpResponse): GleitzeitError {
  const code = meanings[status] ?? (status >= 500 ? 'PROVIDER_NOT_AVAILABLE' : 'TASK_EXECUTION_FAILED');
  const retryAfterMs = waitOf(headers);
  return errorOf(code, `${nameOf(url)} answered ${status}`, {
    ...(code === 'TASK_EXECUTION_FAILED' ? { retryable: false } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    // Whole: it is cut once its secrets are blotted out, where it is recorded.
    details: { status, headers, body: body.toString('utf8') },
  });
}

/** How long the header Retry-After asks to wait: seconds, or a date, which is read by the server's own clock. */
function waitOf(headers: HttpResponse['headers']): number | undefined {
  const after = headers['retry-after'];
  if (after === undefined) return undefined;
  if (/^\d{1,9}$/.test(after)) return Number(after) * 1_000;
  const waitMs = Date.parse(after) - Date.parse(headers['date'] ?? '');
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : undefined;
}
