/**
 * What handlers tell of their progress, on its way to the hub: of each attempt one note at a time, and after it only the latest.
 * So a handler that tells it in a loop costs no more than the hub takes.
 */
export interface ProgressNote {
  readonly leaseId: string;
  readonly fraction: number;
  readonly message?: string;
}

export class ProgressNotes {
  private readonly send: (note: ProgressNote, answered: () => void) => boolean;
  /** By lease, while a note of it is under way: the one that comes after it. */
  private readonly underWay = new Map<string, ProgressNote | undefined>();

  /** @param send - Sends a note; says whether it did, and then when it is answered. */
  constructor(send: (note: ProgressNote, answered: () => void) => boolean) {
    this.send = send;
  }

  tell(note: ProgressNote): void {
    const { leaseId } = note;
    if (this.underWay.has(leaseId)) this.underWay.set(leaseId, note);
    else if (this.send(note, () => this.answered(leaseId))) this.underWay.set(leaseId, undefined);
  }

  /** The connection is gone; what was told is old by the time there is another. */
  clear(): void {
    this.underWay.clear();
  }

  private answered(leaseId: string): void {
    const next = this.underWay.get(leaseId);
    this.underWay.delete(leaseId);
    if (next !== undefined) this.tell(next);
  }
}
