/** Facts for a process without a test runner. */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';

export function factOf(type: 'workflow:submitted' | 'workflow:started', seq: number): GleitzeitEvent {
  const workflowId = `w${seq - (type === 'workflow:submitted' ? 0 : 1)}`;
  const data = {
    workflowId,
    name: 'n',
    versionHash: 'h',
    definition: { name: 'n', failurePolicy: 'fail_fast', tasks: [] },
    input: 'x'.repeat(seq % 5_000),
    totalTasks: 0,
  };
  // The journal reads of a fact only what stands here.
  return {
    type,
    id: `e${seq}`,
    seq,
    time: seq,
    source: 'test',
    severity: 'info',
    correlation: { correlationId: workflowId, workflowId },
    data,
  } as unknown as GleitzeitEvent;
}
