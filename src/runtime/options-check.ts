/**
 * Checks what a system is created with, before anything of it runs: an option that is not known, or has a value that makes
 * no sense, is told with its name, its rule and the value that it has.
 */
import * as z from 'zod';

import { backpressureMonitorDefaults } from '../../machines/backpressure-monitor.ts';
import { circuitOptionsSchema } from '../../machines/events/provider.ts';
import { alertRuleSchema } from '../../machines/policies/alert-rules.ts';
import { poolDefaults } from '../../machines/pool.ts';
import { providerDefaults } from '../../machines/provider.ts';
import { Complaints } from '../complaints.ts';
import { errorOf, type GleitzeitError } from '../errors.ts';
import { millis, millisFromZero } from '../milliseconds.ts';
import { type AnyProvider, isProvider } from '../providers/provider.ts';
import { isKeyMaterial, keyRule } from '../secrets/key.ts';
import { machineConfigDefaults } from '../system/config.ts';
import { isWorkflow } from '../workflow/workflow.ts';
import type { SystemOptions } from './options.ts';

const whole = (least: number) => z.int({ error: `a whole number from ${least}` }).min(least, { error: `a whole number from ${least}` });
const share = z.number({ error: 'a number from 0 to 1' }).min(0, { error: 'a number from 0 to 1' }).max(1, { error: 'a number from 0 to 1' });
const flag = z.boolean({ error: 'true or false' });
const texts = z.array(z.string({ error: 'a text' }), { error: 'a list of texts' });
const act = z.custom((value) => typeof value === 'function', { error: 'a function' });
const group = { error: 'a map of options' } as const;

/** Something of the caller's with certain functions, whatever else it is: an adapter behind one of our ports. */
function port(...functions: readonly string[]) {
  const has = (value: unknown, name: string) => typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function';
  return z.custom((value) => functions.every((name) => has(value, name)), { error: `an object with the functions ${functions.join(', ')}` });
}

const pool = z.strictObject(
  {
    min: whole(0).optional(),
    max: whole(1).optional(),
    slots: whole(1).optional(),
    scaleUpAt: share.optional(),
    scaleDownAt: share.optional(),
    scaleUpBy: whole(1).optional(),
    scaleDownBy: whole(1).optional(),
    cooldownMs: millisFromZero.optional(),
    scaleUpCooldownMs: millisFromZero.optional(),
    quarantineMs: millisFromZero.optional(),
  },
  group,
);

const circuit = z.strictObject(
  {
    scope: circuitOptionsSchema.shape.scope.optional(),
    failureThreshold: whole(1).optional(),
    successThreshold: whole(1).optional(),
    recoveryTimeoutMs: millis.optional(),
    halfOpenProbes: whole(1).optional(),
  },
  group,
);

const secrets = z.strictObject({ keys: texts, isSecret: act, key: z.custom(isKeyMaterial), keyFile: z.string().min(1) }).partial();

const fromZero = z.number({ error: 'a number from 0' }).min(0, { error: 'a number from 0' }).nullable().optional();

const shapes = {
  journal: port('open', 'append', 'read', 'find', 'list', 'sweep', 'close'),
  providers: z.array(z.custom(isProvider, { error: 'what defineProvider() returns' }), { error: 'a list of providers' }),
  workflows: z.array(z.custom(isWorkflow, { error: 'what defineWorkflow() or loadWorkflow() returns' }), { error: 'a list of workflows' }),
  builtins: flag,
  http: z.strictObject(
    {
      allowPrivateNetworks: z.union([z.boolean(), z.array(z.string())], { error: 'true, false or a list of hosts' }).optional(),
      maxResponseBytes: whole(1).optional(),
      maxRedirects: whole(0).optional(),
      timeoutMs: millis.optional(),
    },
    group,
  ),
  pools: z.record(z.string(), pool, { error: 'a map of options by protocol' }),
  queue: z.strictObject(
    {
      policy: z.enum(['reject', 'block', 'shed'], { error: 'reject, block or shed' }).optional(),
      capacity: whole(1).optional(),
      ageingMs: millis.optional(),
    },
    group,
  ),
  worker: z.strictObject({ leaseMs: millis.optional(), heartbeatMs: millis.optional() }, group),
  window: whole(1),
  provider: z.strictObject({ degradedAfter: whole(1).optional(), unhealthyAfter: whole(1).optional() }, group),
  backpressure: z.strictObject(Object.fromEntries(Object.keys(backpressureMonitorDefaults).map((key) => [key, fromZero])), group),
  health: z.strictObject({ intervalMs: millis.optional() }, group),
  cleanup: z.strictObject({ intervalMs: millis.optional(), maxAgeMs: millisFromZero.optional(), keep: whole(0).optional() }, group),
  alerts: z.array(alertRuleSchema, { error: 'a list of alert rules' }),
  inspect: z.union(
    [
      z.boolean(),
      z.strictObject({
        port: whole(0).max(65_535, { error: 'a port, 0 to 65535' }).optional(),
        origins: texts.optional(),
        bufferEvents: whole(1).optional(),
      }),
    ],
    { error: 'true, false, or a map of port (0 to 65535), origins and bufferEvents' },
  ),
  record: z.enum(['facts', 'everything'], { error: 'facts or everything' }),
  metrics: flag,
  strict: flag,
  seed: z.string({ error: 'a text' }),
  log: port('debug', 'info', 'warn', 'error'),
  // As a whole, so that a key that is no good is not told.
  secrets: z.union([z.literal(false), secrets], {
    error: `false, or a map of keys (a list of texts), isSecret (a function), and key (${keyRule}) or keyFile (a path)`,
  }),
  clock: port('now', 'wall', 'setTimer'),
  ids: port('event', 'workflow'),
  defer: act,
  vitals: act,
} as const satisfies Record<keyof SystemOptions, z.ZodType>;

