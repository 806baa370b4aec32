/** Lets only so many in at a time, the others in the order in which they came: so that what they look up stays within bounds. */
export class Turnstile {
  private readonly most: number;
  private inside = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(most: number) {
    this.most = most;
  }

  async run<Value>(act: () => Promise<Value>): Promise<Value> {
    if (this.inside < this.most) this.inside++;
    // Whoever leaves gives its place to the next one.
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.inside--;
      else next();
    }
  }
}
