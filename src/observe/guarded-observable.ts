/**
 * An observable whose subscribers cannot take the process down.
 *
 * rxjs throws what a subscriber throws as an uncaught exception, and nobody looks at the promise that an async subscriber
 * returns. Here both go to one place, also behind operators. What others make of it (`combineLatest`, …) is rxjs as ever.
 */
import type { Observer, Operator, Subscriber, Subscription, TeardownLogic } from 'rxjs';
// By its own file, which is the same class: the whole of rxjs takes long to import.
import { Observable } from 'rxjs/internal/Observable';

type Next<Value> = ((value: Value) => void) | null;
type Report = (error: unknown) => void;

export class GuardedObservable<Value> extends Observable<Value> {
  private readonly report: Report;

  constructor(subscribe: ((subscriber: Subscriber<Value>) => TeardownLogic) | undefined, report: Report) {
    super(subscribe);
    this.report = report;
  }

  override lift<Result>(operator?: Operator<Value, Result>): Observable<Result> {
    const lifted = new GuardedObservable<Result>(undefined, this.report);
    lifted.source = this;
    lifted.operator = operator;
    return lifted;
  }

  override subscribe(
    to?: Partial<Observer<Value>> | Next<Value>,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // Operators subscribe by a subscriber of their own, which hands errors on itself.
    if (isOperators(to)) return super.subscribe(to);
    const observer: Partial<Observer<Value>> =
      typeof to === 'object' && to !== null ? to : { ...(to && { next: to }), ...(error && { error }), ...(complete && { complete }) };
    return super.subscribe({
      next: (value) => this.guard(() => observer.next?.(value)),
      // An observer that does not say what to do with an error wants none to pass unnoticed.
      error: (thrown: unknown) => (observer.error === undefined ? this.report(thrown) : this.guard(() => observer.error?.(thrown))),
      complete: () => this.guard(() => observer.complete?.()),
    });
  }

  private guard(act: () => unknown): void {
    try {
      const answer = act();
      if (typeof answer === 'object' && answer !== null) Promise.resolve(answer).catch(this.report);
    } catch (error) {
      this.report(error);
    }
  }
}

function isOperators<Value>(to: Partial<Observer<Value>> | Next<Value> | undefined): to is Subscriber<Value> {
  return typeof to === 'object' && to !== null && 'closed' in to && 'add' in to;
}
