/**
 * The connection of a client to its hub: one transport, and on it the namespaces that are needed.
 *
 * It connects again for as long as it is held, with a delay that grows and varies, so that the clients of a hub that restarts do not
 * come all at once. It keeps nothing: what was under way when a connection broke is for its watcher to state again.
 */
import type { Manager, Socket } from 'socket.io-client';

import type { Namespace } from '../../../machines/events/namespace.ts';
import { backoffMs } from '../../../machines/policies/backoff.ts';
import type { GleitzeitError } from '../../errors.ts';
import { refusalOf, unreachable } from './wire-errors.ts';

/** Told of what becomes of the connection, and of what comes over it. */
export interface LinkWatcher {
  opened(namespace: Namespace): void;
  closed(namespace: Namespace): void;
  heard(namespace: Namespace, name: string, payload: unknown): void;
  /** A try failed, and there will be another. */
  failed(error: GleitzeitError): void;
  /** The hub does not let this client in: there will be no other try. */
  refused(error: GleitzeitError): void;
}

export interface Message {
  readonly name: string;
  readonly data: object;
}

export interface LinkOptions {
  readonly url: string;
  readonly path: string;
  readonly token: string | undefined;
}

/** Between two tries. */
const again = { strategy: 'exponential', baseDelayMs: 200, maxDelayMs: 5_000, jitter: 'equal' } as const;
/** How long one try may take, in milliseconds. */
const tryMs = 10_000;

/** What says that this client will never be let in; what else a hub refuses with may pass. */
const final: ReadonlySet<string> = new Set(['AUTHENTICATION_FAILED', 'AUTHORIZATION_FAILED']);

export class Link {
  private readonly manager: Manager;
  private readonly options: LinkOptions;
  private readonly watcher: LinkWatcher;
  private readonly lines = new Map<Namespace, Line>();

  /** @param client - The library, which whoever never connects need not load. */
  constructor(client: { readonly Manager: typeof Manager }, options: LinkOptions, watcher: LinkWatcher) {
    this.options = options;
    this.watcher = watcher;
    this.manager = new client.Manager(options.url, {
      path: options.path,
      // The others are for browsers behind proxies of old.
      transports: ['websocket'],
      autoConnect: false,
      timeout: tryMs,
      reconnectionDelay: again.baseDelayMs,
      reconnectionDelayMax: again.maxDelayMs,
      randomizationFactor: 0.5,
    });
  }

  /** Connects a namespace, and keeps it connected. */
  open(namespace: Namespace): void {
    if (this.lines.has(namespace)) return;
    const { token } = this.options;
    const socket = this.manager.socket(namespace, token === undefined ? {} : { auth: { token } });
    this.lines.set(namespace, this.attend(namespace, { socket, tries: 0, timer: undefined }));
    socket.connect();
  }

  /** Leaves a namespace; nothing more is heard of it. */
  close(namespace: Namespace): void {
    const line = this.lines.get(namespace);
    if (line === undefined) return;
    this.lines.delete(namespace);
    clearTimeout(line.timer);
    line.socket.offAny();
    line.socket.off();
    line.socket.disconnect();
  }

  end(): void {
    for (const namespace of [...this.lines.keys()]) this.close(namespace);
  }

  isOpen(namespace: Namespace): boolean {
    return this.lines.get(namespace)?.socket.connected === true;
  }

  /** Sends on an open namespace; there is no answer where the connection breaks first. */
  send(namespace: Namespace, { name, data }: Message, answered: (answer: unknown) => void): void {
    this.lines.get(namespace)?.socket.emit(name, data, answered);
  }

  private attend(namespace: Namespace, line: Line): Line {
    const { socket } = line;
    const { watcher } = this;
    socket.on('connect', () => {
      line.tries = 0;
      watcher.opened(namespace);
    });
    socket.on('disconnect', () => {
      // What the library still holds would be sent again beside what its watcher states again.
      socket.sendBuffer = [];
      watcher.closed(namespace);
      this.retryIfGivenUp(line);
    });
    socket.on('connect_error', (thrown) => {
      const refusal = refusalOf(thrown);
      if (refusal !== undefined && final.has(refusal.code)) {
        watcher.refused(refusal);
        return;
      }
      watcher.failed(refusal ?? unreachable(this.options.url, thrown));
      this.retryIfGivenUp(line);
    });
    socket.onAny((name: unknown, payload: unknown) => watcher.heard(namespace, String(name), payload));
    return line;
  }

  /** The library gives up where it was the hub that ended the connection or did not take it. */
  private retryIfGivenUp(line: Line): void {
    const { socket } = line;
    if (socket.active) return;
    line.tries += 1;
    line.timer = setTimeout(() => socket.connect(), backoffMs(again, line.tries, Math.random()));
  }
}

interface Line {
  readonly socket: Socket;
  tries: number;
  timer: NodeJS.Timeout | undefined;
}
