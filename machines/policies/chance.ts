/**
 * Chance without a random source: a string, such as an event's id, to a fraction that looks random and always repeats.
 *
 * Ids come from the injected source, so a replay and a simulation get the same chances again.
 */

/**
 * A fraction in [0, 1) that is a pure function of the text.
 *
 * FNV-1a (Fowler, Noll, Vo; 32 bits) over the UTF-16 code units, then the finalizer of MurmurHash3 (Appleby), because ids
 * that differ in their last character only would else lie close together.
 */
export function chanceOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
