/**
 * A connection that says what no library would, word by word, and keeps account of what it has to be answered.
 *
 * What comes from it comes from another address of this machine, so that what is counted by address is not counted against others.
 */
import { setTimeout as wait } from 'node:timers/promises';

import { WebSocket } from 'ws';

export const localAddress = '127.0.0.2';
/** How long an answer may take, in milliseconds; a submit may wait for workers that come back for as long as a lease. */
const longestMs = 30_000;
const answerForm = /^43\/[a-z]+,(\d+)\[(.*)\]$/s;

/** What any message may be refused with, whatever it is. */
const busy = ['RATE_LIMIT_EXCEEDED', 'SYSTEM_SHUTDOWN'];

export class Wire {
  isOpen = true;
  /** Whether it ends is the hub's to decide from now on. */
  mayEnd = false;
  /** Whether nothing of what it says is meant to be answered. */
  asksNothing = false;
  heard = [];
  #ws;
  #tally;
  #kind;
  #waiting = new Map();
  #looks = new Set();
  #number = 0;

  /** @returns a connection; nothing where the hub did not take it */
  static async open({ url, tally }, kind, { query = '', headers = {} } = {}) {
    const ws = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket${query}`, {
      headers,
      localAddress,
      maxPayload: 64 * 2 ** 20,
    });
    const opened = await new Promise((resolve) => {
      ws.once('open', () => resolve(true));
      ws.on('error', () => resolve(false));
    });
    return opened ? new Wire(ws, tally, kind) : undefined;
  }

  constructor(ws, tally, kind) {
    this.#ws = ws;
    this.#tally = tally;
    this.#kind = kind;
    ws.on('message', (data) => this.#hear(String(data)));
    ws.on('close', () => {
      this.isOpen = false;
      this.#look();
    });
  }

  /** The TCP connection below it. */
  get raw() {
    return this.#ws._socket;
  }

  get number() {
    return ++this.#number;
  }

  send(data) {
    this.#tally.count(this.#kind);
    if (this.isOpen) this.#ws.send(data, () => undefined);
  }

  /** Sends a message whose answer has to be a refusal by one of some codes; by any, where none are given. `ok`: or that it counts for nothing. */
  ask(namespace, [payload, codes], number = this.number) {
    const asked = this.#waiting.get(number) ?? [];
    // Of two under one number it is not known which was answered first.
    this.#waiting.set(number, [...asked, { codes: asked.length > 0 ? undefined : codes, about: payload.slice(0, 200) }]);
    if (asked.length > 0) asked[0].codes = undefined;
    this.send(`42${namespace},${number}${payload}`);
  }

  /** @returns whether it was let in */
  async enter(namespace, auth) {
    const since = this.heard.length;
    this.send(`40${namespace},${JSON.stringify(auth)}`);
    // The default namespace has no name.
    const form = new RegExp(`^4([04])${namespace === '/' ? '(?=\\{)' : `${namespace},`}`);
    const said = () => this.heard.slice(since).find((text) => form.test(text));
    await this.#until(() => said() !== undefined);
    return said()?.startsWith('40') === true;
  }

  /** Waits until every request is answered, and says which were not. */
  async settle() {
    await this.#until(() => this.#waiting.size === 0);
    if (this.isOpen || !this.mayEnd)
      for (const asked of this.#waiting.values())
        for (const { about } of asked) this.#tally.fault(`${this.#kind}: no answer, ${this.isOpen ? 'open' : 'closed'}: ${about}`);
    this.#waiting.clear();
  }

  async end({ isAbrupt = false } = {}) {
    if (isAbrupt) this.#ws.terminate();
    else this.#ws.close();
    await this.#until(() => !this.isOpen);
    this.#ws.terminate();
  }

  #hear(text) {
    if (text === '2') {
      this.#ws.send('3', () => undefined);
      return;
    }
    const answer = answerForm.exec(text);
    if (answer === null) {
      if (this.heard.length < 1_000) this.heard.push(text);
    } else this.#judge(Number(answer[1]), JSON.parse(answer[2]));
    this.#look();
  }

  #judge(number, answer) {
    const asked = this.#waiting.get(number) ?? [];
    const question = asked.shift();
    if (asked.length === 0) this.#waiting.delete(number);
    const code = answer.ok === true ? 'ok' : answer.error?.code;
    this.#tally.code(code);
    if (question === undefined) {
      if (!this.asksNothing) this.#tally.fault(`${this.#kind}: an answer that nobody asked for, to ${number}: ${code}`);
      return;
    }
    const isTyped = typeof code === 'string' && code !== 'INTERNAL_ERROR' && typeof answer.error?.rpcCode === 'number';
    // What counts for nothing may be answered with that.
    const isNothing = code === 'ok' && question.codes?.includes('ok') === true && answer.accepted !== true;
    const isRight = isTyped && (question.codes === undefined || question.codes.includes(code) || busy.includes(code));
    if (isRight) this.#tally.refused++;
    else if (isNothing) return;
    else this.#tally.fault(`${this.#kind}: ${JSON.stringify(answer).slice(0, 300)} for ${question.about}`);
  }

  #look() {
    for (const look of [...this.#looks]) look();
  }

  async #until(isSo) {
    if (isSo() || !this.isOpen) return;
    let look;
    const so = new Promise((resolve) => {
      look = () => {
        if (isSo() || !this.isOpen) resolve();
      };
      this.#looks.add(look);
    });
    const late = new AbortController();
    await Promise.race([so, wait(longestMs, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    this.#looks.delete(look);
  }
}
