/**
 * The stream of events for people who watch: rxjs, after the commit, and only while somebody subscribes.
 *
 * The filter pipeline of the seed (severity, component, correlation, handlers) stands here; routing never goes through it.
 */
import type { Observable } from 'rxjs';
// By its own file, which is the same function: all of rxjs is 223 files, a third of the time that importing this library took.
import { filter } from 'rxjs/internal/operators/filter';

import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { errorOf } from '../errors.ts';
import { describeValue } from '../thrown.ts';
import { type EventFilter, matcherOf, typeMatcher } from './event-filter.ts';
import { GuardedObservable } from './guarded-observable.ts';

/** Tells the system to hand over every event, or none any more. */
type Attach = (watcher: ((event: GleitzeitEvent) => void) | undefined) => void;

/** Told of what a subscriber or handler threw or rejected with, and at which event, where that is known. */
type OnHandlerError = (error: unknown, event: GleitzeitEvent | undefined) => void;

/** Lets those who watch come and go; while there are none, the system collects nothing for them. */
export class EventHub {
  private readonly watchers = new Set<(event: GleitzeitEvent) => void>();
  private readonly completions = new Set<() => void>();
  private attach: Attach = () => undefined;
  private readonly onHandlerError: OnHandlerError;

  /** Every event, once it is durable, in the order in which events were stated. What a subscriber throws is logged. */
  readonly events$: Observable<GleitzeitEvent>;

  constructor(onHandlerError: OnHandlerError) {
    this.onHandlerError = onHandlerError;
    this.events$ = new GuardedObservable<GleitzeitEvent>(
      (subscriber) => {
        const watcher = (event: GleitzeitEvent): void => subscriber.next(event);
        const complete = (): void => subscriber.complete();
        this.completions.add(complete);
        const stop = this.watch(watcher);
        return () => {
          this.completions.delete(complete);
          stop();
        };
      },
      (error) => onHandlerError(error, undefined),
    );
  }

  /** Connects to a system; who watched before sees its events from the first. */
  connect(attach: Attach): void {
    this.attach = attach;
    if (this.watchers.size > 0) attach((event) => this.publish(event));
  }

  /** @throws GleitzeitError INVALID_PARAMS for a filter that nothing could ever match */
  select(selection: EventFilter): Observable<GleitzeitEvent> {
    return this.events$.pipe(filter(matcherOf(selection)));
  }

  /**
   * Calls a handler with every event of a type, of a family (`task:*`) or of all (`*`). What a handler throws is logged.
   * @returns takes the handler away
   * @throws GleitzeitError INVALID_PARAMS for a type that the catalogue does not have, and for what is no function
   */
  on(pattern: string, handler: (event: GleitzeitEvent) => unknown): () => void {
    const isType = typeMatcher([pattern]);
    if (typeof handler !== 'function') throw errorOf('INVALID_PARAMS', `A handler of '${pattern}' must be a function, got ${describeValue(handler)}`);
    return this.watch((event) => {
      if (!isType(event.type)) return;
      const answer = handler(event);
      if (typeof answer === 'object' && answer !== null) Promise.resolve(answer).catch((error: unknown) => this.onHandlerError(error, event));
    });
  }

  complete(): void {
    for (const complete of [...this.completions]) complete();
    this.watchers.clear();
    this.attach(undefined);
  }

  private watch(watcher: (event: GleitzeitEvent) => void): () => void {
    this.watchers.add(watcher);
    if (this.watchers.size === 1) this.attach((event) => this.publish(event));
    return () => {
      this.watchers.delete(watcher);
      if (this.watchers.size === 0) this.attach(undefined);
    };
  }

  private publish(event: GleitzeitEvent): void {
    for (const watcher of this.watchers) {
      try {
        watcher(event);
      } catch (error) {
        this.onHandlerError(error, event);
      }
    }
  }
}
