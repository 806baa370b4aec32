/** The process whose writes are recorded. What it says goes to a file, so that it stands among them. */
import { appendFileSync } from 'node:fs';

import { writeBatches } from './work.mjs';

const task = JSON.parse(process.argv[2]);
await writeBatches(task, { tell: (text) => appendFileSync(`${task.path}-told`, `${text}\n`) });
