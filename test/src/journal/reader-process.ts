/** A process that only reads a journal, and says what came of it: `node reader-process.ts PATH`. */
import { checkJournal } from '../../../src/journal/sqlite/check.ts';
import { sqliteJournal } from '../../../src/journal/sqlite.ts';

const [path = ''] = process.argv.slice(2);
const journal = sqliteJournal(path, { readOnly: true });
try {
  const { lastSeq } = await journal.open();
  const facts = (await journal.read()).length;
  const { damages } = await checkJournal(path);
  process.stdout.write(`${JSON.stringify({ uid: process.getuid?.(), lastSeq, facts, damages })}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify(error)}\n`);
} finally {
  await journal.close();
}
