/** How schedules are addressed: by their own id, and by the workflow ids of their runs. */
import { cronMachine, scheduleOf } from '../../machines/cron.ts';
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { dataOf, elapsedFor, fieldsOf, one, type Recipients, type Wiring } from './addressing.ts';

function recipients(event: GleitzeitEvent): Recipients {
  switch (event.type) {
    case 'engine:started':
      return 'all';
    case 'schedule:elapsed':
      return elapsedFor('cron', event);
    case 'workflow:completed':
    case 'workflow:failed':
    case 'workflow:cancelled':
    case 'workflow:rejected':
      return one(scheduleOf(event.data.workflowId));
    default:
      return one(fieldsOf(event)['scheduleId']);
  }
}

export const cron: Wiring = {
  machine: cronMachine,
  recipients,
  births: {
    'cron:create': (event) => {
      const input = dataOf(event, 'cron:create');
      return [{ key: input.scheduleId, input }];
    },
  },
  // The name of a workflow alone does not say that it is a run. A schedule may be gone before its last run ends, and before the
  // answer to its last question; a user may ask twice for it to be removed.
  absentIsFine: ['workflow:completed', 'workflow:failed', 'workflow:cancelled', 'workflow:rejected', 'cron:answered', 'cron:remove'],
};
