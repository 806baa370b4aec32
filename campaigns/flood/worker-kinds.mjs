/** What a worker says that is out of order, or not its own to say. */
import { between, oneOf } from '../chance.mjs';
import { Wire } from './wire.mjs';

const text = JSON.stringify;
const names = ['attempt:succeeded', 'attempt:failed', 'attempt:progress'];
const nobodys = { leaseId: 'L-0', workflowId: 'nobody', taskId: 'a', attempt: 1 };

function reportOf(chance, lease) {
  const name = oneOf(chance, names);
  if (name === 'attempt:progress') return text([name, { leaseId: lease.leaseId, fraction: 0.5 }]);
  return text([name, { ...lease, ...(name === 'attempt:failed' ? { error: { message: 'stolen' } } : { result: 'stolen' }) }]);
}

/** Before it is registered. */
function early(chance) {
  const codes = ['INVALID_REQUEST', 'AUTHORIZATION_FAILED'];
  return oneOf(chance, [
    () => [text([oneOf(chance, ['attempt:succeeded', 'attempt:failed']), { ...nobodys, error: { message: 'x' } }]), [...codes, 'INVALID_PARAMS']],
    () => [text(['worker:heartbeat', { leases: Array.from({ length: between(chance, 0, 500) }, (_, at) => `L-${at}`) }]), codes],
    () => [text(['worker:heartbeat', { workerId: 'good', leases: [] }]), codes],
    () => [text(['worker:drain', { workerId: 'good', leases: [] }]), codes],
    () => [text(['worker:drain', {}]), codes],
  ])();
}

function misshapen(chance) {
  const name = oneOf(chance, ['worker:register', 'worker:heartbeat', 'worker:drain', ...names]);
  const data = oneOf(chance, [
    7,
    [],
    { workerId: '' },
    { workerId: 'w', protocol: 'p', methods: [], slots: 0 },
    { leases: 'x', slots: 1e9 },
    { attempt: 0, leaseId: {} },
    { fraction: 2 },
  ]);
  return [text([name, data]), ['INVALID_PARAMS', 'INVALID_REQUEST']];
}

/** The name of another one that is there, names that pools give, and another connection's. */
function usurping(chance, { victim }) {
  const workerId = oneOf(chance, [victim.workerId, 'good/v1#1', 'x#7']);
  return [text(['worker:register', { workerId, protocol: 'flood/v1', methods: ['flood/x'], slots: 1 }]), ['INVALID_REQUEST']];
}

/** Of leases that other workers hold just now, or held. */
function foreign(chance, { leases }) {
  const lease = leases.length === 0 ? nobodys : oneOf(chance, leases);
  return [reportOf(chance, lease), ['AUTHORIZATION_FAILED', 'INVALID_REQUEST', 'TASK_NOT_FOUND', 'ok']];
}

async function outOfOrder(place, times) {
  const { chance } = place;
  const wire = await Wire.open(place, 'workers');
  if (wire === undefined || !(await wire.enter('/pool', { token: place.tokens.worker }))) return;
  for (let at = 0; at < times && wire.isOpen; at++) {
    wire.ask('/pool', oneOf(chance, [early, misshapen, usurping, foreign])(chance, place));
    if (at % 50 === 49) await wire.settle();
  }
  await wire.settle();
  await wire.end({ isAbrupt: true });
}

/** Registered, twice and thrice over, with leases that it never had; it reports what it never ran, and goes without a word. */
async function registered(place, times) {
  const { chance } = place;
  const wire = await Wire.open(place, 'workers');
  if (wire === undefined || !(await wire.enter('/pool', { token: place.tokens.worker }))) return;
  wire.mayEnd = true;
  const workerId = `flood-${between(chance, 0, 20)}`;
  const say = (name, data) => wire.send(`42/pool,[${text(name)},${text(data)}]`);
  const offer = () => ({ workerId, protocol: 'flood/v1', methods: ['flood/x'], slots: between(chance, 1, 50), instance: `${between(chance, 0, 3)}` });
  for (let at = 0; at < times && wire.isOpen; at++) {
    const lease = place.leases.length === 0 ? nobodys : oneOf(chance, place.leases);
    const draw = chance();
    if (draw < 0.1) say('worker:register', { ...offer(), ...(chance() < 0.5 && { leases: [lease, nobodys] }) });
    else if (draw < 0.4) say('worker:heartbeat', { leases: [lease.leaseId, 'L-0'] });
    else if (draw < 0.42) say('worker:drain', { reason: 'x' });
    else wire.ask('/pool', foreign(chance, place));
    if (at % 50 === 49) await wire.settle();
  }
  await wire.end({ isAbrupt: true });
}

export const workerKinds = [
  { weight: 15, times: 200, act: outOfOrder },
  { weight: 4, times: 100, act: registered },
];
