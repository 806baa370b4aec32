/**
 * How a sealed value looks in a text: `⟦sealed:v1:…⟧`.
 *
 * Its first character is one that texts hardly ever have, so that looking for a token costs nothing; and no text that comes from
 * outside keeps that character in the open, so that nobody can bring a token in, nor put one together of pieces.
 */

/** What every token begins with. */
export const tokenMark = '⟦';

/** What the seal covers beside the value: tokens of another version are others. */
export const tokenVersion = 'sealed:v1:';

/** What stands for a secret where people read. */
export const sealedText = '[sealed]';

const tokens = /⟦sealed:v1:([A-Za-z0-9_-]+)⟧/g;
/** A text may have been cut within one. */
const tokensAndTheirHeads = /⟦sealed:v1:[A-Za-z0-9_-]*⟧?/g;

export function tokenOf(payload: Uint8Array): string {
  return `${tokenMark}${tokenVersion}${Buffer.from(payload).toString('base64url')}⟧`;
}

/** Whether a text may have a token in it: a look that costs next to nothing. */
export function mayHoldToken(text: string): boolean {
  return text.includes(tokenMark);
}

/** A token in a text. */
export interface FoundToken {
  readonly at: number;
  readonly length: number;
  readonly payload: Buffer;
}

export function tokensIn(text: string): readonly FoundToken[] {
  if (!mayHoldToken(text)) return [];
  return [...text.matchAll(tokens)].map(({ 0: whole, 1: payload = '', index }) => ({
    at: index,
    length: whole.length,
    payload: Buffer.from(payload, 'base64url'),
  }));
}

/** Bytes at the beginning of a payload that say which key it is sealed with. */
export const keyIdBytes = 4;

/** The ids of the keys that tokens in a text are sealed with. */
export function keyIdsIn(text: string): readonly string[] {
  if (!mayHoldToken(text)) return [];
  return [...new Set(tokensIn(text).map(({ payload }) => payload.subarray(0, keyIdBytes).toString('hex')))];
}

/** A text as people read it: `[sealed]` where a token stands. */
export function withoutTokens(text: string): string {
  return mayHoldToken(text) ? text.replaceAll(tokensAndTheirHeads, sealedText) : text;
}
