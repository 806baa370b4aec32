/**
 * What is written to a TCP connection in the same breath, which is a turn of the event loop, goes out in one write.
 *
 * A write of its own for every message costs the hub more than the message does. Nothing waits longer than the turn takes.
 */
import type { Socket as RawSocket } from 'node:net';

let held: RawSocket[] = [];

/** Holds what is written to a connection until the breath is over. */
export function holdForABreath(raw: RawSocket): void {
  if (raw.writableCorked > 0) return;
  if (held.length === 0) setImmediate(letGo);
  raw.cork();
  held.push(raw);
}

function letGo(): void {
  const all = held;
  held = [];
  for (const raw of all) raw.uncork();
}
