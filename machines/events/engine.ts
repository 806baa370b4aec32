/** Events of the engine: what admits workflows and counts those in flight. */
import * as z from 'zod';

import { command, recorded, transient } from './define.ts';
import { by, reason } from './payloads.ts';

const mode = z.enum(['running', 'paused', 'draining', 'stopped']);
/** Workflows since the start of the engine. */
const stats = z.strictObject({
  submitted: z.int().min(0),
  completed: z.int().min(0),
  failed: z.int().min(0),
  cancelled: z.int().min(0),
  live: z.int().min(0),
});

export const engineEvents = {
  'engine:started': recorded({
    from: 'engine',
    to: ['health', 'metrics', 'scheduler', 'cron', 'cleaner', 'backpressure'],
    about: 'Workflows are admitted and dispatched from here on.',
    data: z.strictObject({ mode, stats }),
  }),
  'engine:stopped': recorded({
    from: 'engine',
    to: ['health', 'metrics', 'system', 'scheduler'],
    about: 'Nothing is admitted or dispatched any more; what was in flight goes on at the next start.',
    data: z.strictObject({ mode, stats, reason }),
  }),
  'engine:paused': transient({
    from: 'engine',
    to: ['queue', 'health', 'alerts'],
    about: 'The whole engine dispatches nothing new; running attempts finish.',
    severity: 'info',
    data: z.strictObject({ reason }),
  }),
  'engine:resumed': transient({
    from: 'engine',
    to: ['queue', 'health', 'alerts'],
    about: 'The engine dispatches again.',
    severity: 'info',
    data: z.strictObject({ reason }),
  }),
  'engine:halt': command({
    from: 'runtime',
    to: ['engine'],
    about: 'Asks a draining engine to say that it has stopped: everything it waited for is over.',
    data: z.strictObject({ reason }),
  }),
  'engine:pause': command({ from: 'api', to: ['engine'], about: 'Asks the engine to pause.', data: z.strictObject({ reason, by }) }),
  'engine:resume': command({ from: 'api', to: ['engine'], about: 'Asks a paused engine to go on.', data: z.strictObject({ reason, by }) }),
} as const;
