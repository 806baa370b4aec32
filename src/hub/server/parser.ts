/**
 * Reads and writes the packets of Socket.IO, and believes nothing that it reads.
 *
 * Socket.IO's own parser parses whatever comes, of whatever size and depth, and closes the connection without a word at what it
 * cannot read. This one looks at the size before it parses, at depth and keys before anything is made of them, and makes of what it
 * does not take a refusal with the number of the packet, so that the sender is told. Nothing binary is taken.
 * The format: https://socket.io/docs/v4/socket-io-protocol/
 */
import { EventEmitter } from 'node:events';

import { errorOf, type GleitzeitError } from '../../errors.ts';
import { bringsWorkflow } from '../protocol/requests.ts';
import { isReportName } from '../protocol/workers.ts';
import { Unread, unreadFrom } from '../work/unread.ts';
import { type JsonBounds, parseJson, refuseTooLarge } from './scan.ts';

/** The types of packets, by their digit. */
export const packetTypes = { connect: 0, disconnect: 1, event: 2, ack: 3, connectError: 4, binaryEvent: 5, binaryAck: 6 } as const;

export interface Packet {
  readonly type: number;
  readonly nsp: string;
  readonly id?: number | undefined;
  readonly data?: unknown;
}

/** A message as its namespace gets it: no client can make one of these, so that what is refused here cannot be forged. */
export class Incoming {
  readonly name: string;
  readonly data: unknown;
  /** The number that an answer has to have; absent where none is wanted. */
  readonly id: number | undefined;
  /** Its length, in characters. */
  readonly size: number;
  /** Why it is not taken. Its name and data are there all the same, as far as they can be read: believed by nobody, but to tell what it was. */
  readonly refusal: GleitzeitError | undefined;

  constructor(parts: Pick<Incoming, 'name' | 'data' | 'id' | 'size' | 'refusal'>) {
    this.name = parts.name;
    this.data = parts.data;
    this.id = parts.id;
    this.size = parts.size;
    this.refusal = parts.refusal;
  }
}

/** The connection that packets come by, as the parser knows it. */
export interface Gate {
  readonly bounds: JsonBounds;
  /**
   * Whether a packet is taken.
   * @throws GleitzeitError why it is not, where its sender is to be told
   */
  admit(header: PacketHeader): void;
  /** Says why a namespace cannot be entered. */
  refuseEntry(nsp: string, error: GleitzeitError): void;
  /** Says why the connection cannot go on, and ends it. */
  end(error: GleitzeitError): void;
}

export interface PacketHeader {
  readonly type: number;
  readonly nsp: string;
  readonly id: number | undefined;
  /** In characters. */
  readonly size: number;
}

const header = /^([0-6])(?:(\d{1,3})-)?(?:(\/[^,]{0,200})(?:,|$))?(\d{1,15})?/;

