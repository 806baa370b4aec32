import { describe, expect, it } from 'vitest';

import { errorCodes } from '../../../../machines/failures.ts';
import { errorOf } from '../../../../src/errors.ts';
import { statusOf } from '../../../../src/hub/http/statuses.ts';
import { hubLimitDefaults } from '../../../../src/hub/protocol/limits.ts';
import { fillable } from '../../../scenarios/fillable-journal.ts';
import { silent } from '../../../silent.ts';
import { until } from '../../control/places.ts';
import { bearing } from './bearing.ts';
import { json, placeOf } from './place.ts';

const echo = { name: 'Echo', input: { text: 'hi' }, tasks: [{ id: 'say', method: 'core/echo', parameters: { text: '${input.text}' } }] };
const never = { name: 'Never', tasks: [{ id: 'wait', method: 'core/sleep', parameters: { ms: 3_600_000 } }] };

const tokens = [
  { token: 'client-token', roles: ['client'], name: 'ci' },
  { token: 'observer-token', roles: ['observer'] },
  { token: 'worker-token', roles: ['worker'] },
] as const;

describe('workflows over plain HTTP', () => {
  it('are submitted as JSON, and asked for until the result is there', async () => {
    const { app, system } = await placeOf();
    const submitted = await app.request('/api/workflows', json({ definition: echo, input: { text: 'hello' }, id: 'a b' }));
    expect([submitted.status, await submitted.json()]).toEqual([202, { ok: true, workflowId: 'a b' }]);
    const where = submitted.headers.get('location') ?? '';
    expect(where).toBe('/api/workflows/a%20b');
    await system.result('a b');
    expect(await (await app.request(where)).json()).toMatchObject({
      ok: true,
      status: { status: 'completed', tasks: { say: { status: 'completed' } } },
      result: { workflowId: 'a b', status: 'completed', tasks: { say: { result: { text: 'hello' } } } },
    });
  });

  it('show what is secret in a result to clients alone', async () => {
    const { app, system } = await placeOf({ tokens });
    const definition = { name: 'Login', tasks: [{ id: 'a', method: 'core/echo', parameters: { password: 'hunter2-hunter2' } }] };
    const { headers } = bearing('client-token');
    await app.request('/api/workflows', json({ definition, id: 'w' }, headers));
    await system.result('w');
    const read = async (path: string, token: string) => (await app.request(path, bearing(token))).text();
    expect(JSON.parse(await read('/api/workflows/w', 'client-token')).result.tasks.a.result).toEqual({ password: 'hunter2-hunter2' });
    for (const path of ['/api/workflows/w', '/api/workflows/w/trace', '/api/workflows/w/explain'])
      expect(await read(path, 'observer-token')).not.toContain('hunter2');
  });

  it('are submitted as YAML, by the id in the query', async () => {
    const { app, system } = await placeOf();
    const yaml = 'name: From YAML\ntasks:\n  - { id: say, method: core/echo, parameters: { n: 7 } }\n';
    for (const type of ['application/yaml', 'text/yaml; charset=utf-8']) {
      const answer = await app.request('/api/workflows?id=y', { method: 'POST', headers: { 'content-type': type }, body: yaml });
      expect(await answer.json()).toMatchObject({ ok: true, workflowId: 'y' });
    }
    const another = (query: string) =>
      app.request(`/api/workflows?id=y${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/yaml' },
        body: 'name: other\ntasks:\n  - { id: a, method: core/echo }\n',
      });
    expect((await another('')).status).toBe(409);
    expect(await (await another('&ifKnown=join')).json()).toMatchObject({ ok: true, workflowId: 'y', known: expect.any(String) });
    expect((await system.result('y')).tasks['say']?.result).toEqual({ n: 7 });
  });

  it('are one run under one id, and another definition under that id is a conflict', async () => {
    const { app, system } = await placeOf();
    for (let times = 0; times < 2; times += 1) expect((await app.request('/api/workflows', json({ definition: echo, id: 'once' }))).status).toBe(202);
    expect(await system.list()).toHaveLength(1);
    const other = await app.request('/api/workflows', json({ definition: never, id: 'once' }));
    expect([other.status, await other.json()]).toMatchObject([409, { ok: false, error: { code: 'WORKFLOW_INVALID_STATE', rpcCode: -28007 } }]);
  });

  it('are listed, by status and as many as are asked for', async () => {
    const { app, system } = await placeOf();
    for (const id of ['a', 'b', 'c']) await app.request('/api/workflows', json({ definition: echo, id }));
    await app.request('/api/workflows', json({ definition: never, id: 'd' }));
    for (const id of ['a', 'b', 'c']) await system.result(id);
    const listed = async (query: string) =>
      ((await (await app.request(`/api/workflows${query}`)).json()) as { workflows: readonly { workflowId: string }[] }).workflows.map(
        ({ workflowId }) => workflowId,
      );
    expect(await listed('')).toEqual(['a', 'b', 'c', 'd']);
    expect(await listed('?status=running')).toEqual(['d']);
    expect(await listed('?status=completed&limit=2')).toEqual(['b', 'c']);
    for (const query of ['?limit=many', '?limit=0', '?status=odd']) expect((await app.request(`/api/workflows${query}`)).status).toBe(400);
  });

  it('are cancelled, paused and resumed, with or without a reason, and say where they stand', async () => {
    const { app, system } = await placeOf();
    await app.request('/api/workflows', json({ definition: never, id: 'w' }));
    const asked = async (command: string, init: RequestInit = { method: 'POST' }) => (await app.request(`/api/workflows/w/${command}`, init)).json();
    expect(await asked('pause')).toMatchObject({ ok: true, workflowId: 'w', status: 'paused' });
    expect(await asked('resume')).toMatchObject({ ok: true, status: 'running' });
    expect(await asked('explain', {})).toMatchObject({ ok: true, explanation: { tasks: [{ taskId: 'wait' }] } });
    expect(await asked('cancel', json({ reason: 'enough' }))).toMatchObject({ ok: true });
    expect((await system.result('w')).error?.message).toContain('enough');
    expect((await app.request('/api/workflows/w/pause', { method: 'POST' })).status).toBe(409);
  });

  it('have their trace as events, and as the tree for people who ask for text', async () => {
    const { app, system } = await placeOf();
    await app.request('/api/workflows', json({ definition: echo, id: 'w' }));
    await system.result('w');
    const { trace } = (await (await app.request('/api/workflows/w/trace')).json()) as { trace: { events: readonly { type: string }[] } };
    expect(trace.events.map(({ type }) => type)).toEqual(expect.arrayContaining(['workflow:submitted', 'task:completed', 'workflow:completed']));
    const text = await app.request('/api/workflows/w/trace', { headers: { accept: 'text/plain' } });
    expect(text.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await text.text()).toContain('└── workflow:completed (w)');
  });
});

describe('what is wrong with a request', () => {
  it.each<[string, string, RequestInit, number, string]>([
    ['an unknown path', '/nowhere', {}, 404, 'METHOD_NOT_FOUND'],
    ['an unknown command', '/api/workflows/w/explode', { method: 'POST' }, 404, 'METHOD_NOT_FOUND'],
    ['an unknown workflow', '/api/workflows/nobody', {}, 404, 'WORKFLOW_NOT_FOUND'],
    ['the trace of an unknown workflow', '/api/workflows/nobody/trace', {}, 404, 'WORKFLOW_NOT_FOUND'],
    ['a method that a path does not take', '/api/workflows', { method: 'DELETE' }, 405, 'INVALID_REQUEST'],
    ['a method that a sign of life does not take', '/healthz', { method: 'POST' }, 405, 'INVALID_REQUEST'],
    ['a command by GET', '/api/workflows/w/cancel', {}, 405, 'INVALID_REQUEST'],
    ['a submit without a body', '/api/workflows', { method: 'POST' }, 400, 'INVALID_REQUEST'],
    ['a body of another type', '/api/workflows', { method: 'POST', body: 'a=b', headers: { 'content-type': 'text/plain' } }, 415, 'INVALID_REQUEST'],
    ['a body that is no JSON', '/api/workflows', json('{"definition":'), 400, 'PARSE_ERROR'],
    ['a body that is no map', '/api/workflows', json('[1]'), 400, 'INVALID_REQUEST'],
    ['a body that goes too deep', '/api/workflows', json('{"input":'.padEnd(100_000, '[')), 400, 'INVALID_REQUEST'],
    ['a poisoned key', '/api/workflows', json('{"input":{"__proto__":{"isAdmin":true}},"definition":{}}'), 400, 'INVALID_REQUEST'],
    ['a field that is unknown', '/api/workflows', json({ definition: echo, nonsense: 1 }), 400, 'INVALID_PARAMS'],
    ['two definitions', '/api/workflows', json({ definition: echo, yaml: 'name: x' }), 400, 'INVALID_PARAMS'],
    ['a definition that is none', '/api/workflows', json({ definition: { name: 'x' } }), 422, 'WORKFLOW_VALIDATION_FAILED'],
    [
      'a method that nobody has',
      '/api/workflows',
      json({ definition: { name: 'x', tasks: [{ id: 'a', method: 'odd/thing' }] } }),
      422,
      'PROTOCOL_NOT_FOUND',
    ],
    [
      'YAML for a command',
      '/api/workflows/w/cancel',
      { method: 'POST', body: 'a: b', headers: { 'content-type': 'text/yaml' } },
      400,
      'INVALID_REQUEST',
    ],
    ['an id that is not percent-encoded right', '/api/workflows/%E0%A4%A', {}, 404, 'WORKFLOW_NOT_FOUND'],
  ])('is said by status and code: %s', async (_, path, init, status, code) => {
    const { app } = await placeOf();
    const answer = await app.request(path, init);
    const body = (await answer.json()) as { error: { message: string } };
    expect([answer.status, body]).toMatchObject([
      status,
      { ok: false, error: { code, rpcCode: errorCodes[code as keyof typeof errorCodes].rpcCode } },
    ]);
    expect(body.error.message).not.toBe('');
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET|POST/);
  });

  it('is no more than that of a fault of our own', async () => {
    const { app } = await placeOf({ handle: () => Promise.reject(new Error('the password is hunter2')), with: { log: silent } });
    const answer = await app.request('/api/workflows');
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('hunter2');
  });

  it('says when another attempt makes sense', async () => {
    const { app } = await placeOf({ handle: () => Promise.reject(errorOf('RESOURCE_EXHAUSTED', 'Later.', { retryAfterMs: 1_500 })) });
    const answer = await app.request('/api/workflows');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
  });

  it('has a status for every code, of those that mean a refusal', () => {
    for (const code of Object.keys(errorCodes)) expect(statusOf(code)).toBeGreaterThanOrEqual(400);
    expect(statusOf('MY_OWN')).toBe(500);
  });
});

describe('who may', () => {
  it('is asked for a token, everywhere but for signs of life', async () => {
    const { app } = await placeOf({ tokens });
    for (const path of ['/api/workflows', '/api/workflows/w', '/metrics', '/api/nothing']) {
      for (const init of [{}, bearing('wrong'), { headers: { authorization: 'Basic Y2xpZW50LXRva2Vu' } }]) {
        const answer = await app.request(path, init);
        expect([path, answer.status, answer.headers.get('www-authenticate')]).toEqual([path, 401, 'Bearer realm="gleitzeit"']);
        expect(await answer.json()).toMatchObject({ ok: false, error: { code: 'AUTHENTICATION_FAILED' } });
      }
    }
    expect((await app.request('/healthz')).status).toBe(200);
    expect((await app.request('/readyz')).status).toBe(200);
  });

  it('is not taken from the address, where it would stand in logs', async () => {
    const { app } = await placeOf({ tokens });
    expect((await app.request('/api/workflows?token=client-token')).status).toBe(401);
  });

  it('follows from the roles of the token', async () => {
    const { app } = await placeOf({ tokens });
    const submitted = async (token: string) => (await app.request('/api/workflows', json({ definition: echo }, bearing(token).headers))).status;
    expect([await submitted('client-token'), await submitted('observer-token'), await submitted('worker-token')]).toEqual([202, 403, 403]);
    for (const path of ['/api/workflows', '/metrics']) {
      const read = async (token: string) => (await app.request(path, bearing(token))).status;
      expect([await read('client-token'), await read('observer-token'), await read('worker-token')]).toEqual([200, 200, 403]);
    }
  });

  it('is no page of another origin, whatever it brings', async () => {
    const { app } = await placeOf({ tokens });
    const from = (origin: string) => ({ headers: { ...bearing('client-token').headers, origin } });
    const refused = await app.request('/api/workflows', from('https://evil.example.com'));
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    const allowed = await app.request('/api/workflows', from('https://ops.example.org'));
    expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([200, 'https://ops.example.org']);
  });

  it('is no script or form of another site, which names no origin', async () => {
    const { app } = await placeOf({ tokens });
    const from = async (site: string) =>
      (await app.request('/api/workflows', { headers: { ...bearing('client-token').headers, 'sec-fetch-site': site } })).status;
    expect([await from('cross-site'), await from('same-site'), await from('same-origin'), await from('none')]).toEqual([403, 403, 200, 200]);
  });

  it('lets the pages that are allowed ask before they do', async () => {
    const { app } = await placeOf({ tokens });
    const preflight = await app.request('/api/workflows', {
      method: 'OPTIONS',
      headers: { origin: 'https://ops.example.org', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([204, 'Authorization,Content-Type']);
  });

  it('asks too often is told when to come again', async () => {
    const { app } = await placeOf({ limits: { ...hubLimitDefaults, requestBurst: 2, requestsPerSecond: 0.001 } });
    const statuses = [];
    for (let times = 0; times < 3; times += 1) statuses.push((await app.request('/healthz')).status);
    expect(statuses).toEqual([200, 200, 429]);
    const refused = await app.request('/healthz');
    expect(await refused.json()).toMatchObject({ error: { code: 'RATE_LIMIT_EXCEEDED', retryable: true } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(900);
  });
});

describe('signs of life', () => {
  it('tell a process that lives from a system that works', async () => {
    const { app, system } = await placeOf({ start: false });
    const states = async () => [(await app.request('/healthz')).status, (await app.request('/readyz')).status];
    expect(await states()).toEqual([200, 503]);
    await system.start();
    expect(await states()).toEqual([200, 200]);
    await system.stop();
    expect(await states()).toEqual([200, 503]);
    expect((await app.request('/metrics')).status).toBe(503);
  });

  it('tell when the journal takes nothing, and no more than that', async () => {
    const disk = fillable();
    const { app } = await placeOf({ with: { journal: disk.journal, log: silent } });
    disk.fill();
    const submitting = app.request('/api/workflows', json({ definition: echo }));
    await until(() => disk.refusals() > 0);
    const answer = await app.request('/readyz');
    const text = await answer.text();
    expect([answer.status, text.includes('room')]).toEqual([503, false]);
    expect(JSON.parse(text)).toMatchObject({ ok: false, error: { code: 'PERSISTENCE_WRITE_FAILED' } });
    disk.empty();
    expect((await submitting).status).toBe(202);
  });

  it('take HEAD as well', async () => {
    const { app } = await placeOf();
    const answer = await app.request('/healthz', { method: 'HEAD' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it('are not kept on the way', async () => {
    const { app } = await placeOf();
    expect((await app.request('/readyz')).headers.get('cache-control')).toBe('no-store');
  });
});
