/**
 * One connection in one namespace: takes its messages, has them done, and answers.
 *
 * Whatever goes wrong with a message is its answer; nothing that is sent here throws. A message that wants no answer is done all
 * the same. While the connection has too much unread its messages wait, and what was found for it meanwhile is let go of and looked
 * up again when there is room.
 */
import type { Namespace } from '../../../machines/events/namespace.ts';
import { errorOf, GleitzeitError } from '../../errors.ts';
import type { Logger } from '../../runtime/logger.ts';
import { describeValue } from '../../thrown.ts';
import type { Feed } from '../events/feed.ts';
import { Frame, packetOf } from '../events/frame.ts';
import { selecting } from '../events/selection.ts';
import type { Subscription } from '../events/subscription.ts';
import { wireErrorOf } from '../protocol/answers.ts';
import { checked } from '../protocol/checking.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { requests } from '../protocol/requests.ts';
import { subscribeData } from '../protocol/subscriptions.ts';
import { isReportName, type WorkerMessageName, workerMessages } from '../protocol/workers.ts';
import type { EdgeWork } from '../work/edge-work.ts';
import { jsonText } from '../work/json-pieces.ts';
import type { WorkerConnection, WorkerDesk } from '../workers/worker-desk.ts';
import { type Grant, requireRole } from './access.ts';
import type { Line } from './line.ts';
import type { Incoming } from './parser.ts';
import { isRequestName, type RequestHandler } from './requests.ts';

/** What visits have in common. */
export interface Reception {
  readonly feed: Feed;
  readonly desk: Pick<WorkerDesk, 'attach'>;
  readonly handle: RequestHandler;
  readonly limits: HubLimits;
  readonly work: Pick<EdgeWork, 'budgets' | 'portions' | 'now'>;
  readonly log: Logger;
  readonly onRefused: () => void;
  /** @throws GleitzeitError while the system does not run */
  readonly requireSystem: () => void;
}

export interface VisitOptions {
  readonly id: string;
  readonly namespace: Namespace;
  readonly line: Line;
  readonly grant: Grant;
  /** Whose share of the hub's time its requests are of. */
  readonly share: string;
  readonly reception: Reception;
}

/** Who may see events. */
const watching = ['client', 'observer'] as const;

export class Visit {
  readonly namespace: Namespace;
  readonly grant: Grant;
  private readonly share: string;
  private readonly id: string;
  private readonly line: Line;
  private readonly reception: Reception;
  private subscription: Subscription | undefined;
  private worker: WorkerConnection | undefined;
  private isOver = false;

  constructor({ id, namespace, line, grant, share, reception }: VisitOptions) {
    this.id = id;
    this.namespace = namespace;
    this.line = line;
    this.grant = grant;
    this.share = share;
    this.reception = reception;
  }

  /** Takes a message; never throws. */
  take(incoming: Incoming): void {
    const { budgets, now } = this.reception.work;
    const began = now();
    this.admit(incoming);
    budgets.spend(this.share, now() - began);
  }

  private admit(incoming: Incoming): void {
    const { line, reception } = this;
    try {
      // What a worker says is bounded by its slots, and to refuse it would lose work that was done.
      if (this.namespace !== '/pool') reception.work.budgets.admit(this.share);
    } catch (thrown) {
      this.refuse(incoming, thrown);
      return;
    }
    if (line.pending >= reception.limits.pendingRequests)
      this.refuse(incoming, errorOf('RESOURCE_EXHAUSTED', `${line.pending} requests of the connection wait for their answers already.`));
    else if (incoming.refusal !== undefined && !this.isReport(incoming)) this.refuse(incoming, incoming.refusal);
    // What waits is counted as pending only once it is begun.
    else line.whenRoom(() => this.begin(incoming), incoming.size);
  }

  /** The connection has left the namespace, or is over. */
  end(reason: string): void {
    this.isOver = true;
    this.subscription?.end();
    this.worker?.closed(reason);
  }

  private begin(incoming: Incoming): void {
    if (this.isOver) return;
    if (incoming.name === 'subscribe') {
      void this.subscribe(incoming);
      return;
    }
    void this.count(incoming);
  }

  private async count(incoming: Incoming): Promise<void> {
    const { line } = this;
    // A result may be waited for for days; what is just looked up is found at once.
    const isWait = incoming.name === 'workflow:result';
    line.pending++;
    if (isWait) line.waiting++;
    const serve = (): Promise<void> => this.serve(incoming);
    await (isLookedUp(incoming.name) && !isWait ? line.lookups.run(serve) : serve());
    line.pending--;
    if (isWait) line.waiting--;
  }

  /** Answers, and only then has events sent. */
  private async subscribe(incoming: Incoming): Promise<void> {
    try {
      const subscription = await this.subscribeTo(incoming.data);
      if (subscription === undefined) return;
      this.write(incoming, { ok: true, lastSeq: subscription.since });
      subscription.begin();
    } catch (thrown) {
      this.refuse(incoming, thrown);
    }
  }

