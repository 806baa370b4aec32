/**
 * The ledger: what workers say of themselves, a line at a time, written before anything else is done about it.
 *
 * `begin` and `end` of a handler; `sent` for a report on its way to the hub and `answered` for what the hub said to it, both as they
 * pass the socket; `heard` for a sign of life that the hub has taken, between which two moments it did.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** @returns writes a line */
export const ledgerAt = (path, pid) => (line) => appendFileSync(path, `${JSON.stringify({ ...line, pid, time: Date.now() })}\n`);

export function readLedger(path) {
  // A line of a process that was killed while it wrote may be cut off, and the next one stands behind it.
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}

/** Notes what passes the sockets of this process; `Socket` is that of the client's library. */
export function tap({ prototype }, note) {
  const { emit } = prototype;
  prototype.emit = function (name, ...given) {
    const [data, answered] = given;
    const watch = typeof answered === 'function' ? watches[name] : undefined;
    return watch === undefined ? emit.call(this, name, ...given) : emit.call(this, name, data, watch(data, note, answered));
  };
}

const report = (data, note, answered) => {
  const { leaseId, workflowId, taskId, attempt, workerId } = data;
  const of = { leaseId, workflowId, taskId, attempt, workerId };
  note({ at: 'sent', ...of });
  return (answer) => {
    note({ at: 'answered', ...of, accepted: answer.accepted, code: answer.error?.code });
    answered(answer);
  };
};
const life = ({ workerId }, note, answered) => {
  const from = Date.now();
  return (answer) => {
    if (answer.ok === true) note({ at: 'heard', workerId, from });
    answered(answer);
  };
};
const watches = { 'attempt:succeeded': report, 'attempt:failed': report, 'worker:register': life, 'worker:heartbeat': life };
