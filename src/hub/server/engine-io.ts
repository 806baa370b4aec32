/** What Engine.IO has and takes beside what its types say. */
import type { EventEmitter } from 'node:events';

import type { Socket } from 'socket.io';

import type { Frame } from '../events/frame.ts';

/** A connection as Engine.IO has it. */
export type Connection = Socket['conn'];
export type WriteOptions = NonNullable<Parameters<Connection['write']>[1]>;

/** A packet that is to be sent. */
export interface CreatedPacket {
  readonly data?: string;
  readonly options?: Partial<Frame['options']>;
}

/** How much of memory a packet takes until it is handed on, in bytes. */
export function sizeOf({ data, options: { wsPreEncodedFrame: frame } = {} }: CreatedPacket): number {
  return 1 + (frame?.[0]?.length ?? (data === undefined ? 0 : Buffer.byteLength(data)));
}

/**
 * Calls back when a message comes that is too large to be read, right before the connection ends by that. Over long polling its
 * request is refused, and the client ends the connection: that is seen where requests are.
 */
export function onOversize(conn: Connection, listener: () => void): void {
  const watch = (transport: unknown): void => {
    // The WebSocket of a transport is not in the types; the code of the error is a part of the interface of `ws`.
    const { socket } = transport as { readonly socket?: EventEmitter };
    socket?.prependListener('error', (error: { readonly code?: unknown }) => {
      if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') listener();
    });
  };
  watch(conn.transport);
  conn.on('upgrade', watch);
}

/** Bounds each request of long polling, and how long a connection that ends waits for a last one, in milliseconds. */
export function boundPolling({ transport }: Connection, { bytes, closeMs }: { readonly bytes: number; readonly closeMs: number }): void {
  if (transport.name === 'polling') Object.assign(transport, { maxHttpBufferSize: bytes, closeTimeout: closeMs });
}
