/** A hub that is open: what it tells of itself, and how it ends. */
import type { RequestListener } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

import { errorOf } from '../../errors.ts';
import { durationRule, isDuration } from '../../milliseconds.ts';
import { describeValue } from '../../thrown.ts';
import type { Feed } from '../events/feed.ts';
import type { Loader } from '../work/loader.ts';
import type { WorkerDesk } from '../workers/worker-desk.ts';
import type { Ground } from './ground.ts';
import type { Patience } from './patience.ts';
import type { Sockets } from './sockets.ts';

/** A connection, as those who run the hub see it. */
export interface HubConnection {
  /** Of the other side, as far as it is known: behind a proxy, that of the proxy. */
  readonly address: string;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly transport: string;
  /** The namespaces that it is in, and the name of the token that it entered each with. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** What was sent to it and is not read yet, in bytes. */
  readonly bufferedBytes: number;
  /** Requests that wait for their answers. */
  readonly pendingRequests: number;
}

/** What the hub counts of itself, from its start on but for connections and subscriptions. */
export interface HubFigures {
  readonly connections: number;
  readonly subscriptions: number;
  /** Events, to whoever they were sent. */
  readonly sent: number;
  /** How often a subscription had missed something that was not kept for it, and went back to the journal. */
  readonly behind: number;
  /** Connections, messages and requests that were not taken. */
  readonly refused: number;
}

export interface CloseOptions {
  /** How long what is owed may take to go out, in milliseconds; a number from 0. @defaultValue `2_000` */
  readonly deadlineMs?: number;
}

export interface Hub {
  /** Where it is reached. */
  readonly url: string;
  readonly port: number;
  /** Answers plain HTTP, for a server of one's own to hand requests to. */
  readonly handler: RequestListener;
  connections(): readonly HubConnection[];
  figures(): HubFigures;
  /** Takes nobody in any more, lets what is owed go out, tells everybody, and closes. A second close is the first one. Never rejects. */
  close(options?: CloseOptions): Promise<void>;
}

export const closeDefaults = { deadlineMs: 2_000 } as const;

interface Parts {
  readonly ground: Ground;
  readonly handler: RequestListener;
  readonly sockets: Sockets;
  readonly feed: Feed;
  readonly desk: WorkerDesk;
  readonly loader: Loader;
  readonly patience: Patience;
  readonly refusals: { readonly count: number };
}

/** How often it is looked whether everything has gone out, in milliseconds. */
const lookMs = 10;

export class RunningHub implements Hub {
  readonly handler: RequestListener;
  private readonly parts: Parts;
  private closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.parts = parts;
    this.handler = parts.handler;
  }

  get url(): string {
    return this.parts.ground.url;
  }

  get port(): number {
    return this.parts.ground.port;
  }

  connections(): readonly HubConnection[] {
    return [...this.parts.sockets.lines.values()].map((line) => ({
      address: line.conn.remoteAddress,
      since: line.since,
      transport: line.conn.transport.name,
      namespaces: Object.fromEntries(line.entered),
      bufferedBytes: line.buffered,
      pendingRequests: line.pending,
    }));
  }

  figures(): HubFigures {
    const { sockets, feed, refusals } = this.parts;
    return { connections: sockets.lines.size, subscriptions: feed.size, ...feed.figures, refused: refusals.count };
  }

  /** @throws GleitzeitError INVALID_PARAMS for a deadline that is none, and nothing else */
  async close({ deadlineMs = closeDefaults.deadlineMs }: CloseOptions = {}): Promise<void> {
    if (!isDuration(deadlineMs)) throw errorOf('INVALID_PARAMS', `The deadline of a close must be ${durationRule}, got ${describeValue(deadlineMs)}`);
    this.closing ??= this.shut(deadlineMs);
    return this.closing;
  }

  private async shut(deadlineMs: number): Promise<void> {
    const { ground, sockets, feed, desk, loader, patience } = this.parts;
    const lines = [...sockets.lines.values()];
    const why = errorOf('SYSTEM_SHUTDOWN', 'The hub closes.');
    const until = performance.now() + deadlineMs;
    const settled = async (isSettled: () => boolean): Promise<void> => {
      while (!isSettled() && performance.now() < until) await wait(lookMs);
    };
    sockets.refuse(why);
    patience.end();
    await settled(() => lines.every((line) => line.owesNothing()));
    for (const line of lines) line.leave(why);
    await settled(() => sockets.lines.size === 0);
    loader.close();
    feed.close();
    desk.close();
    sockets.close();
    await ground.leave();
  }
}
