import { describe, expect, it } from 'vitest';

import { errorOf } from '../../../../src/errors.ts';
import { Patience } from '../../../../src/hub/server/patience.ts';
import { simulatedClock } from '../../../../src/testing/simulated-clock.ts';

const missing = () => errorOf('PROTOCOL_NOT_FOUND', 'There is no protocol text/v1.');
const passing = ['PROTOCOL_NOT_FOUND', 'METHOD_NOT_FOUND'] as const;

function submit(patience: Patience, isKnown: () => boolean, error = missing()) {
  let tries = 0;
  const outcome = patience
    .attempt(() => {
      tries++;
      return isKnown() ? Promise.resolve('done') : Promise.reject(error);
    })
    .catch((thrown: { readonly code: string }) => thrown.code);
  return { outcome, tries: () => tries };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the patience of a hub that has just begun', () => {
  it('tries again with each worker that comes, until one offers the method', async () => {
    const patience = new Patience(simulatedClock(), 30_000);
    let isKnown = false;
    const { outcome, tries } = submit(patience, () => isKnown);
    await settled();
    patience.wake();
    await settled();
    expect(tries()).toBe(2);
    isKnown = true;
    patience.wake();
    expect(await outcome).toBe('done');
    expect(tries()).toBe(3);
  });

  it('is over when workers would have come back, and refuses at once from then on', async () => {
    const clock = simulatedClock();
    const patience = new Patience(clock, 30_000);
    const early = submit(patience, () => false);
    await settled();
    clock.advance(29_999);
    await settled();
    expect(early.tries()).toBe(1);
    clock.advance(1);
    expect(await early.outcome).toBe('PROTOCOL_NOT_FOUND');
    expect(await submit(patience, () => false).outcome).toBe('PROTOCOL_NOT_FOUND');
  });

  it.each(passing)('waits where it may help: %s', async (code) => {
    const patience = new Patience(simulatedClock(), 30_000);
    let isKnown = false;
    const { outcome } = submit(patience, () => isKnown, errorOf(code, 'There is none.'));
    await settled();
    isKnown = true;
    patience.wake();
    expect(await outcome).toBe('done');
  });

  it('waits for nothing else, and not beyond its end', async () => {
    const patience = new Patience(simulatedClock(), 30_000);
    const other = submit(patience, () => false, errorOf('QUEUE_FULL', 'full'));
    expect(await other.outcome).toBe('QUEUE_FULL');
    const waiting = submit(patience, () => false);
    await settled();
    patience.end();
    expect(await waiting.outcome).toBe('PROTOCOL_NOT_FOUND');
  });
});
