/**
 * How much of a failure is recorded: enough to see what went wrong, little enough for a journal in which thousands of attempts fail.
 *
 * Whatever is left out is said to be. Secrets are blotted out before anything is cut: of one that a cut goes through nobody could
 * recognise the rest.
 */
import type { Failure } from '../machines/failures.ts';
import { tailOf } from '../machines/policies/text.ts';

/** Of each error, in bytes of UTF-8; and how many errors there are. */
export const failureLimits = {
  messageBytes: 4_096,
  stackBytes: 8_192,
  /** As JSON. */
  detailsBytes: 32_768,
  /** Below the error itself; of a longer chain the innermost one stays, which says most. */
  causes: 5,
  /** Of one that stands for several, as an AggregateError. */
  errors: 10,
} as const;

/** The same for what a worker reports to its hub, which knows the secrets, and cuts once more. */
const timesOnTheWay = 8;

/** A failure within the limits. */
export function boundFailure(failure: Failure, times = 1): Failure {
  const { message, stack, details, cause, ...rest } = failure;
  const said = headWithin(message, times * failureLimits.messageBytes);
  return {
    ...rest,
    message: said,
    // The stack begins with the message, which may be longer than all of it.
    ...(stack !== undefined && {
      stack: endsWithin(said === message ? stack : stack.replace(message, () => said), times * failureLimits.stackBytes),
    }),
    ...(details !== undefined && { details: boundDetails(details, times * failureLimits.detailsBytes) }),
    ...(cause !== undefined && { cause: boundFailure(cause, times) }),
  };
}

/** A failure as a worker elsewhere reports it. */
export function boundReport(failure: Failure): Failure {
  return boundFailure(failure, timesOnTheWay);
}

/** Plain details within a number of bytes as JSON: long texts are cut first, then there are fewer of everything. */
export function boundDetails(details: unknown, bytes: number = failureLimits.detailsBytes): unknown {
  if (fits(details, bytes)) return details;
  for (const share of [2, 4, 16, 64, 256]) {
    const cut = shrunk(details, { text: Math.max(64, Math.floor(bytes / share)), entries: Math.max(4, Math.floor(400 / share)) });
    if (fits(cut, bytes)) return cut;
  }
  return { excerpt: endsWithin(JSON.stringify(details), Math.floor(bytes / 4)) };
}

function fits(details: unknown, bytes: number): boolean {
  const text = JSON.stringify(details) ?? '';
  return text.length <= bytes && Buffer.byteLength(text) <= bytes;
}

interface Shrinking {
  /** Of a text, in bytes. */
  readonly text: number;
  /** Of a list or map. */
  readonly entries: number;
}

function shrunk(value: unknown, to: Shrinking): unknown {
  if (typeof value === 'string') return endsWithin(value, to.text);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const kept = value.slice(0, to.entries).map((element) => shrunk(element, to));
    return value.length > to.entries ? [...kept, `… (${value.length - to.entries} more left out)`] : kept;
  }
  const fields = Object.entries(value);
  const kept = fields.slice(0, to.entries).map(([key, field]) => [endsWithin(key, to.text), shrunk(field, to)] as const);
  return Object.fromEntries(fields.length > to.entries ? [...kept, ['…', `${fields.length - to.entries} more left out`]] : kept);
}

/** The beginning of a text. */
function headWithin(text: string, bytes: number): string {
  const left = missing(text, bytes);
  return left === 0 ? text : `${headBytes(text, bytes - markBytes)}… (${left} bytes left out)`;
}

/** The beginning and the end of a text: where a program said what it was about, and where it said what went wrong. */
function endsWithin(text: string, bytes: number): string {
  const left = missing(text, bytes);
  const each = Math.floor((bytes - markBytes) / 2);
  return left === 0 ? text : `${headBytes(text, each)}… (${left} bytes left out) …${tailBytes(text, each)}`;
}

/** Room for what says how much was left out. */
const markBytes = 40;

/** How many bytes have to go; 0 where it fits. */
function missing(text: string, bytes: number): number {
  if (text.length * 3 <= bytes) return 0;
  const size = Buffer.byteLength(text);
  return size <= bytes ? 0 : size - (bytes - markBytes);
}

function headBytes(text: string, bytes: number): string {
  // It writes whole characters only.
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}

function tailBytes(text: string, bytes: number): string {
  const written = Buffer.from(tailOf(text, bytes));
  let from = Math.max(0, written.length - bytes);
  while (isWithinCharacter(written[from])) from++;
  return written.toString('utf8', from);
}

/** Bytes of UTF-8 but the first of a character are 10xxxxxx. */
function isWithinCharacter(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
