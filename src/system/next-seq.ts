/**
 * Where a run begins to count its events.
 *
 * Events that are not recorded have a `seq` too, and subscribers may hold one as the place to go on from. What a run that was killed
 * had counted beyond its last fact nobody knows: so each run counts on from a mark of its own, and no `seq` is ever given twice.
 */

/** From one mark to the next; 2⁵³ has room for nine million runs. */
const runLength = 1_000_000_000;
/** A run that ended closer than this to the next mark may have counted past it. */
const margin = runLength / 10;

/**
 * The `seq` after which a run counts.
 * @param lastSeq - The highest one in the journal; 0 for an empty journal.
 */
export function seqOfNextRun(lastSeq: number): number {
  return lastSeq === 0 ? 0 : (Math.floor((lastSeq + margin) / runLength) + 1) * runLength;
}
