import { EventEmitter } from 'node:events';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { Frame } from '../../../../src/hub/events/frame.ts';
import { type HubLimits, hubLimitDefaults } from '../../../../src/hub/protocol/limits.ts';
import type { Connection } from '../../../../src/hub/server/engine-io.ts';
import { Line } from '../../../../src/hub/server/line.ts';

/** A TCP connection that has been told what it still holds. */
class Raw extends EventEmitter {
  writableLength = 0;
  isDestroyed = false;

  cork(): void {}
  uncork(): void {}

  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }
}

/** Engine.IO's side of a connection: what it is given waits until it is handed on. */
class Conn extends EventEmitter {
  readyState = 'open';
  readonly transport = { name: 'websocket' };
  readonly written: string[] = [];
  readonly raw = new Raw();
  readonly request = { socket: this.raw };

  write(data: string, options: object): void {
    this.written.push(data);
    this.emit('packetCreate', { data, options });
  }

  /** Hands everything on to TCP, which takes all but so much. */
  flush(held = 0): void {
    this.emit('flush');
    this.raw.writableLength = held;
    this.emit('drain');
  }

  isDiscarded = false;

  close(discard = false): void {
    this.readyState = 'closing';
    this.isDiscarded ||= discard;
  }
}

function line(limits: Partial<HubLimits> = {}, isGreeted = true) {
  const conn = new Conn();
  let refused = 0;
  const made = new Line({
    conn: conn as unknown as Connection,
    limits: { ...hubLimitDefaults, bufferedBytes: 1_000, ...limits },
    now: () => 0,
    isNamespace: (name) => name === '/engine',
    onRefused: () => void refused++,
  });
  if (isGreeted) made.enter('/engine', 'test');
  return { line: made, conn, raw: conn.raw, refused: () => refused };
}

describe('a connection', () => {
  it('knows what it has unread: with Engine.IO, and with TCP', () => {
    const { line: it, conn, raw } = line();
    it.write('x'.repeat(99));
    expect(it.buffered).toBe(100);
    it.send(new Frame(() => 'x'.repeat(197)));
    // A WebSocket's frame has four bytes of its own, and Engine.IO's digit.
    expect(it.buffered).toBe(100 + 1 + 4 + 1 + 197);
    expect(it.hasRoom()).toBe(true);
    conn.flush(2_000);
    expect(it.buffered).toBe(2_000);
    expect(it.hasRoom()).toBe(false);
    raw.writableLength = 0;
    expect(it.hasRoom()).toBe(true);
  });

  it('counts what holds something for it: its own TCP connections, and those of its polls until they are empty', () => {
    const { line: it, conn, raw } = line();
    const own = new Raw();
    const polls = Array.from({ length: 12 }, () => new Raw());
    it.watchRaw(own as never, true);
    for (const poll of polls) {
      it.watchRaw(poll as never, false);
      it.watchRaw(poll as never, false);
      poll.writableLength = 10;
    }
    own.writableLength = 1;
    expect(it.buffered).toBe(121);
    for (const poll of polls) poll.writableLength = 0;
    own.writableLength = 0;
    it.watchRaw(new Raw() as never, false);
    // A proxy has others go on there.
    for (const poll of polls) expect([poll.isDestroyed, poll.listenerCount('drain'), poll.listenerCount('close')]).toEqual([false, 0, 0]);
    for (const kept of [own, raw]) expect(kept.listenerCount('drain')).toBe(1);
    own.writableLength = 7;
    expect(it.buffered).toBe(7);
    own.emit('close');
    expect(it.buffered).toBe(0);
    it.destroy();
    expect([raw.isDestroyed, own.isDestroyed, ...polls.map(({ isDestroyed }) => isDestroyed)].filter((is) => is)).toHaveLength(1);
    expect(conn.readyState).toBe('open');
  });

  it('has what is for it done at once while there is room, else in order when there is again', () => {
    const { line: it, conn, raw } = line();
    const done: string[] = [];
    it.whenRoom(() => void done.push('at once'), 0);
    expect(done).toEqual(['at once']);
    it.write('x'.repeat(2_000));
    for (const name of ['a', 'b', 'c'])
      it.whenRoom(() => {
        done.push(name);
        if (name === 'b') it.write('x'.repeat(2_000));
      }, 0);
    const seek = () => done.push('event');
    it.roomSeekers.add(seek);
    conn.flush(2_000);
    expect(done).toHaveLength(1);
    raw.writableLength = 0;
    raw.emit('drain');
    expect(done).toEqual(['at once', 'a', 'b']);
    conn.flush();
    expect(done).toEqual(['at once', 'a', 'b', 'c', 'event']);
    expect(it.owesNothing()).toBe(false);
    it.roomSeekers.delete(seek);
    expect(it.owesNothing()).toBe(true);
  });

  it('ends with a reason where more is asked for than it reads', () => {
    for (const [limits, sizes] of [
      [{ pendingRequests: 3 }, [0, 0, 0, 0, 0, 0, 0]],
      [{ messageBytes: 1_000 }, [1_500, 501]],
    ] as const) {
      const { line: it, conn, refused } = line(limits as Partial<typeof hubLimitDefaults>);
      it.write('x'.repeat(2_000));
      for (const [at, size] of sizes.entries()) {
        expect(conn.readyState).toBe('open');
        it.whenRoom(() => expect.fail('It was done.'), size);
        if (at === sizes.length - 1) expect(conn.readyState).toBe('closing');
      }
      expect(conn.written.at(-1)).toMatch(/^2\/engine,\["connection:closing",\{"error":\{"code":"RESOURCE_EXHAUSTED"/);
      expect(refused()).toBe(1);
      conn.emit('close');
      expect(it.owesNothing()).toBe(true);
    }
  });

  it('is not kept for somebody who never says who it is, nor reads why it ends', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const [silent, known] = [line({ greetingMs: 700 }, false), line({ greetingMs: 700 })];
    vi.advanceTimersByTime(699);
    expect(silent.conn.readyState).toBe('open');
    vi.advanceTimersByTime(1);
    expect(silent.conn.written).toEqual([expect.stringMatching(/^4\{"message":"CONNECTION_TIMEOUT"/)]);
    expect([silent.conn.readyState, silent.conn.isDiscarded, silent.raw.isDestroyed]).toEqual(['closing', false, false]);
    vi.advanceTimersByTime(60_000);
    expect([silent.conn.isDiscarded, silent.raw.isDestroyed]).toEqual([true, true]);
    expect(known.conn.readyState).toBe('open');
  });

  it('tells those who wait for it that it is over', () => {
    const { line: it, conn } = line();
    const told: string[] = [];
    it.onGone(() => told.push('a'));
    it.onGone(() => told.push('b'))();
    conn.emit('close');
    expect(told).toEqual(['a']);
    it.whenRoom(() => expect.fail('It was done.'), 0);
  });
});
