import { describe, expect, it } from 'vitest';

import { ask, connected, echo, hubOf } from './places.ts';

describe('what clients ask of the engine', { timeout: 30_000 }, () => {
  it('is answered', async () => {
    const { hub } = await hubOf();
    const client = await connected(hub.url);
    expect(await ask(client, 'hub:info')).toMatchObject({ ok: true, protocolVersion: 1, phase: 'running' });
    const submitted = await ask(client, 'workflow:submit', { definition: echo(), id: 'w' });
    expect(submitted).toEqual({ ok: true, workflowId: 'w' });
    expect(await ask(client, 'workflow:result', { workflowId: 'w' })).toMatchObject({ ok: true, result: { status: 'completed' } });
  });
});
