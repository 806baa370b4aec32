/** Sweeps, and those who have a finished workflow go on: never at the same time. */
import { describe, expect, it } from 'vitest';

import { SweepGate } from '../../../src/runtime/sweep-gate.ts';

/** Something that goes on until it is told to end. */
function held(log: string[], name: string): { readonly act: () => Promise<void>; readonly end: (error?: Error) => void } {
  let settle: (error?: Error) => void = () => undefined;
  const over = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  const act = async (): Promise<void> => {
    log.push(`${name} begins`);
    await over.finally(() => log.push(`${name} ends`));
  };
  return { act, end: settle };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the gate of sweeps', () => {
  it('lets any number go on at the same time, and a sweep only after them', async () => {
    const log: string[] = [];
    const gate = new SweepGate();
    const [one, two, sweep] = [held(log, 'one'), held(log, 'two'), held(log, 'sweep')];
    const all = Promise.allSettled([gate.whileKept(one.act), gate.whileKept(two.act), gate.sweep(sweep.act)]);
    await settled();
    expect(log).toEqual(['one begins', 'two begins']);
    one.end();
    two.end(new Error('it could not'));
    await settled();
    expect(log.slice(2)).toEqual(['one ends', 'two ends', 'sweep begins']);
    sweep.end();
    expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('lets nobody in while a sweep goes on or waits, and everybody after it, also where it failed', async () => {
    const log: string[] = [];
    const gate = new SweepGate();
    const [first, late, sweep, next] = [held(log, 'first'), held(log, 'late'), held(log, 'sweep'), held(log, 'next')];
    const all = Promise.allSettled([gate.whileKept(first.act), gate.sweep(sweep.act), gate.sweep(next.act), gate.whileKept(late.act)]);
    first.end();
    await settled();
    expect(log).toEqual(['first begins', 'first ends', 'sweep begins']);
    sweep.end(new Error('the disk is full'));
    late.end();
    next.end();
    await all;
    expect(log.slice(3)).toEqual(['sweep ends', 'next begins', 'next ends', 'late begins', 'late ends']);
  });
});
