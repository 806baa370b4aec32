/** The process that floods: kinds by chance, several at a time, as fast as they go. */
import { setTimeout as wait } from 'node:timers/promises';

import { chanceOf } from '../chance.mjs';
import { connect } from '../hub-library.mjs';
import { held, httpKinds } from './http-kinds.mjs';
import { socketKinds } from './kinds.mjs';
import { Tally } from './tally.mjs';
import { unreadKinds } from './unread-kinds.mjs';
import { workerKinds } from './worker-kinds.mjs';

const { url, port, seed, tokens, victim, messages, rate, lanes, lorises, deserters } = JSON.parse(process.argv[2]);
const chance = chanceOf(seed);
const kinds = [...socketKinds, ...workerKinds, ...httpKinds, ...unreadKinds];
const weights = kinds.reduce((sum, { weight }) => sum + weight, 0);
const tally = new Tally();
/** Leases that others hold just now, and reports that are not this one's to make. */
const leases = [];
const place = { url, port, tokens, victim, chance, tally, leases, deserters };

function drawn() {
  let left = chance() * weights;
  for (const kind of kinds) {
    left -= kind.weight;
    if (left < 0) return kind;
  }
  return kinds[0];
}

async function flood(until) {
  const [before, began] = [tally.sent, performance.now()];
  const isAhead = () => rate > 0 && tally.sent - before > ((performance.now() - began) / 1_000) * rate;
  const lane = async () => {
    while (tally.sent < until) {
      if (isAhead()) {
        await wait(5);
        continue;
      }
      const { act, times } = drawn();
      try {
        await act(place, Math.ceil(times * chance()));
      } catch (thrown) {
        tally.fault(`the flooder itself: ${thrown.stack}`);
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return tally.toJSON();
}

/** Whoever may watch knows the leases of others. */
const spy = await connect({ url, token: tokens.observer });
spy.on('task:started', ({ data: { leaseId, workflowId, taskId, attempt } }) => {
  leases.unshift({ leaseId, workflowId, taskId, attempt });
  leases.length = Math.min(leases.length, 20);
});

let letGo = () => undefined;
const answers = {
  begin: () => {
    letGo = held(place, lorises);
    return flood(messages / 20);
  },
  half: () => flood(messages / 2),
  rest: () => flood(messages),
  end: async () => {
    letGo();
    await spy.close();
    setImmediate(() => process.disconnect());
    return {};
  },
};
process.on('message', async ({ id, ask }) => process.send({ id, answer: await answers[ask]() }));
process.send({ answer: {} });
