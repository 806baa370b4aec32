/** A process of many connections that say as little as the protocol lets them, so that it is the hub that is measured. */
import { WebSocket } from 'ws';

import { serve, task } from './processes.mjs';

const { url } = task();
const clock = () => performance.timeOrigin + performance.now();
const all = [];
/** How many have heard each event of the end of a workflow, and when the last one did. */
const heard = new Map();

function take(text) {
  // To parse it would take longer than to send it.
  const seq = Number(/"seq":(\d+)/.exec(text)[1]);
  const known = heard.get(seq);
  if (known === undefined) heard.set(seq, { count: 1, first: clock(), last: 0 });
  else {
    known.count++;
    known.last = clock();
  }
}

function enter(subscription) {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false });
    all.push(ws);
    ws.on('error', reject).on('open', () => ws.send('40/engine,{}'));
    ws.on('message', (data) => {
      const text = String(data);
      if (text === '2') ws.send('3');
      else if (text.startsWith('40') && subscription !== undefined) ws.send(`42/engine,1["subscribe",${JSON.stringify(subscription)}]`);
      else if (text.startsWith('40') || text.startsWith('43')) resolve();
      else if (text.startsWith('42/engine,["workflow:completed"')) take(text);
    });
  });
}

serve({
  /** @param subscription - What each of them subscribes to; nothing, if left out. */
  connect: async ({ count, subscription }) => {
    for (let left = count; left > 0; left -= 50) await Promise.all(Array.from({ length: Math.min(50, left) }, () => enter(subscription)));
  },
  /** When the last of so many has heard each of so many events. */
  heard: async ({ events, by }) => {
    while (heard.size < events || [...heard.values()].some(({ count }) => count < by)) await new Promise((resolve) => setTimeout(resolve, 2));
    const times = [...heard.values()];
    heard.clear();
    return times;
  },
});
