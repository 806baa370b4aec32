/** What is done once events are durable: effects by the type of event, and after them whoever watches all. */
import type { EventType, GleitzeitEvent } from '../../machines/events/catalogue.ts';

export type Effect = (event: GleitzeitEvent) => void;

export class Effects {
  private readonly byType = new Map<EventType, Effect[]>();
  private readonly onError: (error: unknown, event: GleitzeitEvent) => void;
  /** Called with every event, after its effects. */
  watcher: Effect | undefined;

  /** @param onError is told of what an effect threw, which none should; nothing else is lost by it. */
  constructor(onError: Effects['onError']) {
    this.onError = onError;
  }

  add(type: EventType, effect: Effect): void {
    const present = this.byType.get(type);
    if (present === undefined) this.byType.set(type, [effect]);
    else present.push(effect);
  }

  /** Whether an event of this type has any. */
  has(type: EventType): boolean {
    return this.byType.has(type);
  }

  run(event: GleitzeitEvent): void {
    for (const effect of this.byType.get(event.type) ?? []) this.attempt(effect, event);
    this.show(event);
  }

  /** Lets an event be seen, and does nothing else of it. */
  show(event: GleitzeitEvent): void {
    if (this.watcher !== undefined) this.attempt(this.watcher, event);
  }

  private attempt(effect: Effect, event: GleitzeitEvent): void {
    try {
      effect(event);
    } catch (error) {
      this.onError(error, event);
    }
  }
}
