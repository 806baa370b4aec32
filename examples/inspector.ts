/**
 * The Stately inspector: every chart that runs, its state, and who told whom. `gleitzeit run FILE --inspect` opens the same
 * feed; here a program receives it, in place of the page at https://stately.ai/inspect.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { createSystem, defineWorkflow } from 'gleitzeit';
import { WebSocket } from 'ws';

interface Message {
  readonly type: string;
  readonly sessionId?: string;
  readonly event?: { readonly type: string };
  readonly sourceId?: string;
  readonly definition?: string;
}

const system = createSystem({ inspect: { port: 0 } });
await system.start();
const { url } = await system.inspect();
console.log(`the feed is at ${url}`);

const received: Message[] = [];
const receiver = new WebSocket(url.replace('http:', 'ws:'));
receiver.on('message', (data) => received.push(JSON.parse(String(data)) as Message));
await new Promise((resolve) => receiver.once('open', resolve));

const hello = defineWorkflow({ name: 'hello', tasks: (task) => task('echo', { method: 'core/echo', params: { hello: 'world' } }) });
const run = await system.submit(hello, { id: 'hello-1' });
await run.result();
const isTold = (): boolean => received.some(({ event }) => event?.type === 'workflow:completed');
for (let waited = 0; waited < 5_000 && !isTold(); waited += 20) await delay(20);
await system.stop();
receiver.close();

const actors = received.filter(({ type }) => type === '@xstate.actor');
const task = actors.find(({ sessionId }) => sessionId?.includes('hello-1/echo'));
assert.ok(task?.definition?.includes('waitingRetry'), 'an actor is introduced with the whole chart of its machine');
const told = received.filter(({ type, sessionId }) => type === '@xstate.event' && sessionId === task?.sessionId);
const story = told.map(({ event, sourceId }) => `${event?.type} from ${sourceId}`);
assert.ok(
  story.some((line) => line.startsWith('task:claimed from worker')),
  story.join('\n'),
);
assert.ok(isTold());
console.log(`${received.length} messages about ${actors.length} actors; the task was told:\n  ${story.join('\n  ')}`);
