/** How much one client of the hub may send, hold and leave unread. */
import { maxDepth } from '../../json-rules.ts';

export interface HubLimits {
  /** The largest message, in bytes of JSON; room for the largest payload (8 MB) and its envelope. @defaultValue `12_582_912` */
  readonly messageBytes: number;
  /** The largest message of a connection that has not said yet who it is, in bytes. @defaultValue `16_384` */
  readonly greetingBytes: number;
  /** How deep each value in a message may be nested. @defaultValue `1_000` */
  readonly depth: number;
  /** How long a connection may take to say who it is, in milliseconds. @defaultValue `5_000` */
  readonly greetingMs: number;
  /** Connections at the same time that have said who they are. @defaultValue `10_000` */
  readonly connections: number;
  /** Connections at the same time that have not: one more takes the place of another, of a silent one first. @defaultValue `2_000` */
  readonly newcomers: number;
  /** Those of them that come from one address. @defaultValue `1_000` */
  readonly newcomersPerAddress: number;
  /** Requests of one connection: so many a second over a longer time. @defaultValue `5_000` */
  readonly requestsPerSecond: number;
  /** Requests of one connection: so many at once. @defaultValue `10_000` */
  readonly requestBurst: number;
  /** Requests of one connection that wait for their answer. @defaultValue `10_000` */
  readonly pendingRequests: number;
  /** What is buffered for one connection that does not read, in bytes; beyond it, it is read to from the journal. @defaultValue `1_048_576` */
  readonly bufferedBytes: number;
  /** What answers over plain HTTP that are made and not read yet may hold, all of them, in bytes. @defaultValue `67_108_864` */
  readonly answerBytes: number;
  /** How long an answer over plain HTTP may wait for somebody who reads nothing of it, in milliseconds. @defaultValue `30_000` */
  readonly unreadMs: number;
  /**
   * What one token may have of the hub's work while others want some too, in milliseconds of each second; on a hub without tokens,
   * one connection. @defaultValue `500`
   */
  readonly workPerSecond: number;
  /** The same, at once. @defaultValue `2_000` */
  readonly workBurst: number;
  /** Filters in one subscription. @defaultValue `1_000` */
  readonly filters: number;
  /** Workers of one token; without tokens, of all. @defaultValue `10_000` */
  readonly workers: number;
  /** Different methods of the workers of one token; without tokens, of all. Each worker may have all of them, a hundred workers that do. @defaultValue `2_000` */
  readonly methods: number;
}

export const hubLimitDefaults = {
  messageBytes: 12 * 2 ** 20,
  greetingBytes: 16 * 2 ** 10,
  depth: maxDepth,
  greetingMs: 5_000,
  connections: 10_000,
  newcomers: 2_000,
  newcomersPerAddress: 1_000,
  requestsPerSecond: 5_000,
  requestBurst: 10_000,
  pendingRequests: 10_000,
  bufferedBytes: 2 ** 20,
  answerBytes: 64 * 2 ** 20,
  unreadMs: 30_000,
  workPerSecond: 500,
  workBurst: 2_000,
  filters: 1_000,
  workers: 10_000,
  methods: 2_000,
} as const satisfies HubLimits;