/** A message as far as its name goes. */
const messageStart = /^\["([a-z:_]{1,64})",/;

/** How large messages may be that bring no workflow and no result, in bytes; filters and leases may be many. */
const modestBytes = 2 ** 16;
const longBytes = 2 ** 20;
const longNames: ReadonlySet<string> = new Set(['subscribe', 'worker:register', 'worker:heartbeat', 'worker:drain']);

function bytesOf(name: string): number {
  if (bringsWorkflow(name) || isReportName(name)) return Number.POSITIVE_INFINITY;
  return longNames.has(name) ? longBytes : modestBytes;
}

/** Makes the parser that Socket.IO is given; each new connection asks for its gate. */
export function parserFor(nextGate: () => Gate): { readonly Encoder: typeof PacketEncoder; readonly Decoder: new () => PacketDecoder } {
  return {
    Encoder: PacketEncoder,
    Decoder: class extends PacketDecoder {
      constructor() {
        super(nextGate());
      }
    },
  };
}

export class PacketEncoder {
  encode({ type, nsp, id, data }: Packet): readonly string[] {
    return [`${type}${nsp === '/' ? '' : `${nsp},`}${id ?? ''}${data === undefined ? '' : JSON.stringify(data)}`];
  }
}

export class PacketDecoder extends EventEmitter {
  private readonly gate: Gate;
  /** Binary parts that are still to come of messages that were refused. */
  private parts = 0;

  constructor(gate: Gate) {
    super();
    this.gate = gate;
  }

  /** Takes a packet; never throws. */
  add(given: unknown): void {
    if (typeof given === 'string') this.read(given);
    else if (this.parts > 0) this.parts--;
    else this.gate.end(errorOf('INVALID_REQUEST', 'Nothing binary is taken here: everything is JSON.'));
  }

  /** Called by Socket.IO when the connection is over. */
  destroy(): void {
    this.parts = 0;
  }

  private read(text: string): void {
    const [head = '', digit = '', parts, nsp = '/', number] = header.exec(text) ?? [];
    const type = Number(digit);
    const id = number === undefined ? undefined : Number(number);
    const isBinary = type === packetTypes.binaryEvent || type === packetTypes.binaryAck;
    if (head === '' || isBinary !== (parts !== undefined)) {
      this.gate.end(errorOf('PARSE_ERROR', 'That is no packet of Socket.IO 4.'));
      return;
    }
    this.parts += Number(parts ?? 0);
    const packet = { type: type === packetTypes.binaryEvent ? packetTypes.event : type, nsp, id, size: text.length };
    let isAdmitted = false;
    try {
      this.gate.admit(packet);
      isAdmitted = true;
      if (isBinary) throw errorOf('INVALID_REQUEST', 'Nothing binary is taken here: send bytes as text, for example in base64.');
      const large = packet.type === packetTypes.event ? this.largeOf(text, head.length) : undefined;
      if (large !== undefined) this.emitMessage(packet, large);
      else this.take(packet, text.length === head.length ? undefined : parseJson(text, head.length, this.gate.bounds));
    } catch (thrown) {
      // Nothing above throws anything else.
      this.refuse(packet, thrown as GleitzeitError, isAdmitted ? legible(text.slice(head.length)) : illegible);
    }
  }

  /**
   * Looks at the name and the size of a large message before all of it is read, which takes time that others wait for: a workflow is
   * read in a thread, and what has no reason to be large is refused.
   */
  private largeOf(text: string, from: number): Pick<Incoming, 'name' | 'data' | 'refusal'> | undefined {
    if (text.length < unreadFrom) return undefined;
    const [start = '', name = ''] = messageStart.exec(text.slice(from, from + 100)) ?? [];
    if (bringsWorkflow(name) && text.endsWith(']')) {
      refuseTooLarge(text, this.gate.bounds);
      return { name, data: new Unread(text.slice(from + start.length, -1)), refusal: undefined };
    }
    const bytes = Math.min(this.gate.bounds.bytes, bytesOf(name));
    if (text.length <= bytes) return undefined;
    const refusal = errorOf('RESOURCE_EXHAUSTED', `A message '${name}' may have ${bytes} bytes, got ${Buffer.byteLength(text)}`, {
      retryable: false,
    });
    // Of a report, its attempt is looked for all the same.
    return isReportName(name) ? undefined : { name: '', data: undefined, refusal };
  }

  private take(packet: PacketHeader, payload: unknown): void {
    const { type, nsp } = packet;
    switch (type) {
      case packetTypes.connect:
        if (payload !== undefined && !isObject(payload)) throw errorOf('INVALID_REQUEST', 'What a connection begins with is an object: { token }.');
        this.emit('decoded', { type, nsp, data: payload ?? {} });
        return;
      case packetTypes.disconnect:
        this.emit('decoded', { type, nsp });
        return;
      case packetTypes.event:
        this.emitMessage(packet, messageOf(payload));
        return;
      // The hub asks for no acknowledgement, and a client has no errors to tell it.
      default:
        return;
    }
  }

  private refuse(packet: PacketHeader, error: GleitzeitError, said: Pick<Incoming, 'name' | 'data'>): void {
    if (packet.type === packetTypes.event) this.emitMessage(packet, { ...said, refusal: error });
    else if (packet.type === packetTypes.connect) this.gate.refuseEntry(packet.nsp, error);
    else this.gate.end(error);
  }

  private emitMessage({ nsp, id, size }: PacketHeader, message: Pick<Incoming, 'name' | 'data' | 'refusal'>): void {
    // Without its number, so that Socket.IO makes no answer of its own.
    this.emit('decoded', { type: packetTypes.event, nsp, data: ['message', new Incoming({ ...message, id, size })] });
  }
}

const illegible = { name: '', data: undefined } as const;

/** What can be read of a message that is refused. */
function legible(text: string): Pick<Incoming, 'name' | 'data'> {
  try {
    const [name, data] = JSON.parse(text) as readonly unknown[];
    return typeof name === 'string' ? { name, data } : illegible;
  } catch {
    return illegible;
  }
}

/** A message is its name and one value. */
function messageOf(payload: unknown): Pick<Incoming, 'name' | 'data' | 'refusal'> {
  if (!Array.isArray(payload)) throw errorOf('INVALID_REQUEST', 'A message has to be a list of its name and its data.');
  const [name, data] = payload as readonly unknown[];
  if (typeof name !== 'string' || payload.length > 2) throw errorOf('INVALID_REQUEST', 'A message has to be a name and one value, and no more.');
  return { name, data, refusal: undefined };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
