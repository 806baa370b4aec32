/**
 * What a value may hold, wherever it comes from: a file, an option, a handler, a report, a message, the body of a request.
 *
 * JSON can say more than can be kept: half a character, which no UTF-8 can be made of; a number that a double rounds; the key that
 * sets what an object is; any depth. What is kept is what was given, so that each of these is refused, at every edge by the same rule.
 */
import { headOf } from '../machines/policies/text.ts';

/** Lists and maps inside each other that a value may have: far below the depth at which `JSON.stringify` overflows the stack. */
export const maxDepth = 1_000;

/** The key that plain objects cannot have as data: setting it changes what they are. */
export const poisonedKey = '__proto__';

/** What is wrong with a part of a value: `message` is read after the place of the part, `must be …, got …`. */
export interface Misfit {
  readonly rule: 'too_deep' | 'forbidden_name' | 'number' | 'text';
  readonly message: string;
}

export const poisoned: Misfit = { rule: 'forbidden_name', message: `must not be a key: every object answers to "${poisonedKey}"` };

/** From here on JSON writes whole numbers with an exponent, as what is measured and not counted. */
const leastWithExponent = 1e21;
/** How much of a text or a number a message shows, in characters. */
const shown = 40;

/**
 * Why a number cannot be kept as it is; undefined where it can.
 *
 * Beyond 2^53 - 1 a double has no room for every whole number: what is counted, an id above all, would become another one. Only from
 * 1e21 on, and written with an exponent, is it taken for a quantity; below, it would be written in digits again.
 *
 * @param written - How it was written; as JSON writes it where it never was text.
 */
export function misfitOfNumber(value: number, written = String(value)): Misfit | undefined {
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return undefined;
  const got = `got ${headOf(written, shown, '…')}; send it as text`;
  if (!Number.isFinite(value)) return { rule: 'number', message: `must be a number that a double can hold, ${got}` };
  if (Math.abs(value) >= leastWithExponent && /^[-+.\d]+e/i.test(written)) return undefined;
  return { rule: 'number', message: `must be a number within ±${Number.MAX_SAFE_INTEGER} (2^53 - 1), beyond which digits are lost, ${got}` };
}

/** Why a text cannot be kept as it is; undefined where it can. */
export function misfitOfText(text: string): Misfit | undefined {
  if (text.isWellFormed()) return undefined;
  // Written as JSON does, which escapes the half: the message can be kept.
  return { rule: 'text', message: `must be well-formed text, got half a character (an unpaired surrogate) in ${JSON.stringify(around(text))}` };
}

/** Why a name cannot be a key. */
export function misfitOfKey(key: string): Misfit | undefined {
  return key === poisonedKey ? poisoned : misfitOfText(key);
}

export function tooDeep(most: number = maxDepth): Misfit {
  return { rule: 'too_deep', message: `must be nested ${most} levels deep at most` };
}

/** The part of a text in which its first half of a character stands. */
function around(text: string): string {
  const at = Math.max(0, text.search(/\p{Surrogate}/u) - shown / 2);
  return text.slice(at, at + shown);
}
