import { describe, expect, it } from 'vitest';

import { Visitors } from '../../../../src/hub/http/visitors.ts';
import { hubLimitDefaults } from '../../../../src/hub/protocol/limits.ts';

/** Whether each of some addresses may ask once more. */
function asking({ burst = 1, perSecond = 1 } = {}) {
  let now = 0;
  const visitors = new Visitors({ ...hubLimitDefaults, requestBurst: burst, requestsPerSecond: perSecond }, () => now);
  const may = (address: string): boolean => {
    try {
      visitors.count(address);
      return true;
    } catch {
      return false;
    }
  };
  const pass = (ms: number): void => {
    now += ms;
  };
  return { may, pass };
}

describe('the visitors of the HTTP of a hub', () => {
  it('have so many requests at once, and one more when the time for one has passed', () => {
    const { may, pass } = asking({ burst: 2, perSecond: 10 });
    expect([may('a'), may('a'), may('a')]).toEqual([true, true, false]);
    pass(100);
    expect([may('a'), may('a')]).toEqual([true, false]);
  });

  it('have them each for itself', () => {
    const { may } = asking();
    expect([may('a'), may('b'), may('a'), may('b')]).toEqual([true, true, false, false]);
  });

  it('are forgotten, those first that have been away longest, so that no number of them fills the memory', () => {
    const { may } = asking();
    may('first');
    for (let index = 0; index < 9_999; index += 1) may(`${index}`);
    expect(may('first')).toBe(false);
    // That was another visit: now the longest away is another one.
    may('one more');
    expect([may('first'), may('0')]).toEqual([false, true]);
  });
});
