import { describe, expect, it, onTestFinished, vi } from 'vitest';
import WebSocket from 'ws';

import { components } from '../../../../machines/events/define.ts';
import { definitionOf } from '../../../../src/observe/inspector/messages.ts';
import { wiring } from '../../../../src/system/wiring.ts';
import { simulate } from '../../../../src/testing/simulate.ts';
import { defineWorkflow } from '../../../../src/workflow/define.ts';

interface Told {
  readonly type: string;
  readonly name?: string;
  readonly sessionId: string;
  readonly sourceId?: string;
  readonly event?: { readonly type: string; readonly id: string; readonly source: string };
  readonly snapshot?: { readonly status: string };
}

const work = defineWorkflow({
  name: 'work',
  tasks: (task) => {
    const first = task('first', { run: () => ({ n: 1 }) });
    return task('second', { run: ({ n }: { readonly n: unknown }) => n, params: { n: first.n } });
  },
});

describe('the inspector of a running system', () => {
  it('draws who told whom in a run of a workflow, each event from its true source', async () => {
    const { system, until } = await simulate({ inspect: { port: 0 } });
    onTestFinished(() => system.stop());
    const { port } = await system.inspect();
    const told: Told[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    socket.on('message', (data) => told.push(JSON.parse(String(data)) as Told));
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(5));

    const run = await system.submit(work);
    await until(run.result());
    const ended = () => told.filter(({ snapshot }) => snapshot?.status === 'done').map(({ sessionId }) => sessionId.replace(/~\d+$/, ''));
    const entities = [`task/${run.id}/first`, `task/${run.id}/second`, `workflow/${run.id}`];
    await vi.waitFor(() => expect(ended()).toEqual(expect.arrayContaining(entities)));

    const nameOf = new Map(told.filter(({ type }) => type === '@xstate.actor').map(({ sessionId, name }) => [sessionId, name]));
    const events = told.filter(({ type }) => type === '@xstate.event');
    for (const { sourceId = '', sessionId, event } of events) {
      expect(nameOf.get(sourceId)).toBe(event?.source);
      expect(nameOf.has(sessionId)).toBe(true);
    }
    const ends = events
      .filter(({ event }) => event?.type === 'task:completed')
      .map(({ sourceId = '', sessionId }) => `${nameOf.get(sourceId)} -> ${nameOf.get(sessionId)}`);
    expect(ends[0]).toBe(`task/${run.id}/first -> task/${run.id}/first`);
    expect(ends).toContain(`task/${run.id}/first -> resolver/${run.id}`);
    expect(ends).toContain(`task/${run.id}/second -> workflow/${run.id}`);
    for (const outside of ['api', 'executor']) expect(nameOf.has(outside)).toBe(true);
  });

  it.each(components)('has a chart of each %s', (component) => {
    const { machine } = wiring[component];
    const definition = definitionOf(machine);
    expect(JSON.parse(definition)).toMatchObject({ id: machine.id, states: expect.any(Object) });
    expect(definition.length).toBeLessThan(20_000);
  });
});
