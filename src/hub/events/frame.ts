/**
 * A message to a namespace, encoded once however many get it.
 *
 * Long polling takes it as text, a WebSocket as a frame of bytes that needs no more work for each connection.
 */

export interface FrameOptions {
  readonly compress: boolean;
  readonly wsPreEncodedFrame: readonly Buffer[];
}

export class Frame {
  private readonly make: () => string;
  private made: string | undefined;
  private bytes: Buffer | undefined;
  private told: FrameOptions | undefined;

  /** @param make - Writes the packet of Socket.IO. */
  constructor(make: () => string) {
    this.make = make;
  }

  get text(): string {
    this.made ??= this.make();
    return this.made;
  }

  /** The frame of a WebSocket, as from a server: one text, unmasked. RFC 6455, section 5.2. */
  get wire(): Buffer {
    this.bytes ??= wireOf(this.text);
    return this.bytes;
  }

  /** What Engine.IO is told beside the text; one for all, since its transports only read it. */
  get options(): FrameOptions {
    this.told ??= { compress: false, wsPreEncodedFrame: [this.wire] };
    return this.told;
  }

  /** How much of memory it takes, in bytes. */
  get size(): number {
    return this.wire.length + this.text.length;
  }
}

/** The packet of an event or notice: its name and one value. */
export function packetOf(namespace: string, name: string, value: unknown): string {
  return `2${namespace},[${JSON.stringify(name)},${JSON.stringify(value)}]`;
}

const finalText = 0x81;
/** The digit of Engine.IO for a message. */
const message = '4';

function wireOf(text: string): Buffer {
  const length = Buffer.byteLength(text) + message.length;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = finalText;
  if (head === 2) frame[1] = length;
  else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(message, head);
  frame.write(text, head + message.length);
  return frame;
}
