/**
 * A bad network, on loopback: carries bytes late, and breaks connections, in the middle of a message where it can.
 *
 * Bytes come in order, as TCP promises. A connection breaks for both sides at once, or carries nothing for a while before it does,
 * which neither side can tell from one that is only slow.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import { between, chanceOf } from '../chance.mjs';

/** In milliseconds: how late bytes are, and how long a connection lives. */
const late = { from: 0, to: 15 };
const life = { from: 300, to: 15_000 };
const shareOfSilent = 1 / 8;

/** @param longestSilenceMs - How long a connection may carry nothing before it breaks. */
export async function badNetwork({ port, seed, longestSilenceMs }) {
  const lines = new Set();
  const figures = { connections: 0, cuts: 0, silences: 0 };
  let isCalm = false;
  const server = createServer({ pauseOnConnect: true }, (near) => {
    const line = new Line(near, connect(port, '127.0.0.1'), { chance: chanceOf(seed + ++figures.connections), isCalm: () => isCalm });
    lines.add(line);
    line.run(longestSilenceMs).then((end) => {
      lines.delete(line);
      if (end !== undefined) figures[end]++;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    figures,
    /** Carries everything at once from now on, and breaks nothing. */
    calm: () => {
      isCalm = true;
    },
    close() {
      for (const line of lines) line.destroy();
      server.close();
    },
  };
}

class Line {
  constructor(near, far, { chance, isCalm }) {
    Object.assign(this, { near, far, chance, isCalm, isSilent: false, isToBreak: false });
    for (const end of [near, far]) end.on('error', () => this.destroy());
    this.over = Promise.all([near, far].map((end) => new Promise((resolve) => end.on('close', resolve))));
  }

  /** @returns how the network broke it, unless its own ends did */
  async run(longestSilenceMs) {
    const { near, far, chance, over } = this;
    const isSilenced = chance() < shareOfSilent;
    // Short lives are the more frequent ones.
    const lifeMs = life.from + (life.to - life.from) * chance() ** 2;
    void this.carry(near, far);
    void this.carry(far, near);
    const isOver = await Promise.race([over.then(() => true), wait(lifeMs, false)]);
    if (isOver || this.isCalm()) return over.then(() => undefined);
    if (isSilenced) {
      this.isSilent = true;
      await Promise.race([over, wait(between(chance, 0, longestSilenceMs))]);
      this.destroy();
      return over.then(() => 'silences');
    }
    this.isToBreak = true;
    return over.then(() => 'cuts');
  }

  async carry(from, to) {
    try {
      for await (const bytes of from) {
        if (!this.isCalm()) await wait(between(this.chance, late.from, late.to));
        if (this.isSilent) await this.over;
        if (this.isToBreak && !this.isCalm()) {
          // What was written goes out first: half a message.
          to.end(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => this.destroy());
          return;
        }
        if (!to.write(bytes)) await once(to, 'drain');
      }
      to.end();
    } catch {
      this.destroy();
    }
  }

  destroy() {
    this.near.destroy();
    this.far.destroy();
  }
}
