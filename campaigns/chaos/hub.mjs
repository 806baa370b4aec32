/** The process with the engine and its hub. It says its port once it listens; SIGTERM ends it in order, anything else does not. */
import { createHub } from '../hub-library.mjs';
import { createSystem, sqliteJournal } from '../library.mjs';
import { quiet } from './log.mjs';

const { path, port, token, leaseMs, heartbeatMs } = JSON.parse(process.argv[2]);
const journal = sqliteJournal(path, { busyTimeoutMs: 5_000 });
const system = createSystem({ journal, builtins: false, worker: { leaseMs, heartbeatMs }, log: quiet });
await system.start();
const hub = await createHub({ system, port, token });
process.once('SIGTERM', async () => {
  await system.stop({ deadlineMs: 0 });
  await hub.close({ deadlineMs: 10_000 });
});
console.log(JSON.stringify({ port: hub.port }));
