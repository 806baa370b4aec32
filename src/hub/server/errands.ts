/** What is to be done for a connection as soon as it has room, one after another. */

/** The next one waits for what it returns. */
export type Errand = () => void | Promise<void>;

export class Errands {
  private readonly hasRoom: () => boolean;
  private readonly waiting: { readonly run: Errand; readonly size: number }[] = [];
  private isBusy = false;
  /** What those that wait hold, as it was said when they came. */
  size = 0;

  constructor(hasRoom: () => boolean) {
    this.hasRoom = hasRoom;
  }

  get length(): number {
    return this.waiting.length;
  }

  /** @param size - What it holds until it is done. */
  add(run: Errand, size: number): void {
    this.waiting.push({ run, size });
    this.size += size;
    this.goOn();
  }

  goOn(): void {
    while (!this.isBusy && this.waiting.length > 0 && this.hasRoom()) {
      const { run, size } = this.waiting.shift() ?? { run: () => undefined, size: 0 };
      this.size -= size;
      const done = run();
      if (done !== undefined) this.waitFor(done);
    }
  }

  clear(): void {
    this.waiting.length = 0;
    this.size = 0;
  }

  private waitFor(done: Promise<void>): void {
    this.isBusy = true;
    const goOn = (): void => {
      this.isBusy = false;
      this.goOn();
    };
    done.then(goOn, goOn);
  }
}