  /** Makes the subscription that is asked for; nothing where the connection went away meanwhile. */
  private async subscribeTo(data: unknown): Promise<Subscription | undefined> {
    requireRole(this.grant, watching, "'subscribe'");
    this.reception.requireSystem();
    const { anyOf, fromSeq, ...filter } = checked(subscribeData, 'subscribe', data ?? {});
    const { feed, limits, work } = this.reception;
    const filters = anyOf ?? [filter];
    if (anyOf !== undefined && Object.keys(filter).length > 0)
      throw errorOf('INVALID_PARAMS', 'A subscription has either a filter or anyOf, got both.');
    if (filters.length > limits.filters) throw errorOf('INVALID_PARAMS', `A subscription may have ${limits.filters} filters, got ${filters.length}`);
    const { namespace, line, grant } = this;
    // A thousand filters take longer to look at than others should wait.
    const selection = await work.portions.run(this.share, selecting(filters, namespace));
    if (this.isOver) return undefined;
    const made = feed.subscribe({ namespace, selection, fromSeq, outlet: line, isObserver: !grant.roles.has('client') });
    this.subscription?.end();
    this.subscription = made;
    return made;
  }

  private async serve(incoming: Incoming): Promise<void> {
    try {
      const value = await this.act(incoming);
      if (this.isOver) return;
      if (this.line.hasRoom() || !isLookedUp(incoming.name)) this.line.whenRoom(() => this.answer(incoming, { ok: true, ...value }), 0);
      else this.line.whenRoom(() => this.serve(incoming), incoming.size);
    } catch (thrown) {
      this.refuse(incoming, thrown);
    }
  }

  /** Whether it says how an attempt ended: the attempt has ended, whatever is wrong with how that is said. */
  private isReport({ name }: Incoming): boolean {
    return this.namespace === '/pool' && isReportName(name);
  }

  private async act({ name, data, refusal }: Incoming): Promise<object> {
    const { namespace, grant, line } = this;
    if (refusal !== undefined) {
      this.reception.onRefused();
      if (isReportName(name)) return this.workerFor(name).refused(name, data, refusal);
      throw refusal;
    }
    if (namespace === '/engine' && isRequestName(name))
      return this.reception.handle(name, data, { ...grant, share: this.share, onGone: line.onGone });
    if (namespace === '/pool' && isWorkerMessage(name)) return this.workerFor(name).handle(name, data);
    throw errorOf('METHOD_NOT_FOUND', `There is no message ${describeValue(name)} to ${namespace}.`);
  }

  private workerFor(name: WorkerMessageName): WorkerConnection {
    requireRole(this.grant, ['worker'], `'${name}'`);
    this.worker ??= this.attach();
    return this.worker;
  }

  private attach(): WorkerConnection {
    const { line } = this;
    const worker = this.reception.desk.attach({
      id: this.id,
      holder: this.grant,
      send: (order, data) => line.whenRoom(() => line.send(new Frame(() => packetOf(this.namespace, order, data))), 0),
    });
    line.onOversize(() => {
      // What is sent to another namespace is no report.
      if (!this.isOver && line.entered.size === 1) worker.oversized();
    });
    return worker;
  }

  private refuse(incoming: Incoming, thrown: unknown): void {
    if (this.isOver) return;
    const isOurs = thrown instanceof GleitzeitError;
    if (!isOurs) this.reception.log.error({ err: thrown, request: incoming.name }, 'the hub failed at a message');
    this.reception.onRefused();
    // Of a fault of our own, nobody outside learns more than that there was one.
    const error = wireErrorOf(isOurs ? thrown : errorOf('INTERNAL_ERROR', 'The hub failed at this message; its log says why.'));
    this.line.whenRoom(() => this.write(incoming, { ok: false, error }), 0);
  }

  /** Answers; with what was looked up, which may be long, in portions. */
  private answer(incoming: Incoming, answer: object): void | Promise<void> {
    const { id, name } = incoming;
    if (id === undefined || this.isOver) return;
    if (!isLookedUp(name)) return this.write(incoming, answer);
    const { work, limits } = this.reception;
    return work.portions.run(this.share, jsonText(answer, limits.messageBytes)).then(
      (text) => this.line.write(`3${this.namespace},${id}[${text}]`),
      () => this.writeTooLarge(incoming),
    );
  }

  private write(incoming: Incoming, answer: object): void {
    const { id } = incoming;
    if (id === undefined || this.isOver) return;
    try {
      const text = JSON.stringify(answer);
      if (Buffer.byteLength(text) > this.reception.limits.messageBytes) throw new RangeError('too long');
      this.line.write(`3${this.namespace},${id}[${text}]`);
    } catch {
      this.writeTooLarge(incoming);
    }
  }

  private writeTooLarge({ id, name }: Incoming): void {
    const error = errorOf('RESOURCE_EXHAUSTED', `The answer to '${name}' is larger or deeper than a message may be.`, { retryable: false });
    this.line.write(`3${this.namespace},${id}[${JSON.stringify({ ok: false, error: wireErrorOf(error) })}]`);
  }
}

/** Whether an answer can be found once more: nothing was changed by looking it up. */
function isLookedUp(name: string): boolean {
  return isRequestName(name) && (requests[name].roles as readonly string[]).includes('observer');
}

function isWorkerMessage(name: string): name is WorkerMessageName {
  return Object.hasOwn(workerMessages, name);
}
