/**
 * Lets only so many in at a time, so that what they look up stays within bounds. The others wait: those of one holder in the order in
 * which they came, and of several holders each in turn, so that nobody waits for all that somebody else asks for.
 */
export class Turnstile {
  private readonly most: number;
  private inside = 0;
  /** Whoever was let in longest ago is first. */
  private readonly waiting = new Map<string, (() => void)[]>();

  constructor(most: number) {
    this.most = most;
  }

  /** @param holder - Whose turn it takes. @defaultValue one and the same for all */
  async run<Value>(act: () => Promise<Value>, holder = ''): Promise<Value> {
    if (this.inside < this.most) this.inside++;
    // Whoever leaves gives its place to the next one.
    else await new Promise<void>((resolve) => this.wait(holder, resolve));
    try {
      return await act();
    } finally {
      const next = this.next();
      if (next === undefined) this.inside--;
      else next();
    }
  }

  private wait(holder: string, enter: () => void): void {
    const others = this.waiting.get(holder);
    if (others === undefined) this.waiting.set(holder, [enter]);
    else others.push(enter);
  }

  private next(): (() => void) | undefined {
    const [first] = this.waiting;
    if (first === undefined) return undefined;
    const [holder, waiting] = first;
    const next = waiting.shift();
    this.waiting.delete(holder);
    if (waiting.length > 0) this.waiting.set(holder, waiting);
    return next;
  }
}
