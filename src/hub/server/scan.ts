/** Looks at what came over the wire before it is parsed: its size, and what no value may hold. */
import { headOf } from '../../../machines/policies/text.ts';
import { errorOf } from '../../errors.ts';
import { tooDeep } from '../../json-rules.ts';
import { placeOf, unfitIn } from '../../json-text.ts';

export interface JsonBounds {
  /** In bytes of UTF-8. */
  readonly bytes: number;
  /** Of each value in the message. */
  readonly depth: number;
}

/** Lists and maps of a message around a value of its sender's: `["attempt:failed", { error: { details: … } }]`, and room for more. */
const envelopeDepth = 16;

/** @throws GleitzeitError RESOURCE_EXHAUSTED */
export function refuseTooLarge(text: string, { bytes }: Pick<JsonBounds, 'bytes'>): void {
  // A character has three bytes at most for each unit of its length.
  if (text.length * 3 > bytes && Buffer.byteLength(text) > bytes)
    throw errorOf('RESOURCE_EXHAUSTED', `A message may have ${bytes} bytes, got ${Buffer.byteLength(text)}`, { retryable: false });
}

/** @throws GleitzeitError RESOURCE_EXHAUSTED for too much, INVALID_REQUEST with the place for what no value may hold */
export function refuseUnfit(text: string, from: number, { bytes, depth }: JsonBounds): void {
  refuseTooLarge(text, { bytes });
  const unfit = unfitIn(text, { from, depth: depth + envelopeDepth });
  if (unfit === undefined) return;
  // A packet is a list of its name and its data: the place is told within the data.
  const path = typeof unfit.path[0] === 'number' ? unfit.path.slice(1) : unfit.path;
  const isDeep = unfit.rule === 'too_deep';
  const place = isDeep || path.length === 0 ? 'a value' : placeOf(path);
  throw errorOf('INVALID_REQUEST', `That message is not taken: ${place} ${isDeep ? tooDeep(depth).message : unfit.message}`);
}

/**
 * Makes of JSON what it says, once it has been looked at.
 * @param from - Where in the text it begins.
 * @throws GleitzeitError as {@link refuseUnfit} does; PARSE_ERROR for what is no JSON
 */
export function parseJson(text: string, from: number, bounds: JsonBounds): unknown {
  refuseUnfit(text, from, bounds);
  try {
    return JSON.parse(text.slice(from)) as unknown;
  } catch (thrown) {
    throw errorOf('PARSE_ERROR', `A message has to be JSON: ${thrown instanceof Error ? headOf(thrown.message, 200) : 'it cannot be read'}`);
  }
}
