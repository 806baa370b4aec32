/** Options that make no sense are refused before anything runs. */
import { describe, expect, it } from 'vitest';

import { defineProvider } from '../../src/providers/provider.ts';
import { createSystem } from '../../src/runtime/system.ts';
import { scene } from '../scenarios/scene.ts';
import { errorFrom, expectUnharmed } from './aftermath.ts';

const run = { 'own/run': { run: () => 1 } };
const own = defineProvider({ protocol: 'own/v1', methods: run });
const small = defineProvider({ protocol: 'small/v1', methods: run, pool: { max: 2 } });

const refused: readonly (readonly [options: unknown, said: RegExp])[] = [
  [null, /must be a map of options, got null/],
  [5, /must be a map of options, got 5/],
  [{ pols: {} }, /pols is not a known option\. Did you mean "pools"\?/],
  [{ pools: { 'own/v1': { min: 9, max: 3 } } }, /pools\["own\/v1"\]\.min must be at most pools\["own\/v1"\]\.max, which is 3, got 9/],
  [{ pools: { 'own/v1': { mn: 9 } } }, /pools\["own\/v1"\]\.mn is not a known option\. Did you mean "min"\?/],
  [{ pools: { 'own/v1': { max: 0 } } }, /\.max must be a whole number from 1, got 0/],
  [{ pools: { 'own/v1': { slots: Number.NaN } } }, /\.slots must be a whole number from 1, got NaN/],
  [{ pools: { 'own/v1': { scaleUpAt: 2 } } }, /\.scaleUpAt must be a number from 0 to 1, got 2/],
  [{ pools: { 'own/v1': { scaleUpAt: 0.2, scaleDownAt: 0.5 } } }, /\.scaleDownAt must be at most .*scaleUpAt, which is 0\.2, got 0\.5/],
  [{ pools: [] }, /pools must be a map of options by protocol, got an empty list/],
  [{ providers: [small], pools: { 'small/v1': { min: 3 } } }, /min must be at most .*max, which is 2, got 3/],
  [{ providers: [{}] }, /providers\[0\] must be what defineProvider\(\) returns, got an empty object/],
  [{ providers: own }, /providers must be a list of providers/],
  [{ providers: [own, own] }, /providers\[1\]\.id must be the id of no other provider, got "own\/v1"/],
  [{ providers: [{ ...own, circuit: { failureThreshold: 0 } }] }, /providers\[0\]\.circuit\.failureThreshold must be a whole number from 1, got 0/],
  [{ providers: [{ ...own, pool: { min: -1 } }] }, /providers\[0\]\.pool\.min must be a whole number from 0, got -1/],
  [{ workflows: [{ name: 'raw' }] }, /workflows\[0\] must be what defineWorkflow\(\) or loadWorkflow\(\) returns/],
  [{ queue: { capacity: -1 } }, /queue\.capacity must be a whole number from 1, got -1/],
  [{ queue: { policy: 'drop' } }, /queue\.policy must be reject, block or shed, got "drop"/],
  [{ queue: { ageingMs: 0 } }, /queue\.ageingMs must be a number of milliseconds above 0, got 0/],
  [{ worker: { leaseMs: Number.POSITIVE_INFINITY } }, /worker\.leaseMs must be a number of milliseconds above 0, got Infinity/],
  [{ worker: { leaseMs: 1_000 } }, /worker\.heartbeatMs must be below worker\.leaseMs, which is 1000, got 5000/],
  [{ window: 0 }, /window must be a whole number from 1, got 0/],
  [{ window: '10' }, /window must be a whole number from 1, got "10"/],
  [{ provider: { degradedAfter: 6, unhealthyAfter: 6 } }, /provider\.unhealthyAfter must be above provider\.degradedAfter, which is 6, got 6/],
  [{ backpressure: { enterHigh: -1 } }, /backpressure\.enterHigh must be a number from 0, got -1/],
  [{ health: { intervalMs: Number.NaN } }, /health\.intervalMs must be a number of milliseconds above 0, got NaN/],
  [{ cleanup: { keep: 1.5 } }, /cleanup\.keep must be a whole number from 0, got 1\.5/],
  [{ alerts: [{ name: 'a/b', severity: 'error', on: ['queue:full'], resolveOn: ['queue:room'], summary: '' }] }, /alerts\[0\]\.name: .*got "a\/b"/],
  [{ inspect: { port: 70_000 } }, /inspect\.port must be a port, 0 to 65535, got 70000/],
  [{ http: { timeoutMs: -5 } }, /http\.timeoutMs must be a number of milliseconds above 0, got -5/],
  [{ journal: {} }, /journal must be an object with the functions open, append, .*, got an empty object/],
  [{ log: 'stdout' }, /log must be an object with the functions debug, info, warn, error, got "stdout"/],
  [{ clock: Date }, /clock must be an object with the functions now, wall, setTimer, got a function/],
  [{ strict: 'yes' }, /strict must be true or false, got "yes"/],
  [{ seed: 42 }, /seed must be a text, got 42/],
  [{ defer: 1 }, /defer must be a function, got 1/],
  [{ ['__proto__']: 1, ['constructor']: 2 }, /constructor is not a known option/],
];

describe('a system', () => {
  it.each(refused)('is not created with %o', async (options, said) => {
    const error = await errorFrom(() => createSystem(options as never));
    expect(error).toMatchObject({ code: 'CONFIGURATION_ERROR', rpcCode: -31_003, retryable: false });
    expect(error.message).toMatch(said);
    expect(error.issues?.length).toBeGreaterThan(0);
  });

  it('is told all that is wrong at once', async () => {
    const error = await errorFrom(() => createSystem({ window: 0, queue: { capacity: 0 }, bogus: 1 } as never));
    expect(error.issues?.map(({ path }) => path)).toEqual(['queue.capacity', 'window', 'bogus']);
  });

  it('takes options that are left undefined as left out', () => {
    expect(createSystem({ journal: undefined, pools: undefined, window: undefined } as never).phase).toBe('created');
  });

  it.each([
    ['is none', { protocol: 'x' }],
    ['is nothing', undefined],
    ['has a pool that cannot be', { ...own, pool: { min: 99 } }],
    ['has a circuit that cannot be', { ...own, circuit: { scope: 'all' } }],
  ])('registers no provider that %s', async (_, provider) => {
    const stage = await scene();
    expect(await errorFrom(() => stage.system.register(provider as never))).toMatchObject({ code: 'CONFIGURATION_ERROR' });
    await expectUnharmed(stage);
  });
});
