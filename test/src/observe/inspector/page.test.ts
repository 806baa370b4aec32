import { runInNewContext } from 'node:vm';

import { describe, expect, it } from 'vitest';

import { bridge } from '../../../../src/observe/inspector/page.ts';

/** The bridge in a browser of which only the parts that it touches exist. */
function browser() {
  const passed: unknown[][] = [];
  const sockets: { url: string; isClosed: boolean; onmessage?: (message: { data: string }) => void; onopen?: () => void; onclose?: () => void }[] =
    [];
  const waiting: (() => void)[] = [];
  const frame = { src: '', contentWindow: { postMessage: (...message: unknown[]) => passed.push(message) } };
  const state = { hidden: false, textContent: '' };
  let hear: (message: object) => void = () => undefined;
  runInNewContext(bridge, {
    document: { getElementById: () => state, createElement: () => frame, body: { append: () => undefined } },
    location: { host: '127.0.0.1:8080' },
    addEventListener: (_: string, listener: typeof hear) => {
      hear = listener;
    },
    setTimeout: (act: (origin: string) => void, _: number, origin: string) => waiting.push(() => act(origin)),
    clearTimeout: () => undefined,
    WebSocket: class {
      isClosed = false;
      readonly url: string;
      constructor(url: string) {
        this.url = url;
        sockets.push(this);
      }
      close() {
        this.isClosed = true;
      }
    },
  });
  const ready = (more: object = {}) =>
    hear({ data: { type: '@statelyai.connected' }, origin: 'https://stately.ai', source: frame.contentWindow, ...more });
  return { passed, sockets, waiting, frame, state, ready };
}

describe('the page', () => {
  it('connects when its frame is ready, and passes messages on to the frame', () => {
    const { passed, sockets, frame, state, ready } = browser();
    expect([frame.src, sockets]).toEqual(['https://stately.ai/inspect', []]);
    ready();
    expect(sockets.map(({ url }) => url)).toEqual(['ws://127.0.0.1:8080']);
    sockets[0]?.onopen?.();
    expect(state.hidden).toBe(true);
    sockets[0]?.onmessage?.({ data: '{"type":"@xstate.actor"}' });
    expect(JSON.stringify(passed)).toBe('[[{"type":"@xstate.actor"},"https://stately.ai"]]');
  });

  it.each([
    ['another site', { origin: 'https://evil.example' }],
    ['another frame', { source: {} }],
    ['something else', { data: { type: 'other' } }],
    ['nothing', { data: null }],
  ])('does not connect at a message from %s', (_, message) => {
    const { sockets, ready } = browser();
    ready(message);
    expect(sockets).toEqual([]);
  });

  it('connects anew when the connection is lost, and when the frame was loaded again', () => {
    const { sockets, waiting, state, ready } = browser();
    ready();
    sockets[0]?.onclose?.();
    expect(state.hidden).toBe(false);
    waiting[0]?.();
    expect(sockets).toHaveLength(2);
    ready();
    expect(sockets.map(({ isClosed }) => isClosed)).toEqual([true, true, false]);
  });
});
