/** A process of remote workers that have nothing to do in their tasks. */
import { createRemoteWorker } from '../dist/hub.js';
import { serve, task } from './processes.mjs';
import { nothing } from './workflows.mjs';

const { url, workers, slots, name } = task();
const all = Array.from({ length: workers }, (_, at) => createRemoteWorker({ url, slots, providers: [nothing], name: `${name}-${at}` }));
await Promise.all(all.map((worker) => worker.start()));
serve({ stop: async () => void (await Promise.all(all.map((worker) => worker.stop()))) });
