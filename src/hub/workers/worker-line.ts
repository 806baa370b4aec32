/** What the desk of the workers and the connections that they come by ask of each other. */
import type { GleitzeitError } from '../../errors.ts';
import type { HubMessageName, ReportName, WorkerMessageName } from '../protocol/workers.ts';

/** Whoever holds a token that workers come with. */
export interface Holder {
  /** Another one for each token. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** @defaultValue every protocol that is not closed to workers */
  readonly protocols?: ReadonlySet<string>;
}

/** One connection, as the desk uses it. */
export interface WorkerLine {
  /** Names the connection. */
  readonly id: string;
  /** Whoever holds the token that it came with. */
  readonly holder: Holder;
  /** Sends a message; one that cannot be sent any more is dropped. */
  send(name: HubMessageName, data: object): void;
}

/** The desk, as one connection uses it. */
export interface WorkerConnection {
  /**
   * Takes a message; resolves with what it is answered with.
   * @throws GleitzeitError why it is refused
   */
  handle(name: WorkerMessageName, data: unknown): Promise<object>;
  /**
   * Takes a report that the hub refuses as it is: the attempt has failed by that, at once, where it is known which one.
   * @throws GleitzeitError the refusal, where it is not
   */
  refused(name: ReportName, data: unknown, refusal: GleitzeitError): Promise<object>;
  /** Says that a message came which is too large to be read: the connection ends by that, and it may have been a report. */
  oversized(): void;
  /** Says that the connection is over. What its workers run stays theirs until the leases end. */
  closed(reason: string): void;
}
