/** Numbers that a seed decides, so that a campaign which found something can be run again. */

/** @returns the next number in [0, 1) */
export function chanceOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @returns a whole number from `from` up to and with `to` */
export const between = (chance, from, to) => from + Math.floor(chance() * (to - from + 1));
export const oneOf = (chance, list) => list[between(chance, 0, list.length - 1)];
