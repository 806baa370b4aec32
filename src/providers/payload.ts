/**
 * Bytes that go through parameters and results, which are JSON: as text where they are text, else in base64, and never half of each.
 */
import * as z from 'zod';

import { type Decoded, decodeText, decodeUtf8 } from '../encoding.ts';
import { errorOf } from '../errors.ts';

/** How bytes stand in a result. */
export type Encoding = 'utf8' | 'base64';

export const encodingField = z.enum(['utf8', 'base64']);

/** What is sent: a text, or `{ base64 }`. */
export const payloadField = z.union([z.string(), z.strictObject({ base64: z.base64() })], {
  error: 'must be a text, or { base64 } with bytes in base64',
});
export type Payload = z.infer<typeof payloadField>;

/** What is sent, as bytes. */
export function bytesOf(payload: Payload): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload, 'utf8') : Buffer.from(payload.base64, 'base64');
}

/**
 * Output of a program as it stands in a result.
 * @throws GleitzeitError TASK_RESULT_INVALID for what is no UTF-8 and was to be
 */
export function outputOf(bytes: Buffer, encoding: Encoding, what: string): string {
  return encoding === 'base64' ? bytes.toString('base64') : textOf(decodeUtf8(bytes), what);
}

export interface Body {
  readonly body: string;
  readonly bodyEncoding: Encoding;
}

/**
 * The body of an HTTP message as it stands in a result: in base64 where that is asked for, or where its content type is of what is
 * no text; else by its charset.
 * @throws GleitzeitError TASK_RESULT_INVALID for what is not in its encoding
 */
export function bodyOf(
  bytes: Buffer,
  { type, encoding, what }: { readonly type: string; readonly encoding: Encoding | undefined; readonly what: string },
): Body {
  if (encoding === 'base64' || (encoding === undefined && isBinary(type))) return { body: bytes.toString('base64'), bodyEncoding: 'base64' };
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(type)?.[1];
  return { body: textOf(encoding === undefined ? decodeText(bytes, charset) : decodeUtf8(bytes), what), bodyEncoding: 'utf8' };
}

function textOf(decoded: Decoded, what: string): string {
  if ('text' in decoded) return decoded.text;
  throw errorOf('TASK_RESULT_INVALID', `${what} ${decoded.problem}. Set \`encoding: base64\` to have its bytes`);
}

const binaryTypes: ReadonlySet<string> = new Set(
  [
    ...['octet-stream', 'pdf', 'zip', 'gzip', 'x-gzip', 'x-tar', 'x-bzip2', 'x-7z-compressed', 'x-xz', 'zstd', 'vnd.rar', 'java-archive'],
    ...['wasm', 'msgpack', 'x-msgpack', 'vnd.msgpack', 'protobuf', 'x-protobuf', 'cbor', 'bson', 'ogg', 'x-sqlite3', 'vnd.sqlite3'],
    ...['vnd.apache.parquet', 'vnd.apache.arrow.stream', 'vnd.apache.arrow.file', 'msword', 'vnd.ms-excel', 'vnd.ms-powerpoint', 'x-shockwave-flash'],
  ].map((subtype) => `application/${subtype}`),
);

/** Content types of what is never text. */
function isBinary(contentType: string): boolean {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (/\+(?:xml|json|yaml)$/.test(type)) return false;
  return (
    binaryTypes.has(type) || /^(?:image|audio|video|font)\/|\+(?:zip|gzip|cbor)$|^application\/vnd\.(?:openxmlformats|oasis\.opendocument)/.test(type)
  );
}
