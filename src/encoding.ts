/**
 * Bytes as text, without loss: what is not in its encoding is a problem that is told, never a text with replacement characters.
 */
import { isUtf8 } from 'node:buffer';

export type Decoded = { readonly text: string } | Undecodable;

export interface Undecodable {
  /** To be read after what the bytes are called: `is not UTF-8: …`. */
  readonly problem: string;
  /** The line of the first fault, counted from 1. */
  readonly line?: number;
}

/** Decodes UTF-8. A byte order mark stays, as the character that it is. */
export function decodeUtf8(bytes: Uint8Array): Decoded {
  const other = markedEncoding(bytes);
  if (other !== undefined) return { problem: `is ${other.toUpperCase()} by its byte order mark, and not UTF-8` };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? { text: buffer.toString('utf8') } : faultOf(buffer);
}

/**
 * Decodes text by the name of its encoding, as WHATWG lists them, `iso-8859-1` for example; a byte order mark of UTF-16 says more
 * than no name.
 */
export function decodeText(bytes: Uint8Array, charset?: string): Decoded {
  const encoding = charset ?? markedEncoding(bytes) ?? 'utf-8';
  if (/^utf-?8$/i.test(encoding)) return decodeUtf8(bytes);
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch (error) {
    return { problem: error instanceof RangeError ? `has the charset "${encoding}", which is unknown here` : `is not in its charset ${encoding}` };
  }
}

function markedEncoding([first, second]: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : undefined;
}

/** Where the first byte stands that is no UTF-8: encoded again, the text differs from there on. */
function faultOf(bytes: Buffer): Undecodable {
  const again = Buffer.from(bytes.toString('utf8'));
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === again[at]) at++;
  let line = 1;
  for (let end = bytes.indexOf(10); end !== -1 && end < at; end = bytes.indexOf(10, end + 1)) line++;
  const byte = (bytes[at] ?? 0).toString(16).padStart(2, '0');
  return { problem: `is not UTF-8: byte 0x${byte} at offset ${at}, in line ${line}`, line };
}
