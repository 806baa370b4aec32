/** A process that runs a workflow with secrets on a journal, and says when its second task runs, which never ends: `node engine-process.ts PATH`. */
import { createSystem, loadWorkflow, sqliteJournal } from '../../../src/index.ts';
import { login, vault } from './vault.ts';

const [path = ''] = process.argv.slice(2);
const { provider } = vault({ onUse: () => new Promise(() => process.stdout.write('in use\n')) });
const system = createSystem({ journal: sqliteJournal(path), providers: [provider] });
await system.start();
await system.submit(await loadWorkflow(login), { id: 'w', input: { password: 'hunter2' } });
