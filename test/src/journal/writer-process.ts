/** A process that appends to a journal until it is killed, and says of each batch that it was taken: `node writer-process.ts PATH`. */
import { sqliteJournal } from '../../../src/journal/sqlite.ts';
import { factOf } from './contract-facts.ts';

const [path = '', writer = 'thread'] = process.argv.slice(2);
const journal = sqliteJournal(path, { writer: writer === 'inline' ? 'inline' : 'thread' });
try {
  const { lastSeq } = await journal.open();
  process.stdout.write(`open ${lastSeq}\n`);
  for (let seq = lastSeq + 1; ; seq += 2) {
    await journal.append([factOf('workflow:submitted', seq), factOf('workflow:started', seq + 1)]);
    process.stdout.write(`${seq + 1}\n`);
  }
} catch (error) {
  process.stdout.write(`${JSON.stringify(error)}\n`);
}
