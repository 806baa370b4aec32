import { describe, expect, it } from 'vitest';

import type { GleitzeitDraft, GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Core } from '../../../src/system/core.ts';
import { hostTimer } from '../../../src/system/timer-host.ts';

/** A timer host whose timers fire when the test says so, however late. */
function stage() {
  let time = 0;
  let timer: { readonly delayMs: number; readonly fire: () => void } | undefined;
  const accepted: GleitzeitDraft[] = [];
  const effects = new Map<string, (event: GleitzeitEvent) => void>();
  const clock = {
    now: () => time,
    wall: () => time,
    setTimer(delayMs: number, fire: () => void) {
      timer = { delayMs, fire };
      return { cancel: () => undefined };
    },
  };
  const core = {
    clock,
    accept: (draft: GleitzeitDraft) => accepted.push(draft),
    on: (type: string, effect: (event: GleitzeitEvent) => void) => effects.set(type, effect),
  };
  // What it takes of a core is here.
  hostTimer(core as unknown as Core);
  return {
    arm: (dueAt: number) => effects.get('schedule:armed')?.({ data: { dueAt } } as unknown as GleitzeitEvent),
    delay: () => timer?.delayMs,
    fireAt(at: number) {
      time = at;
      timer?.fire();
      return accepted.length;
    },
  };
}

describe('the timer of the engine', () => {
  it('says at once what is due when it fires in time', () => {
    const { arm, delay, fireAt } = stage();
    arm(1_000);
    expect([delay(), fireAt(1_010)]).toEqual([1_000, 1]);
  });

  it('that was kept waiting has what arrived meanwhile read first: for as long as it was late, a second at most', () => {
    const { arm, delay, fireAt } = stage();
    arm(1_000);
    expect([fireAt(1_400), delay()]).toEqual([0, 400]);
    expect(fireAt(1_800)).toBe(1);
    arm(2_000);
    expect([fireAt(9_000), delay()]).toEqual([1, 1_000]);
    expect(fireAt(10_000)).toBe(2);
  });

  it('waits once more where it is kept waiting again, and no more than that: an event loop that is always busy does not stop time', () => {
    const { arm, fireAt } = stage();
    arm(1_000);
    expect([fireAt(3_000), fireAt(7_000), fireAt(11_000)]).toEqual([0, 0, 1]);
    arm(12_000);
    expect([fireAt(15_000), fireAt(16_000)]).toEqual([1, 2]);
  });
});
