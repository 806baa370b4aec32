/** Whether a journal that a power cut left opens, holds what was answered, and can be gone on with. */
import { checkJournal, GleitzeitError, sqliteJournal } from '../library.mjs';
import { isWhole } from './work.mjs';

/**
 * @param known `acked`: up to which seq was answered; `swept`: what had ended up to there may be gone; `asked`: the highest there can be
 * @returns what is wrong, in words, and whether the journal said that it had lost something
 */
export async function judge(path, { durability, acked, swept }) {
  const wrong = [];
  const journal = sqliteJournal(path, { durability, writer: 'inline' });
  let opened;
  try {
    opened = await journal.open();
    if (durability === 'full' && opened.lastSeq < acked) wrong.push(`it ends after seq ${opened.lastSeq}, and had answered for ${acked}`);
    if (durability === 'full' && opened.lost !== undefined) wrong.push(`it says that it lost what was after seq ${opened.lost.afterSeq}`);
    const [facts, heads] = [await journal.read(), await journal.list()];
    wrong.push(...judgeFacts(facts, { heads, swept, lastSeq: opened.lastSeq }));
    const { damages } = await checkJournal(path);
    wrong.push(...damages.map(({ message }) => `it is damaged: ${message}`));
    await goOn(journal, opened.lastSeq);
  } catch (error) {
    wrong.push(error instanceof GleitzeitError ? `${error.code}: ${error.message}` : String(error?.stack ?? error));
  } finally {
    await journal.close();
  }
  if (wrong.length === 0) wrong.push(...(await checkJournal(path)).damages.map(({ message }) => `after it went on, it is damaged: ${message}`));
  return { wrong, hasLost: opened?.lost !== undefined };
}

function judgeFacts(facts, { heads, swept, lastSeq }) {
  const wrong = [];
  const there = new Map(facts.map((fact) => [fact.seq, fact]));
  const known = new Set(heads.map(({ workflowId }) => workflowId));
  for (const fact of facts) {
    if (!isWhole(fact)) wrong.push(`the fact ${fact.seq} is not as it was written`);
    if (!known.has(fact.correlation.workflowId)) wrong.push(`the fact ${fact.seq} belongs to no workflow that is there`);
  }
  for (let seq = swept + 1; seq <= lastSeq; seq++) if (!there.has(seq)) wrong.push(`the fact ${seq} is missing`);
  return wrong;
}

/** The next fact finds its place. */
async function goOn(journal, lastSeq) {
  const seq = lastSeq + 1;
  const correlation = { correlationId: 'after', workflowId: 'after' };
  const data = { workflowId: 'after', name: 'n', versionHash: 'h' };
  await journal.append([{ type: 'workflow:submitted', id: `e${seq}`, seq, time: seq, source: 'test', severity: 'info', correlation, data }]);
}
