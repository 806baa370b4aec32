/** A provider that writes into the file LEDGER which attempt of which task it begins and ends, and in which process. */
import { appendFileSync } from 'node:fs';

import { defineProvider } from '../../../../../src/providers/provider.ts';

const ledger = process.env['LEDGER'] ?? '';

export const provider = defineProvider({
  protocol: 'ledger/v1',
  methods: {
    'ledger/wait': {
      run: async ({ ms }, { taskId, attempt, sleep }) => {
        appendFileSync(ledger, `begin ${taskId} ${attempt} ${process.pid}\n`);
        await sleep(Number(ms));
        appendFileSync(ledger, `end ${taskId} ${attempt} ${process.pid}\n`);
        return process.pid;
      },
    },
    // Takes no notice of anything: what a worker does that was stopped in the middle of it.
    'ledger/stubborn': {
      run: async ({ ms }, { taskId, attempt }) => {
        appendFileSync(ledger, `begin ${taskId} ${attempt} ${process.pid}\n`);
        await new Promise((resolve) => setTimeout(resolve, Number(ms)));
        return `of attempt ${attempt}`;
      },
    },
  },
});
