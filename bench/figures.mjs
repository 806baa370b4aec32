/** Measuring and telling: medians, heap after a collection, and one line for each figure with its bound. */

/** @param {readonly number[]} values */
export function medianOf(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs each of several subjects once a round, so that a slow spell of the machine hits all of them; gives what they returned, by subject. */
export async function inTurns(subjects, rounds) {
  const results = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  const names = Object.keys(subjects);
  for (let round = 0; round < rounds; round++) {
    // Every other round the other way about: who comes first must not matter.
    for (const name of round % 2 === 0 ? names : names.toReversed()) results[name].push(await subjects[name]());
  }
  return results;
}

/** The processor time that an act takes, in microseconds: unlike the clock's, it says little of what else runs on the machine. */
export async function microsOf(act) {
  collectGarbage();
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

export function collectGarbage() {
  if (globalThis.gc === undefined) throw new Error('The benchmarks need node --expose-gc.');
  globalThis.gc();
}

/** The heap in bytes after everything that can go is gone. */
export async function settledHeap() {
  for (let round = 0; round < 4; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

export const megabytes = (bytes) => bytes / 2 ** 20;

let missed = 0;

/** Prints a figure and whether its bound holds; a figure that does not hold makes the process fail. */
export function tell(what, { value, unit = '', atMost, detail = '' }) {
  const holds = value <= atMost;
  if (!holds) missed++;
  process.exitCode = missed > 0 ? 1 : 0;
  const figure = `${value.toFixed(value < 100 ? 2 : 0)}${unit}`;
  console.log(`${holds ? 'ok  ' : 'MISS'}  ${what}: ${figure}, bound ${atMost}${unit}${detail === '' ? '' : `  (${detail})`}`);
}

/** Prints a figure that no bound is set for. */
export function note(what, text) {
  console.log(`      ${what}: ${text}`);
}
