/**
 * Keeps those who remove finished workflows and those who have one go on apart: what was read of a workflow has to be there still
 * when it goes on. Any number may go on at the same time; a removal waits for them, and they for it.
 */
export class SweepGate {
  private readonly reviving = new Set<Promise<unknown>>();
  private sweeping: Promise<unknown> = Promise.resolve();
  private isSweeping = false;

  /** Nothing is removed while this goes on. */
  async whileKept<Value>(act: () => Promise<Value>): Promise<Value> {
    while (this.isSweeping) await this.sweeping;
    const done = act();
    const settled = done.catch(() => undefined);
    this.reviving.add(settled);
    try {
      return await done;
    } finally {
      this.reviving.delete(settled);
    }
  }

  /** One at a time; those who come meanwhile wait for its end. */
  async sweep<Value>(act: () => Promise<Value>): Promise<Value> {
    while (this.isSweeping) await this.sweeping;
    this.isSweeping = true;
    const done = Promise.all(this.reviving).then(act);
    const end = (): void => {
      this.isSweeping = false;
    };
    this.sweeping = done.then(end, end);
    return done;
  }
}
