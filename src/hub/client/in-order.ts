/** Events of several namespaces, which come each in order, told in the order of all. */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';

export class InOrder {
  private readonly tell: (event: GleitzeitEvent) => void;
  private early: GleitzeitEvent[] = [];

  constructor(tell: (event: GleitzeitEvent) => void) {
    this.tell = tell;
  }

  take(event: GleitzeitEvent): void {
    this.early.push(event);
  }

  /** Tells what came so far up to a `seq`, behind which nothing more will come. */
  releaseTo(seq: number): void {
    const due = this.early.filter((event) => event.seq <= seq);
    if (due.length === 0) return;
    this.early = this.early.filter((event) => event.seq > seq);
    for (const event of due.sort((a, b) => a.seq - b.seq)) this.tell(event);
  }
}
