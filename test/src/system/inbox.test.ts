/** What is taken when: first what came, then what can wait, and of each a portion. */
import { describe, expect, it } from 'vitest';

import { Inbox } from '../../../src/system/inbox.ts';
import type { Arrival } from '../../../src/system/storage-hold.ts';

const arrival = (reason: string): Arrival => ({ draft: { type: 'engine:pause', data: { reason, by: 'api' } }, origin: { source: 'test' } });

function* atLeisure(...reasons: readonly string[]): Generator<Arrival> {
  for (const reason of reasons) yield arrival(reason);
}

/** Takes a portion of a number of arrivals. */
function takenOf(inbox: Inbox, most: number, isHeld = false): readonly unknown[] {
  const taken: unknown[] = [];
  inbox.takeSome({ take: ({ draft }) => taken.push((draft.data as { reason: string }).reason), isLate: () => taken.length >= most, isHeld });
  return taken;
}

describe('the inbox', () => {
  it('gives what came before what can wait, as long as there is time', () => {
    const inbox = new Inbox();
    inbox.putAtLeisure(atLeisure('x', 'y'));
    for (const reason of ['a', 'b']) inbox.put(arrival(reason));
    expect(takenOf(inbox, 9)).toEqual(['a', 'b', 'x', 'y']);
    expect(inbox.isEmpty).toBe(true);
  });

  it('gives at least one of each, however little time there is', () => {
    const inbox = new Inbox();
    inbox.putAtLeisure(atLeisure('x', 'y'));
    for (const reason of ['a', 'b']) inbox.put(arrival(reason));
    expect([takenOf(inbox, 1), takenOf(inbox, 1), takenOf(inbox, 1)]).toEqual([['a', 'x'], ['b', 'y'], []]);
    expect([inbox.accepted, inbox.carried]).toEqual([2, 2]);
  });

  it('gives what comes meanwhile before the rest of what can wait', () => {
    const inbox = new Inbox();
    inbox.putAtLeisure(atLeisure('x', 'y', 'z'));
    expect(takenOf(inbox, 1)).toEqual(['x']);
    inbox.put(arrival('a'));
    expect(takenOf(inbox, 9)).toEqual(['a', 'y', 'z']);
  });

  it('keeps what can wait while it is held, and knows then that there is nothing to do', () => {
    const inbox = new Inbox();
    inbox.putAtLeisure(atLeisure('x'));
    expect(takenOf(inbox, 9, true)).toEqual([]);
    expect([inbox.isPending(true), inbox.isPending(false), inbox.isEmpty]).toEqual([false, true, false]);
    expect(takenOf(inbox, 9)).toEqual(['x']);
  });
});
