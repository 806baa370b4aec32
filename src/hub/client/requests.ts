/**
 * What a client asks its hub, until it is answered.
 *
 * A request that was under way when the connection broke is asked again on the next one: each either asks for a state or has an
 * id, so that it comes to the same however often the hub hears it. So is one that the hub refuses because it comes or goes just
 * then, or because this client asks too much at once. Nothing is asked while there is no connection for longer than the client's patience.
 */
import { backoffMs } from '../../../machines/policies/backoff.ts';
import { errorOf, type GleitzeitError, toError } from '../../errors.ts';
import type { RequestData, RequestName, Responses } from '../protocol/requests.ts';
import { valueOfAnswer } from './wire-errors.ts';

export interface RequestsOptions {
  readonly patienceMs: number;
  /** How often somebody began to watch. */
  readonly changes: () => number;
  /** Whether what is sent now arrives, and whoever watched after so many changes hears of what it brings about. */
  readonly canSend: (change: number) => boolean;
  readonly send: (name: RequestName, data: object, answered: (answer: unknown) => void) => void;
}

/** What a refusal means for a request that the hub may have carried out already, before the connection broke. */
type IfRepeated<Name extends RequestName> = (error: GleitzeitError) => Responses[Name] | undefined;

interface Pending {
  readonly name: RequestName;
  readonly data: object;
  readonly resolve: (value: object) => void;
  readonly reject: (error: GleitzeitError) => void;
  readonly ifRepeated: ((error: GleitzeitError) => object | undefined) | undefined;
  /** What was watched when it was asked is heard before it is sent. */
  readonly change: number;
  state: 'waiting' | 'sent' | 'resting';
  /** How often it was sent, and the epoch milliseconds of the first time. */
  sent: number;
  sentAt: number | undefined;
  refusals: number;
  /** Epoch milliseconds of the first refusal that may pass. */
  refusedAt: number | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** Requests of one kind: how many may wait for their answers at the hub. */
class Lane {
  readonly waiting = new Set<Pending>();
  underWay = 0;
  readonly most: number;

  constructor(most: number) {
    this.most = most;
  }
}

/** Refusals that pass: the hub comes, goes, or is asked too much at once. */
const passing: ReadonlySet<string> = new Set(['SYSTEM_SHUTDOWN', 'SYSTEM_NOT_INITIALIZED', 'RATE_LIMIT_EXCEEDED']);
const afterRefusal = { strategy: 'exponential', baseDelayMs: 100, maxDelayMs: 2_000, jitter: 'equal' } as const;
/** A request that may be what breaks the connection each time is not sent for ever: so often it is sent at least, whatever the patience. */
const leastTries = 5;

export class Requests {
  private readonly options: RequestsOptions;
  private readonly pending = new Set<Pending>();
  /** Those that may take any time do not stand in the way of the others; both together stay below what a hub allows one connection. */
  private readonly lanes = { long: new Lane(8_000), short: new Lane(1_000) };
  private isDown = true;
  private ended: GleitzeitError | undefined;

  constructor(options: RequestsOptions) {
    this.options = options;
  }

  /**
   * Asks the hub.
   * @throws GleitzeitError what the hub refused it with; NETWORK_UNREACHABLE or CONNECTION_LOST when there was no connection for too long
   */
  ask<Name extends RequestName>(name: Name, data: RequestData<Name>, ifRepeated?: IfRepeated<Name>): Promise<Responses[Name]> {
    return new Promise<object>((resolve, reject) => {
      if (this.ended !== undefined) {
        reject(this.ended);
        return;
      }
      const rest = { state: 'waiting', sent: 0, sentAt: undefined, refusals: 0, refusedAt: undefined, timer: undefined } as const;
      const request: Pending = { name, data, resolve, reject, ifRepeated, change: this.options.changes(), ...rest };
      this.pending.add(request);
      this.enqueue(request);
      if (this.isDown) this.losePatience(request);
    }) as Promise<Responses[Name]>; // The hub answers each request with what the protocol says.
  }

  /** There is a connection: what waits is sent as soon as it may be. */
  opened(): void {
    this.isDown = false;
    for (const request of this.pending) clearTimeout(request.timer);
    this.pump();
  }

