/** What happens to the processes: workers are killed, stopped for longer than their leases, and told to end; the hub is killed. */
import { setTimeout as wait } from 'node:timers/promises';

import { between, chanceOf, oneOf } from '../chance.mjs';
import { start } from './processes.mjs';

const kindsOfTrouble = ['killed', 'killed', 'killed', 'stopped', 'stopped', 'told to end'];

/** The workers: as many processes as there should be, whatever happens to them. */
export class Workers {
  /** Each trouble: who met it, and between which moments nothing was to be expected of him. */
  fates = [];
  wrong = [];
  seats = [];
  number = 0;

  constructor({ seed, seats, leaseMs, task }) {
    Object.assign(this, { chance: chanceOf(seed), leaseMs, task, isOver: new AbortController() });
    this.seats = Array.from({ length: seats }, () => ({ name: this.newName(), process: undefined }));
  }

  async begin() {
    await Promise.all(this.seats.map((seat) => this.fill(seat)));
    this.done = this.trouble();
  }

  /** Leaves them alone, and has them end once they have finished. */
  async end() {
    this.isOver.abort();
    await this.done;
    for (const { process } of this.seats) process.kill('SIGTERM');
    for (const seat of this.seats) await this.seeEnd(seat);
  }

  async trouble() {
    // One at a time, so that there is always somebody to do the work.
    for (;;) {
      await wait(between(this.chance, 200, 2_000), undefined, { signal: this.isOver.signal }).catch(() => undefined);
      if (this.isOver.signal.aborted) return;
      const [seat, what] = [oneOf(this.chance, this.seats), oneOf(this.chance, kindsOfTrouble)];
      const fate = { what, name: seat.name, pid: seat.process.pid, from: Date.now(), to: Number.POSITIVE_INFINITY };
      this.fates.push(fate);
      if (what === 'stopped') await this.stop(seat);
      else if (what === 'killed') await this.kill(seat);
      else await this.tellToEnd(seat);
      fate.to = Date.now();
    }
  }

  async stop({ process }) {
    process.kill('SIGSTOP');
    await wait(this.leaseMs + between(this.chance, 500, 2_000));
    process.kill('SIGCONT');
  }

  async kill(seat) {
    seat.process.kill('SIGKILL');
    await seat.process.ended;
    this.hear(seat);
    await wait(between(this.chance, 0, 1_000));
    // Some begin anew under the name of who is gone.
    if (this.chance() < 0.5) seat.name = this.newName();
    await this.fill(seat);
  }

  async tellToEnd(seat) {
    seat.process.kill('SIGTERM');
    await this.seeEnd(seat);
    seat.name = this.newName();
    await this.fill(seat);
  }

  async fill(seat) {
    seat.process = await start('./worker.mjs', { ...this.task, name: seat.name });
  }

  async seeEnd(seat) {
    const code = await seat.process.ended;
    if (code !== 0) this.wrong.push(`worker ${seat.name} ended with ${code} when it was told to end`);
    this.hear(seat);
  }

  hear({ name, process: { complaints } }) {
    if (complaints !== '') this.wrong.push(`worker ${name} said: ${complaints}`);
  }

  newName() {
    return `worker-${++this.number}`;
  }
}

/** The hub, which comes back under the same port. */
export class HubLives {
  restarts = 0;
  complaints = '';

  constructor({ seed, task }) {
    Object.assign(this, { chance: chanceOf(seed), task });
  }

  async begin() {
    this.process = await start('./hub.mjs', this.task);
    this.task = { ...this.task, port: this.process.said.port };
    return this.task.port;
  }

  async restart() {
    this.process.kill('SIGKILL');
    await this.process.ended;
    this.complaints += this.process.complaints;
    await wait(between(this.chance, 0, 1_000));
    this.restarts++;
    await this.begin();
  }

  /** @returns its exit code */
  async end() {
    this.process.kill('SIGTERM');
    const code = await this.process.ended;
    this.complaints += this.process.complaints;
    return code;
  }
}
