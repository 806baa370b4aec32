/** Those who use the hub: one submits and waits for results, one listens to everything. Both come back, however often they are cut off. */
import { setTimeout as wait } from 'node:timers/promises';

import { between, chanceOf, oneOf } from '../chance.mjs';
import { renderExplanation, specOf } from '../library.mjs';
import { expectedOf, inputOf, kindOf, kindShares, loadKinds } from './workload.mjs';

/** What a client may be told while the hub, its workers or the way there are gone; whoever is told submits again, under the same id. */
const outages = new Set(['CONNECTION_LOST', 'CONNECTION_REFUSED', 'NETWORK_UNREACHABLE', 'PROTOCOL_NOT_FOUND', 'METHOD_NOT_SUPPORTED']);

export class Submitter {
  acknowledged = new Set();
  results = new Map();
  /** How often a workflow was retried. */
  retried = 0;
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
      const id = `${oneOf(this.chance, kindShares)}.${between(this.chance, 0, 999)}.${++this.number}`;
      this.left -= Object.keys(expectedOf(id).values).length;
      await this.persist(() => this.submit(id));
    }
  }

  async submit(id) {
    const run = await this.client.submit(this.kinds[kindOf(id)], { id, input: inputOf(id) });
    this.acknowledged.add(id);
    let result = await run.result();
    // A task that three workers in a row were lost under is not tried again, unless somebody asks for that.
    while (isQuarantined(result)) {
      this.retried++;
      result = await (await this.client.retry(id)).result();
    }
    this.results.set(id, result);
  }

  /** Why the workflow that waits longest does. */
  async explain() {
    const [id] = [...this.acknowledged].filter((each) => !this.results.has(each));
    return id === undefined ? 'No workflow waits.' : renderExplanation(await this.client.explain(id));
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

function isQuarantined({ status, error, tasks }) {
  return status === 'failed' && [error, ...Object.values(tasks).map((task) => task.error)].some((each) => each?.code === 'TASK_QUARANTINED');
}

export class Listener {
  /** What is recorded, as far as it was told of that: by `seq`, the id and the type. */
  heard = new Map();
  /** How many others it was told of: they have no place of their own, since a hub that was killed forgets what it counted. */
  passing = 0;
  wrong = [];
  completed = 0;
  lastCompletedAt = Date.now();
  lastOf = new Map();

  constructor(client) {
    client.select({}, { fromSeq: 0 }).subscribe((event) => this.take(event));
  }

  take({ seq, id, type, correlation: { workflowId } }) {
    if (!specOf(type).recorded) {
      this.passing++;
      return;
    }
    if (this.heard.has(seq)) this.wrong.push(`the listener was told of ${seq} (${type}) twice`);
    this.heard.set(seq, { id, type });
    const last = this.lastOf.get(workflowId) ?? 0;
    if (seq < last) this.wrong.push(`the listener was told of ${seq} (${type}) of ${workflowId} after ${last}`);
    this.lastOf.set(workflowId, Math.max(last, seq));
    if (type !== 'task:completed') return;
    this.completed++;
    this.lastCompletedAt = Date.now();
  }

  /** Resolves when nothing more has come for a while. */
  async settled() {
    for (let size = -1; size !== this.heard.size; await wait(300)) size = this.heard.size;
  }
}
