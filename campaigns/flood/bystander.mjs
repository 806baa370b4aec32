/** Those who have nothing to do with it: a client, a worker and a subscriber, who are to notice nothing. */
import { setTimeout as wait } from 'node:timers/promises';

import { connect, createRemoteWorker } from '../hub-library.mjs';
import { defineProvider, loadWorkflow } from '../library.mjs';

const good = defineProvider({ protocol: 'good/v1', methods: { 'good/plus': { run: ({ n }) => n + 1 } } });
const task = (id, rest) => ({ id, method: 'good/plus', ...rest });

export class Bystander {
  rounds = 0;
  /** What they should not have seen. */
  noticed = [];
  #client;
  #worker;
  #workflow;
  #url;
  #isOver = false;
  #loop;
  #times = [];
  #completed = new Set();
  #lastSeq = 0;

  static async come({ url, tokens }) {
    const worker = createRemoteWorker({
      url,
      token: tokens.bystander,
      providers: [good],
      slots: 4,
      name: 'good',
      log: worrier((text) => bystander.#notice(text)),
    });
    await worker.start();
    const client = await connect({ url, token: tokens.bystander });
    const tasks = [task('a', { parameters: { n: '${input.n}' } }), task('b', { parameters: { n: '${a}' }, dependencies: ['a'] })];
    const bystander = new Bystander({ client, worker, url, workflow: await loadWorkflow({ name: 'good', input: { n: 0 }, tasks }) });
    return bystander;
  }

  constructor({ client, worker, workflow, url }) {
    this.#client = client;
    this.#worker = worker;
    this.#workflow = workflow;
    this.#url = url;
    client.on('workflow:completed', ({ seq, correlation }) => {
      if (seq <= this.#lastSeq) this.#notice(`an event came out of order: ${seq} after ${this.#lastSeq}`);
      this.#lastSeq = seq;
      if (correlation.correlationId.startsWith('good-')) this.#completed.add(correlation.correlationId);
    });
  }

  get workerId() {
    return this.#worker.workerIds[0];
  }

  /** Submits something that does not start for a day, for others to wait for. */
  async submitNever() {
    await this.#client.submit(this.#workflow, { id: 'never', startAt: Date.now() + 86_400_000 });
  }

  begin() {
    this.#loop = this.#goOn();
  }

  /** How long the rounds since the last look took, in milliseconds. */
  look() {
    const times = this.#times.sort((a, b) => a - b);
    this.#times = [];
    const at = (share) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
    return { rounds: times.length, p50: at(0.5), p99: at(0.99), longest: times.at(-1) ?? 0 };
  }

  /** Waits for more rounds. */
  async more(rounds) {
    const until = this.rounds + rounds;
    while (this.rounds < until && !this.#isOver) await wait(5);
  }

  async leave() {
    this.#isOver = true;
    await this.#loop;
    for (const end = Date.now() + 5_000; this.#completed.size < this.rounds && Date.now() < end; ) await wait(10);
    if (this.#completed.size !== this.rounds) this.#notice(`${this.rounds} workflows completed, and ${this.#completed.size} of these events came`);
    await this.#client.close();
    await this.#worker.stop({ deadlineMs: 1_000 });
  }

  /** One workflow after another: two tasks by the remote worker, and whether it went as it must. */
  async #goOn() {
    while (!this.#isOver) {
      const n = this.rounds;
      const began = performance.now();
      try {
        const run = await this.#client.submit(this.#workflow, { id: `good-${n}`, input: { n } });
        const { status, tasks } = await run.result();
        this.#times.push(performance.now() - began);
        if (status !== 'completed' || tasks.b.result !== n + 2 || tasks.a.attempts + tasks.b.attempts !== 2)
          this.#notice(`good-${n}: ${status}, ${JSON.stringify(tasks)}`);
        if (n % 100 === 0) await this.#checkHealth();
      } catch (thrown) {
        this.#notice(`good-${n}: ${thrown.message}`);
      }
      this.rounds++;
      await wait(2);
    }
  }

  async #checkHealth() {
    const { status } = await fetch(`${this.#url}/healthz`);
    if (status !== 200) this.#notice(`/healthz: ${status}`);
  }

  #notice(text) {
    this.noticed.push(text);
  }
}

/** A log that passes on what is worth a warning: a connection that broke, a report that was not taken. */
function worrier(tell) {
  const quiet = () => undefined;
  const worry = (...said) => tell(`the worker: ${said.map((each) => JSON.stringify(each)).join(' ')}`);
  return { debug: quiet, info: quiet, warn: worry, error: worry };
}
