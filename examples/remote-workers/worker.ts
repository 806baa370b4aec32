/** A worker in a process of its own: `worker.ts URL`. The same from the command line: `gleitzeit worker --hub URL --providers thumbnails.ts`. */
import { createRemoteWorker } from 'gleitzeit/hub';

import { thumbnails } from './thumbnails.ts';

const worker = createRemoteWorker({ url: process.argv[2] ?? 'http://127.0.0.1:7400', providers: [thumbnails], slots: 2 });
await worker.start();
process.send?.('ready');
// What runs is finished first.
process.once('SIGTERM', () => void worker.stop());
await worker.closed;
process.disconnect?.();
