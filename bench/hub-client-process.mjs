/** A process with one client: how long it waits for the result of what it submits. */
import { connect } from '../dist/hub.js';
import { loadWorkflow } from './library.mjs';
import { serve, task } from './processes.mjs';
import { wide } from './workflows.mjs';

const { url } = task();
const client = await connect({ url });
const workflow = await loadWorkflow(wide(1));

serve({
  /** One after another; the times of all, in milliseconds. */
  rounds: async ({ times }) => {
    const taken = [];
    for (let round = 0; round < times; round++) {
      const began = performance.now();
      const { status } = await (await client.submit(workflow)).result();
      taken.push(performance.now() - began);
      if (status !== 'completed') throw new Error(status);
    }
    return taken;
  },
});
