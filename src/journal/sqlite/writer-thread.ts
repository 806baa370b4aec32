/** The thread that writes a journal. Its answers come in the order of the questions, but for sweeps, which let others pass. */
import { parentPort, workerData } from 'node:worker_threads';

import { toFailure } from '../../errors.ts';
import { isolate } from './isolate.ts';
import { Store, type StoreOptions } from './store.ts';
import { type Answer, type Asked, sweepAll } from './writer.ts';

// What the writer starts this thread with.
const options = workerData as StoreOptions;
let store: Store | undefined;

/** A journal that cannot be reached just now may be at the next question. */
function openStore(): Store {
  store ??= new Store(options);
  return store;
}

function answer(asked: Asked): number | Promise<number> {
  switch (asked.act) {
    case 'append':
      openStore().append(asked.batch);
      return 0;
    case 'settle':
      return openStore().settle();
    case 'sweep':
      return sweepAll(openStore(), asked.retention);
    case 'isolate':
      isolate(openStore(), asked.workflowIds);
      return 0;
    case 'close':
      store?.close();
      store = undefined;
      return 0;
  }
}

try {
  openStore();
} catch {
  // Said at the next question, if it still holds then.
}

function send(message: Answer): void {
  parentPort?.postMessage(message);
}

parentPort?.on('message', (asked: Asked) => {
  const { id } = asked;
  const refuse = (thrown: unknown): void => send({ id, fault: toFailure(thrown, 'PERSISTENCE_WRITE_FAILED') });
  try {
    const value = answer(asked);
    if (typeof value === 'number') send({ id, value });
    else value.then((removed) => send({ id, value: removed }), refuse);
  } catch (thrown) {
    refuse(thrown);
  }
});
