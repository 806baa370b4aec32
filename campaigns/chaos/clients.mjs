/** Those who use the hub: one submits and waits for results, one listens to everything. Both come back, however often they are cut off. */
import { setTimeout as wait } from 'node:timers/promises';

import { between, chanceOf, oneOf } from '../chance.mjs';
import { inputOf, kindNames, loadKinds, expectedOf } from './workload.mjs';

/** What a client may be told while the hub, its workers or the way there are gone; whoever is told submits again, under the same id. */
const outages = new Set(['CONNECTION_LOST', 'CONNECTION_REFUSED', 'NETWORK_UNREACHABLE', 'PROTOCOL_NOT_FOUND']);

export class Submitter {
  acknowledged = new Set();
  results = new Map();
  /** Errors that a client was given, by code. */
  outages = {};

  constructor(client, { seed, tasks, atOnce }) {
    Object.assign(this, { client, chance: chanceOf(seed), left: tasks, atOnce, number: 0 });
  }

  /** Resolves when every result is there. @throws what no outage explains */
  async run() {
    this.kinds = await loadKinds();
    await Promise.all(Array.from({ length: this.atOnce }, () => this.lane()));
  }

  async lane() {
    while (this.left > 0) {
      const id = `${oneOf(this.chance, kindNames)}.${between(this.chance, 0, 999)}.${++this.number}`;
      this.left -= Object.keys(expectedOf(id).values).length;
      await this.persist(() => this.submit(id));
    }
  }

  async submit(id) {
    const run = await this.client.submit(this.kinds[id.split('.')[0]], { id, input: inputOf(id) });
    this.acknowledged.add(id);
    this.results.set(id, await run.result());
  }

  async persist(act) {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (!outages.has(error.code)) throw error;
        this.outages[error.code] = (this.outages[error.code] ?? 0) + 1;
        await wait(200);
      }
    }
  }
}

export class Listener {
  /** Every event that it was told of, by `seq`: its id, its type and its workflow; and what was told against the rules. */
  heard = new Map();
  wrong = [];
  completed = 0;
  lastHeardAt = Date.now();
  lastOf = new Map();

  constructor(client) {
    this.subscription = client.select({}, { fromSeq: 0 }).subscribe((event) => this.take(event));
  }

  take({ seq, id, type, correlation: { workflowId } }) {
    if (this.heard.has(seq)) this.wrong.push(`the listener was told of ${seq} (${type}) twice`);
    this.heard.set(seq, { id, type });
    if (workflowId !== undefined) {
      const last = this.lastOf.get(workflowId) ?? 0;
      if (seq < last) this.wrong.push(`the listener was told of ${seq} (${type}) of ${workflowId} after ${last}`);
      this.lastOf.set(workflowId, Math.max(last, seq));
    }
    if (type !== 'task:completed') return;
    this.completed++;
    this.lastHeardAt = Date.now();
  }

  /** Resolves when nothing more has come for a while. */
  async settled() {
    for (let size = -1; size !== this.heard.size; await wait(300)) size = this.heard.size;
  }
}
