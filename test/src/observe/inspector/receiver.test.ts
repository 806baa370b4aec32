import { describe, expect, it } from 'vitest';

import { Receiver } from '../../../../src/observe/inspector/receiver.ts';
import type { Actor } from '../../../../src/system/actor.ts';

/** A connection whose other side reads only when told. */
function outlet() {
  const sent: string[] = [];
  let pending: (() => void)[] = [];
  let buffered = 0;
  const state = { closed: false, terminated: false };
  return {
    sent,
    state,
    isStalled: false,
    get bufferedAmount() {
      return buffered;
    },
    send(text: string, done: () => void) {
      sent.push(text);
      if (!this.isStalled) return setImmediate(done);
      buffered += 2 * 1024 * 1024;
      pending.push(done);
      return undefined;
    },
    read() {
      this.isStalled = false;
      buffered = 0;
      for (const done of pending) done();
      pending = [];
    },
    close: () => {
      state.closed = true;
    },
    terminate: () => {
      state.terminated = true;
    },
  };
}

const actor = (key: string, hasEnded = false) => ({ address: `task/${key}`, hasEnded: () => hasEnded }) as unknown as Actor;
const caughtUp = (dropped: number, ended: readonly Actor[]) => [`missed ${dropped}`, ...ended.map(({ address }) => `ended ${address}`)];

async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('a receiver', () => {
  it('is told everything in order', async () => {
    const to = outlet();
    const receiver = new Receiver({ outlet: to, limit: 100_000, caughtUp });
    for (let n = 0; n < 10_000; n++) receiver.tell(n % 2 === 0 ? `${n}` : () => `${n}`);
    await turns(100);
    expect(to.sent).toEqual([...Array(10_000).keys()].map(String));
  });

  it('holds back while the connection is full, and has no room beyond its limit', async () => {
    const to = outlet();
    to.isStalled = true;
    const receiver = new Receiver({ outlet: to, limit: 3, caughtUp });
    receiver.tell('0');
    await turns();
    for (const text of ['1', '2', '3']) {
      expect(receiver.hasRoom()).toBe(true);
      receiver.tell(text);
    }
    await turns();
    expect(receiver.hasRoom()).toBe(false);
    expect(to.sent).toEqual(['0']);
  });

  it('has no room for long texts either, however few', () => {
    const receiver = new Receiver({ outlet: outlet(), limit: 100, caughtUp });
    for (let n = 0; n < 33; n++) receiver.tell('x'.repeat(1024 * 1024));
    expect(receiver.hasRoom()).toBe(false);
  });

  it('does not count actors that are still to be introduced', () => {
    const receiver = new Receiver({ outlet: outlet(), limit: 3, caughtUp });
    for (let n = 0; n < 100; n++) receiver.tell(() => 'an actor');
    expect(receiver.hasRoom()).toBe(true);
  });

  it('is told what it missed when it has caught up, and takes part again', async () => {
    const to = outlet();
    to.isStalled = true;
    const receiver = new Receiver({ outlet: to, limit: 1, caughtUp });
    const [known, unknown, alive] = [actor('known', true), actor('unknown', true), actor('alive')];
    receiver.knows.add(known).add(alive);
    receiver.tell('0');
    await turns();
    receiver.tell('1');
    for (const missed of [alive, known, unknown]) receiver.miss(missed);
    to.read();
    expect(receiver.hasRoom()).toBe(false);
    await turns();
    expect(to.sent).toEqual(['0', '1', 'missed 3', 'ended task/known']);
    expect(receiver.hasRoom()).toBe(true);
    receiver.tell('2');
    await turns();
    expect(to.sent.at(-1)).toBe('2');
  });

  it('closes after what waits', async () => {
    const to = outlet();
    const receiver = new Receiver({ outlet: to, limit: 10, caughtUp });
    receiver.tell('last');
    receiver.finish();
    await turns();
    expect([to.sent, to.state.closed]).toEqual([['last'], true]);
  });

  it('sends nothing when its connection is gone', async () => {
    const to = outlet();
    const receiver = new Receiver({ outlet: to, limit: 10, caughtUp });
    receiver.tell('waits');
    receiver.forget();
    receiver.tell('late');
    receiver.finish();
    await turns();
    expect([to.sent, to.state.closed]).toEqual([[], false]);
    receiver.drop();
    expect(to.state.terminated).toBe(true);
  });
});
