/**
 * Secrets: a password goes in, a session comes back and opens a door; both reach who needs them, and neither stands in the journal,
 * in an event or in a log. A second system goes on with them, by the key beside the journal.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystem, type GleitzeitEvent, loadWorkflow, sqliteJournal } from 'gleitzeit';

const password = 'correct horse battery staple';
const session = 'eyJhbGciOi.a-session.of-this-run';

// The service: a session for the password, and an answer for the session.
const asked: string[] = [];
const server = createServer((request, response) => {
  const { authorization = '' } = request.headers;
  asked.push(`${request.url} ${authorization}`);
  if (authorization === `Bearer ${session}`) response.setHeader('content-type', 'application/json').end('{"orders":3}');
  else if (authorization === `Password ${password}`) response.setHeader('content-type', 'application/json').end(JSON.stringify({ token: session }));
  else response.writeHead(401).end(`not with ${authorization}`);
});
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const workflow = await loadWorkflow({
  name: 'orders',
  tasks: [
    { id: 'login', method: 'http/request', parameters: { url: `${url}/login`, headers: { authorization: 'Password ${input.password}' } } },
    { id: 'orders', method: 'http/request', parameters: { url: `${url}/orders`, headers: { authorization: 'Bearer ${login.json.token}' } } },
  ],
  output: { orders: '${orders.json.orders}' },
});

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-secrets-'));
const path = join(folder, 'orders.db');
const engine = () => createSystem({ journal: sqliteJournal(path), http: { allowPrivateNetworks: true } });

// The first system takes it in, and stops before anything has run.
const first = engine();
await first.start({ paused: true });
await first.submit(workflow, { id: 'order-1', input: { password } });
await first.stop();

// The second one goes on.
const second = engine();
const events: GleitzeitEvent[] = [];
second.on('*', (event) => events.push(event));
await second.start();
const result = await second.result('order-1');
const trace = await second.trace('order-1');
await second.stop();
server.close();

assert.deepEqual(result.output, { orders: 3 });
assert.deepEqual(asked, [`/login Password ${password}`, `/orders Bearer ${session}`], 'the service got what was meant');
assert.ok(JSON.stringify(result.tasks['login']).includes(session), 'and so does who asks for the result');

const recorded = JSON.stringify([events, trace.events]);
assert.ok(!recorded.includes(password) && !recorded.includes(session), 'nothing that is told has either of them');
const submitted = trace.events.find((event) => event.type === 'workflow:submitted');
console.log('The journal says of the input:', submitted?.data.input);
const { mode } = statSync(`${path}-key`);
console.log(`The key is in ${`${path}-key`.replace(folder, '…')}, with mode ${(mode & 0o777).toString(8)}.`);
assert.equal(mode & 0o777, 0o600);
rmSync(folder, { recursive: true });
