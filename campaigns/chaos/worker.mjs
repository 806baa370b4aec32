/** The process of a remote worker, which keeps a ledger. It says so once it is registered; SIGTERM has it finish what it runs. */
import { setTimeout as wait } from 'node:timers/promises';

import { Socket } from 'socket.io-client';

import { createRemoteWorker } from '../hub-library.mjs';
import { defineProvider } from '../library.mjs';
import { ledgerAt, tap } from './ledger.mjs';
import { quiet } from './log.mjs';
import { natureOf, protocol } from './workload.mjs';

const { url, token, name, slots, ledger, workMs } = JSON.parse(process.argv[2]);
const note = ledgerAt(ledger, process.pid);
tap(Socket, note);

const provider = defineProvider({
  protocol,
  circuit: false,
  methods: {
    'chaos/work': {
      run: async ({ value, fail = 0, list = 0 }, { workflowId, taskId, attempt, idempotencyKey, sleep }) => {
        const of = { workflowId, taskId, attempt };
        const { ms, isStubborn } = natureOf(`${workflowId}/${taskId}`, workMs);
        note({ at: 'begin', ...of, idempotencyKey });
        await (isStubborn ? wait(ms) : sleep(ms));
        if (attempt <= fail) throw new Error(`attempt ${attempt} fails`);
        note({ at: 'end', ...of, value: value + 1 });
        return { value: value + 1, values: Array.from({ length: list }, (_, at) => value + at) };
      },
    },
  },
});

const worker = createRemoteWorker({ url, token, name, slots, providers: [provider], log: quiet, connectTimeoutMs: 120_000 });
process.once('SIGTERM', () => void worker.stop({ deadlineMs: 60_000 }));
await worker.start();
console.log(JSON.stringify({ workerIds: worker.workerIds }));
await worker.closed;