  /** The connection is gone: what was under way waits for the next one. */
  closed(): void {
    this.isDown = true;
    for (const lane of Object.values(this.lanes)) lane.underWay = 0;
    for (const request of this.pending) {
      clearTimeout(request.timer);
      this.enqueue(request);
      this.losePatience(request);
    }
  }

  /** Nothing is answered any more. */
  end(error: GleitzeitError): void {
    this.ended ??= error;
    for (const request of [...this.pending]) this.settle(request, () => request.reject(error));
  }

  /** Sends what may be sent now. */
  pump(): void {
    for (const lane of Object.values(this.lanes)) {
      for (const request of lane.waiting) {
        if (lane.underWay >= lane.most || !this.options.canSend(request.change)) break;
        this.send(request, lane);
      }
    }
  }

  private enqueue(request: Pending): void {
    request.state = 'waiting';
    this.laneOf(request).waiting.add(request);
    this.pump();
  }

  private laneOf({ name }: Pending): Lane {
    return name === 'workflow:result' ? this.lanes.long : this.lanes.short;
  }

  private send(request: Pending, lane: Lane): void {
    lane.waiting.delete(request);
    lane.underWay += 1;
    request.state = 'sent';
    request.sent += 1;
    request.sentAt ??= performance.now();
    const which = request.sent;
    this.options.send(request.name, request.data, (answer) => {
      // An answer to an earlier time of asking is as good, but that one no longer counts as under way.
      if (!this.pending.has(request) || request.state !== 'sent' || request.sent !== which) return;
      lane.underWay -= 1;
      this.take(request, answer);
      this.pump();
    });
  }

  private take(request: Pending, answer: unknown): void {
    try {
      const value = valueOfAnswer(answer);
      this.settle(request, () => request.resolve(value));
    } catch (thrown) {
      const error = toError(thrown);
      const known = request.sent > 1 ? request.ifRepeated?.(error) : undefined;
      if (known !== undefined) this.settle(request, () => request.resolve(known));
      else if (!this.restAfter(error, request)) this.settle(request, () => request.reject(error));
    }
  }

  /** @returns whether the request is asked again later */
  private restAfter(error: GleitzeitError, request: Pending): boolean {
    const now = performance.now();
    request.refusals += 1;
    request.refusedAt ??= now;
    const delayMs = Math.max(error.retryAfterMs ?? 0, backoffMs(afterRefusal, request.refusals, Math.random()));
    const isResult = request.name === 'workflow:result';
    // Of a submit it would say that the system has too much to do, which its user is to know.
    const isCrowded = isResult && error.code === 'RESOURCE_EXHAUSTED' && error.retryable;
    if (!isCrowded && !passing.has(error.code)) return false;
    // A result may take any time, so it may also wait its turn for any time.
    const isPatient = isCrowded || (isResult && error.code === 'RATE_LIMIT_EXCEEDED');
    if (!isPatient && now + delayMs > request.refusedAt + this.options.patienceMs) return false;
    request.state = 'resting';
    request.timer = setTimeout(() => this.enqueue(request), delayMs);
    return true;
  }

  private losePatience(request: Pending): void {
    const { patienceMs } = this.options;
    const isOld = request.sentAt !== undefined && performance.now() - request.sentAt > patienceMs;
    if (isOld && request.sent >= leastTries && request.name !== 'workflow:result') {
      const message = `The connection broke each of the ${request.sent} times that '${request.name}' was asked for.`;
      this.settle(request, () => request.reject(errorOf('CONNECTION_LOST', message)));
      return;
    }
    request.timer = setTimeout(() => this.settle(request, () => request.reject(outOfPatience(request, patienceMs))), patienceMs);
  }

  private settle(request: Pending, act: () => void): void {
    clearTimeout(request.timer);
    this.pending.delete(request);
    this.laneOf(request).waiting.delete(request);
    act();
  }
}

function outOfPatience({ name, sent }: Pending, patienceMs: number): GleitzeitError {
  if (sent === 0) return errorOf('NETWORK_UNREACHABLE', `There has been no connection to the hub for ${patienceMs} ms: '${name}' was not asked for.`);
  const message = `The connection to the hub broke and did not come back within ${patienceMs} ms: whether '${name}' was carried out is not known.`;
  return errorOf('CONNECTION_LOST', message);
}
