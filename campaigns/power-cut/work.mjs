/** What is written while the power is cut: batches small and large, sweeps, and a close now and then, all as a seed decides. */
import { between, chanceOf } from '../chance.mjs';
import { sqliteJournal } from '../library.mjs';

/** Pages after which the log is copied into the file here: often, so that many cuts fall into it. */
const checkpointPages = 60;

/**
 * Writes batches to a journal, and tells of each that was answered.
 * @param tell is given `acked SEQ`, and before a sweep `swept SEQ`: what had ended by then may go
 * @param attend is given the journal after each open, and before and after each close
 */
export async function writeBatches({ path, durability, seed, batches, checkpoints = true }, { tell, attend = () => undefined }) {
  const chance = chanceOf(seed);
  const options = { durability, writer: 'inline' };
  let journal = sqliteJournal(path, options);
  let seq = (await journal.open()).lastSeq;
  const open = [];
  const attended = () => {
    const { db } = journal.writer.store;
    db.pragma(`wal_autocheckpoint = ${checkpoints ? checkpointPages : 0}`);
    attend('open', journal);
  };
  attended();
  for (let number = 0; number < batches; number++) {
    const facts = Array.from({ length: chance() < 0.1 ? between(chance, 100, 600) : between(chance, 1, 12) }, () =>
      nextFact(++seq, { open, chance }),
    );
    await journal.append(facts);
    tell(`acked ${seq}`);
    if (chance() < 0.05) {
      tell(`swept ${seq}`);
      await journal.sweep({ keep: 40 });
    }
    if (chance() < 0.05) {
      attend('closing', journal);
      await journal.close();
      attend('closed', journal);
      journal = sqliteJournal(path, options);
      await journal.open();
      attended();
    }
  }
  attend('closing', journal);
  await journal.close();
  attend('closed', journal);
}

/** The first, another or the last fact of a workflow: of those that are open, or a new one. */
function nextFact(seq, { open, chance }) {
  const at = between(chance, 0, open.length - 1);
  if (open.length < 4 || chance() < 0.2) {
    open.push(`w${seq}`);
    return factOf('workflow:submitted', { seq, workflowId: `w${seq}` });
  }
  const [workflowId] = chance() < 0.3 ? open.splice(at, 1) : [open[at]];
  return factOf(open.includes(workflowId) ? 'workflow:started' : 'workflow:completed', { seq, workflowId });
}

/** A fact of which the journal reads what stands here; the noise in it does not shrink. */
function factOf(type, { seq, workflowId }) {
  const noise = chanceOf(seq);
  const input = Array.from({ length: seq % 40 }, () => noise().toString(36)).join('');
  const data = { workflowId, name: 'n', versionHash: 'h', totalTasks: 1, durationMs: 1, input };
  return { type, id: `e${seq}`, seq, time: seq, source: 'test', severity: 'info', correlation: { correlationId: workflowId, workflowId }, data };
}

/** Whether a fact that was read is the one that was written: what it says of itself has to fit. */
export function isWhole({ seq, type, data, ...rest }) {
  return JSON.stringify({ seq, type, data, ...rest }) === JSON.stringify(sorted(factOf(type, { seq, workflowId: data.workflowId })));
}

const sorted = ({ seq, type, data, ...rest }) => ({ seq, type, data, ...rest });
