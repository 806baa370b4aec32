/** Events as the stream gives them, for what folds and tells them. */
import type { DataOf, EventType, GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { eventOf } from '../../machines/harness.ts';

const workflowId = 'w';
const route = { method: 'text/words', protocol: 'text/v1' };

/** An event of workflow `w`; whatever its payload leaves out here does not matter to the test. */
export function event<Type extends EventType>(type: Type, data: Partial<DataOf<Type>>, time = 0): GleitzeitEvent {
  // What the test leaves out is read by nobody: a missing field would show in the text that it compares.
  return eventOf(type, { workflowId, ...data } as DataOf<Type>, { time });
}

export const started = (taskId: string, time = 0, attempt = 1) => event('task:started', { taskId, attempt, ...route }, time);
export const step = (taskId: string, done: number, total: number, status: DataOf<'workflow:step_completed'>['status'] = 'completed') =>
  event('workflow:step_completed', { taskId, done, total, status });
export const registered = (providerId: string, protocol: string) =>
  event('provider:registered', {
    providerId,
    protocol,
    methods: [],
    circuit: { scope: 'provider', failureThreshold: 5, successThreshold: 3, recoveryTimeoutMs: 60_000, halfOpenProbes: 1 },
  });
