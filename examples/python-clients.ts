/**
 * Clients in another language: a worker, an observer and a submitter written with Debian's python3-socketio and nothing else, see
 * `python/`. Left out, with exit code 77, where Python cannot import it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createSystem } from 'gleitzeit';
import { createHub } from 'gleitzeit/hub';

const python = [process.env['PYTHON'] ?? 'python3', '/usr/bin/python3'].find(
  (command) => spawnSync(command, ['-c', 'import socketio, websocket']).status === 0,
);
if (python === undefined) {
  console.log('left out: python3 cannot import socketio and websocket (apt-get install python3-socketio python3-websocket)');
  process.exit(77);
}

const system = createSystem();
await system.start();
const tokens = (['worker', 'observer', 'client'] as const).map((role) => ({ token: `for-${role}`, roles: [role] }));
const hub = await createHub({ system, port: 0, tokens });

/** Starts one of the programs; each has a token that is good for what it does, and for nothing else. */
function start(file: string, token: string, ...args: readonly string[]) {
  const path = fileURLToPath(new URL(`python/${file}`, import.meta.url));
  const env = { ...process.env, GLEITZEIT_HUB: hub.url, GLEITZEIT_TOKEN: token, WORKER_ID: 'snake' };
  const child: ChildProcess = spawn(python ?? '', [path, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (part: string) => (stdout += part));
  child.stderr?.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, stdout, stderr }));
  const said = async (text: string): Promise<void> => {
    while (!stdout.includes(text) && !stderr.includes(text)) {
      assert.equal(child.exitCode, null, `${file} ended: ${stderr}`);
      await Promise.race([once(child.stdout ?? child, 'data'), once(child.stderr ?? child, 'data'), ended]);
    }
  };
  return { child, ended, said };
}

const worker = start('worker.py', 'for-worker');
const observer = start('observer.py', 'for-observer', '--until', 'workflow:completed');
await Promise.all([worker.said('registered as snake'), observer.said('subscribed')]);

const submitted = await start('submitter.py', 'for-client', 'so much depends', 'upon a red wheel barrow').ended;
console.log('submitter:', submitted.stdout.trim());
assert.deepEqual(JSON.parse(submitted.stdout).output, {
  counted: [
    { words: 3, longest: 'depends' },
    { words: 5, longest: 'barrow' },
  ],
});

const seen = await observer.ended;
const types = seen.stdout
  .trim()
  .split('\n')
  .map((line) => line.split(' ')[1]);
console.log('observer:', types.length, 'events, the last', types.at(-1));
assert.equal(types.filter((type) => type === 'task:completed').length, 4);

// What a token is not good for is refused.
const refused = await start('submitter.py', 'for-observer').ended;
console.log('an observer that submits:', refused.stderr.trim());
assert.match(refused.stderr, /AUTHORIZATION_FAILED/);

worker.child.kill('SIGTERM');
assert.equal((await worker.ended).code, 0);
console.log('worker: left when it was told to');
await system.stop();
await hub.close();
