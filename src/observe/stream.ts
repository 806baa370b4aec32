/**
 * The stream of events for people who watch: rxjs, after the commit, and only while somebody subscribes.
 *
 * The filter pipeline of the seed (severity, component, correlation, handlers) stands here; routing never goes through it.
 */
// By their own files, which are the same classes: all of rxjs is 223 files, a third of the time that importing this library took.
import { Observable } from 'rxjs/internal/Observable';
import { filter } from 'rxjs/internal/operators/filter';

import { aliases, type EventType, type GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { severities, type Severity } from '../../machines/events/envelope.ts';
import { familyOf } from '../../machines/events/namespace.ts';

/** What a subscription selects: events that match everything that is given. */
export interface EventFilter {
  /** At least this severe. */
  readonly minSeverity?: Severity | undefined;
  /** The part of a type before its colon, for example `circuit`. */
  readonly component?: string | undefined;
  readonly correlationId?: string | undefined;
  /** Types, or families as `task:*`; `*` is every type. */
  readonly types?: readonly string[] | undefined;
}

/** Makes the test of a filter, so that its parts are looked at once and not for each event. */
export function matcherOf({ minSeverity, component, correlationId, types }: EventFilter): (event: GleitzeitEvent) => boolean {
  const rank = minSeverity === undefined ? 0 : severities.indexOf(minSeverity);
  const isType = types === undefined ? () => true : typeMatcher(types);
  return (event) =>
    (rank === 0 || severities.indexOf(event.severity) >= rank) &&
    (component === undefined || familyOf(event.type) === component) &&
    (correlationId === undefined || event.correlation.correlationId === correlationId) &&
    isType(event.type);
}

function typeMatcher(patterns: readonly string[]): (type: EventType) => boolean {
  const exact = new Set(patterns.map((pattern) => aliases[pattern] ?? pattern));
  const families = new Set(patterns.filter((pattern) => pattern.endsWith(':*')).map((pattern) => pattern.slice(0, -2)));
  if (exact.has('*')) return () => true;
  return (type) => exact.has(type) || families.has(familyOf(type));
}

/** Tells the system to hand over every event, or none any more. */
type Attach = (watcher: ((event: GleitzeitEvent) => void) | undefined) => void;

/** Lets those who watch come and go; while there are none, the system collects nothing for them. */
export class EventHub {
  private readonly watchers = new Set<(event: GleitzeitEvent) => void>();
  private readonly completions = new Set<() => void>();
  private attach: Attach = () => undefined;
  private readonly onHandlerError: (error: unknown, event: GleitzeitEvent) => void;

  constructor(onHandlerError: (error: unknown, event: GleitzeitEvent) => void) {
    this.onHandlerError = onHandlerError;
  }

  /** Connects to a system; who watched before sees its events from the first. */
  connect(attach: Attach): void {
    this.attach = attach;
    if (this.watchers.size > 0) attach((event) => this.publish(event));
  }

  /** Every event, once it is durable, in the order in which events were stated. */
  readonly events$ = new Observable<GleitzeitEvent>((subscriber) => {
    const watcher = (event: GleitzeitEvent): void => subscriber.next(event);
    const complete = (): void => subscriber.complete();
    this.completions.add(complete);
    const stop = this.watch(watcher);
    return () => {
      this.completions.delete(complete);
      stop();
    };
  });

  select(selection: EventFilter): Observable<GleitzeitEvent> {
    return this.events$.pipe(filter(matcherOf(selection)));
  }

  /**
   * Calls a handler with every event of a type, of a family (`task:*`) or of all (`*`). What a handler throws is logged.
   * @returns takes the handler away
   */
  on(pattern: string, handler: (event: GleitzeitEvent) => unknown): () => void {
    const isType = typeMatcher([pattern]);
    return this.watch((event) => {
      if (!isType(event.type)) return;
      const answer = handler(event);
      if (answer instanceof Promise) answer.catch((error: unknown) => this.onHandlerError(error, event));
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
