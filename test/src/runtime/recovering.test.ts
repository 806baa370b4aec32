/** How the workflows that were brought back go on: in their order, each once, and sooner where somebody asks something of one. */
import { describe, expect, it } from 'vitest';

import { Recovering } from '../../../src/runtime/recovering.ts';
import type { Core } from '../../../src/system/core.ts';
import type { Arrival } from '../../../src/system/storage-hold.ts';

const idOf = ({ draft }: Pick<Arrival, 'draft'>): unknown => (draft.data as { readonly workflowId: string }).workflowId;

/** Three of them, of which some have ended since. */
function underTest(...gone: readonly string[]) {
  const accepted: unknown[] = [];
  let leisure: Iterator<Arrival> | undefined;
  const core = {
    on: () => undefined,
    registry: { get: (_: string, key: string) => (gone.includes(key) ? undefined : {}) },
    accept: (draft: Arrival['draft']) => accepted.push(idOf({ draft })),
    acceptAtLeisure: (arrivals: Iterable<Arrival>) => {
      leisure = arrivals[Symbol.iterator]();
    },
    // Of a core, it needs no more.
  } as unknown as Core;
  const recovering = new Recovering(core);
  for (const workflowId of ['a', 'b', 'c']) recovering.add(workflowId);
  recovering.begin();
  const next = (): unknown => {
    const { value, done } = leisure?.next() ?? { done: true };
    return done === true ? undefined : idOf(value as Arrival);
  };
  return { recovering, accepted, next };
}

describe('what was brought back', () => {
  it('goes on in its order, each once', () => {
    const { next } = underTest();
    expect([next(), next(), next(), next()]).toEqual(['a', 'b', 'c', undefined]);
  });

  it('goes on at once where something is asked of it, and not again in its turn', () => {
    const { recovering, accepted, next } = underTest();
    expect(next()).toBe('a');
    for (const workflowId of ['a', 'c', 'c', 'none']) recovering.hasten(workflowId);
    expect(accepted).toEqual(['c']);
    expect([next(), next()]).toEqual(['b', undefined]);
  });

  it('is left out where it has ended meanwhile', () => {
    const { next } = underTest('a', 'b');
    expect([next(), next()]).toEqual(['c', undefined]);
  });

  it('stays as it is after a stop', () => {
    const { recovering, next } = underTest();
    expect(next()).toBe('a');
    recovering.stop();
    expect(next()).toBeUndefined();
  });
});
