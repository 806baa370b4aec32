/** A client that says what no library would, word by word. */
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

export interface Raw {
  readonly ws: WebSocket;
  /** Everything that came, as Engine.IO's texts. */
  readonly heard: string[];
  send(text: string | Buffer): void;
  /** Resolves with the first text that fits, also of those that came before. */
  next(pattern: RegExp): Promise<string>;
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
}

export async function raw(url: string, headers: Record<string, string> = {}, query = ''): Promise<Raw> {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket${query}`, { headers });
  onTestFinished(() => ws.terminate());
  const heard: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...waiting]) look();
  };
  ws.on('message', (data) => {
    const text = String(data);
    // Signs of life are answered, so that nobody takes it for dead.
    if (text === '2') ws.send('3');
    else heard.push(text);
    wake();
  });
  const closed = new Promise<void>((resolve) =>
    ws.once('close', () => {
      resolve();
      wake();
    }),
  );
  ws.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => ws.once('open', resolve).once('error', reject));
  const next = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      let looked = 0;
      const look = (): void => {
        const found = heard.slice(looked).find((text) => pattern.test(text));
        looked = heard.length;
        if (found === undefined && ws.readyState !== WebSocket.CLOSED) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`It ended without ${pattern}; heard was ${heard.join(' ').slice(0, 1_000)}`));
      };
      waiting.add(look);
      look();
    });
  return { ws, heard, next, closed, send: (text) => ws.send(text) };
}

/** One that is in a namespace. */
export async function entered(url: string, namespace = '/engine', auth: object = {}): Promise<Raw> {
  const client = await raw(url);
  client.send(`40${namespace},${JSON.stringify(auth)}`);
  await client.next(new RegExp(`^40${namespace},`));
  return client;
}