/** The names that are taken, by group. */
export const optionNames: Readonly<Record<string, readonly string[]>> = {
  createSystem: Object.keys(shapes),
  secrets: Object.keys(secrets.shape),
  pools: Object.keys(pool.shape),
  circuit: Object.keys(circuit.shape),
  ...Object.fromEntries(Object.entries(shapes).flatMap(([name, shape]) => (shape instanceof z.ZodObject ? [[name, Object.keys(shape.shape)]] : []))),
};

const schema = z.strictObject(shapes, { error: 'a map of options' }).partial();
/** Every name that an option has anywhere: what an unknown one may have been meant to be. */
const known = [shapes, ...[pool, circuit, ...Object.values(shapes)].map((each) => (each instanceof z.ZodObject ? each.shape : {}))].flatMap((shape) =>
  Object.keys(shape),
);

/**
 * Checks the options of a system.
 * @throws GleitzeitError CONFIGURATION_ERROR with every fault
 */
export function checkOptions(options: SystemOptions): void {
  const complaints = new Complaints();
  complaints.addAll(schema.safeParse(options), { of: options, at: '', known });
  if (complaints.none) {
    const { pools, alerts, seed } = options;
    complaints.addMisfits({ pools, alerts, seed });
    checkTogether(options, complaints);
  }
  const error = complaints.error('createSystem', 'CONFIGURATION_ERROR');
  if (error !== undefined) throw error;
}

/**
 * Checks a provider that is registered while the system runs.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export function checkProvider(provider: unknown, pools: SystemOptions['pools']): asserts provider is AnyProvider {
  if (!isProvider(provider)) throw notAProvider(provider);
  const complaints = new Complaints();
  checkSettings(provider, { pools, complaints });
  const error = complaints.error(`Provider "${provider.id}"`, 'CONFIGURATION_ERROR');
  if (error !== undefined) throw error;
}

function notAProvider(value: unknown): GleitzeitError {
  const complaints = new Complaints();
  complaints.add('the provider', 'what defineProvider() returns', value);
  return complaints.error('register', 'CONFIGURATION_ERROR') ?? errorOf('CONFIGURATION_ERROR', 'That is no provider.');
}

/** What no option says alone. */
function checkTogether(options: SystemOptions, complaints: Complaints): void {
  const { providers = [], pools = {}, worker, provider, alerts = [], secrets = {} } = options;
  const { leaseMs, heartbeatMs } = { ...machineConfigDefaults.worker, ...worker };
  if (heartbeatMs >= leaseMs) complaints.add('worker.heartbeatMs', `below worker.leaseMs, which is ${leaseMs}`, heartbeatMs);
  const { degradedAfter, unhealthyAfter } = { ...providerDefaults, ...provider };
  if (unhealthyAfter <= degradedAfter)
    complaints.add('provider.unhealthyAfter', `above provider.degradedAfter, which is ${degradedAfter}`, unhealthyAfter);
  if (secrets && secrets.key !== undefined && secrets.keyFile !== undefined)
    complaints.add('secrets.keyFile', 'left out where secrets.key is given', secrets.keyFile);
  const ids = new Set<string>();
  for (const [index, each] of providers.entries()) {
    if (ids.has(each.id)) complaints.add(`providers[${index}].id`, 'the id of no other provider', each.id);
    ids.add(each.id);
    checkSettings(each, { pools, complaints, at: `providers[${index}].` });
  }
  const own = new Set(providers.map(({ protocol }) => protocol));
  for (const [protocol, settings] of Object.entries(pools))
    if (!own.has(protocol)) checkPool(settings, `pools[${JSON.stringify(protocol)}]`, complaints);
  const names = new Set<string>();
  for (const [index, { name }] of alerts.entries()) {
    if (names.has(name)) complaints.add(`alerts[${index}].name`, 'the name of no other rule', name);
    names.add(name);
  }
}

interface Checking {
  readonly pools: SystemOptions['pools'];
  readonly complaints: Complaints;
  readonly at?: string;
}

function checkSettings(provider: AnyProvider, { pools = {}, complaints, at = '' }: Checking): void {
  const { protocol, pool: settings, circuit: guard } = provider;
  if (guard !== undefined && guard !== false) complaints.addAll(circuit.safeParse(guard), { of: guard, at: `${at}circuit`, known });
  if (settings !== undefined) complaints.addAll(pool.safeParse(settings), { of: settings, at: `${at}pool`, known });
  const wins = Object.hasOwn(pools, protocol) ? pools[protocol] : undefined;
  checkPool({ ...settings, ...wins }, wins === undefined ? `${at}pool` : `pools[${JSON.stringify(protocol)}]`, complaints);
}

function checkPool(settings: NonNullable<SystemOptions['pools']>[string], at: string, complaints: Complaints): void {
  const { min, max, scaleUpAt, scaleDownAt } = { ...poolDefaults, ...settings };
  if (min > max) complaints.add(`${at}.min`, `at most ${at}.max, which is ${max}`, min);
  if (scaleDownAt > scaleUpAt) complaints.add(`${at}.scaleDownAt`, `at most ${at}.scaleUpAt, which is ${scaleUpAt}`, scaleDownAt);
}
