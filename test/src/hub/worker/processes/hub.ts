/** A hub in a process of its own, whose leases are short: `hub.ts DB PORT [LEASE_MS]`. */
import { createHub } from '../../../../../src/hub/index.ts';
import { createSystem, sqliteJournal } from '../../../../../src/index.ts';

const [db = '', port = '0', leaseMs = '3000'] = process.argv.slice(2);
const system = createSystem({ journal: sqliteJournal(db), worker: { leaseMs: Number(leaseMs), heartbeatMs: 200 } });
await system.start();
const hub = await createHub({ system, port: Number(port), token: 'secret' });
process.stdout.write(`listening on ${hub.url}\n`);
