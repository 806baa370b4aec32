import { describe, expect, it } from 'vitest';

import { Portions } from '../../../../src/hub/work/portions.ts';
import { finished, inPortions, portionMs, type Work } from '../../../../src/work.ts';

/** A clock that each step of work moves on by a millisecond, and turns of the event loop that are taken by hand. */
function stage() {
  let time = 0;
  const turns: (() => void)[] = [];
  const done: string[] = [];
  const work = function* (name: string, steps: number): Work<string> {
    for (let at = 0; at < steps; at++) {
      time += 1;
      yield;
    }
    done.push(name);
    return name;
  };
  const pace = { now: () => time, defer: (act: () => void) => void turns.push(act) };
  return { pace, work, turns, done, spent: () => time, turn: () => turns.shift()?.() };
}

describe('work in portions', () => {
  it('is done at once where it is short', async () => {
    const { pace, work, turns } = stage();
    expect(await new Portions(pace).run('a', work('short', portionMs - 1))).toBe('short');
    expect(await inPortions(work('short', portionMs - 1), pace)).toBe('short');
    expect(turns).toHaveLength(0);
  });

  it('gives everything else its turn after each portion', async () => {
    const { pace, work, turns, turn, done, spent } = stage();
    const result = new Portions(pace).run('a', work('long', 3 * portionMs));
    expect([spent(), turns.length]).toEqual([portionMs, 1]);
    turn();
    expect([spent(), turns.length, done]).toEqual([2 * portionMs, 1, []]);
    turn();
    turn();
    expect(await result).toBe('long');
    expect(turns).toHaveLength(0);
  });

  it('goes on with whoever had least of it: one that asks for much delays others by a portion', async () => {
    const { pace, work, turn, turns, done, spent } = stage();
    const portions = new Portions(pace);
    for (let at = 0; at < 20; at++) void portions.run('greedy', work(`g${at}`, 10 * portionMs));
    const before = spent();
    void portions.run('modest', work('m', 2));
    turn();
    expect([done, spent() - before <= portionMs]).toEqual([['m'], true]);
    while (turns.length > 0) turn();
    expect(done).toHaveLength(21);
    expect(portions.waiting('greedy')).toBe(0);
  });

  it('begins with who comes anew where those stand that are there: to have rested is no credit', () => {
    const { pace, work, turn, turns, done } = stage();
    const portions = new Portions(pace);
    void portions.run('old', work('o1', 20 * portionMs));
    for (let at = 0; at < 10; at++) turn();
    void portions.run('new', work('n1', 20 * portionMs));
    while (turns.length > 0) turn();
    expect(done).toEqual(['o1', 'n1']);
  });

  it('tells whose work took how long, and fails with what the work throws', async () => {
    const { pace, work } = stage();
    const told: [string, number][] = [];
    const portions = new Portions(pace, (holder, ms) => told.push([holder, ms]));
    await portions.run('a', work('x', 3));
    const broken = portions.run(
      'b',
      (function* (): Work<void> {
        yield;
        throw new Error('broken');
      })(),
    );
    await expect(broken).rejects.toThrow('broken');
    expect(await portions.run('a', work('y', 1))).toBe('y');
    expect(told).toEqual([
      ['a', 3],
      ['b', 0],
      ['a', 1],
    ]);
  });

  it('can be done at once', () => {
    expect(finished(stage().work('x', 100))).toBe('x');
  });
});
