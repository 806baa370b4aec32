/** Messages in the right place that are wrong in themselves: each with the codes that it may be refused with. */
import { between, oneOf } from '../chance.mjs';

const text = JSON.stringify;
const names = [
  'hub:info',
  'workflow:submit',
  'workflow:status',
  'workflow:result',
  'workflow:trace',
  'workflow:explain',
  'workflow:list',
  'workflow:cancel',
  'workflow:pause',
  'workflow:resume',
  'workflow:retry',
  'task:cancel',
  'task:set_priority',
  'engine:pause',
  'engine:resume',
  'schedule:list',
  'schedule:add',
  'schedule:remove',
  'subscribe',
];
const changing = names.filter((name) => /submit|cancel|pause|resume|retry|priority|add|remove/.test(name));
/** What every object answers to. */
const inherited = ['constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'toJSON', 'valueOf', '__defineGetter__'];
const poison = ['"__proto__"', '"\\u005f_proto__"', '"__pr\\u006fto__"', '"\\u005F\\u005Fproto\\u005f\\u005f"'];
const strange = (chance) =>
  oneOf(chance, [7, -1, 1e308, 'x', '', true, false, [], [[[]]], '\u0000', '💥'.repeat(50), { a: { b: [1] } }, 'y'.repeat(5_000), [null, null]]);

/** As deep as asked, in lists, maps or both. */
export function nested(chance, depth) {
  const [open, close] = oneOf(chance, [
    ['[', ']'],
    ['{"a":', '}'],
    ['[{"b":', '}]'],
  ]);
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}

const sample = (chance) =>
  text([oneOf(chance, names), { workflowId: `w${between(chance, 0, 99)}`, reason: 'because "of" \\ it', more: [1, { a: null }] }]);

function truncated(chance) {
  const whole = sample(chance);
  return [whole.slice(0, between(chance, 1, whole.length - 1)), ['PARSE_ERROR']];
}

function notJson(chance) {
  const whole = sample(chance);
  const at = between(chance, 1, whole.length - 1);
  return [
    oneOf(chance, [
      `${whole}${whole}`,
      `[${whole}`,
      `["x",undefined]`,
      `["x",NaN]`,
      `["x",{a:1}]`,
      `['x']`,
      `${whole.slice(0, at)}\u0001${whole.slice(at)}`,
      '["\\x"]',
      '[,]',
    ]),
    ['PARSE_ERROR'],
  ];
}

function noMessage(chance) {
  const what = oneOf(chance, [
    '',
    '{}',
    '{"0":"subscribe"}',
    '[]',
    '[1]',
    '[null,{}]',
    '[["subscribe"]]',
    '["subscribe",{},{}]',
    '["subscribe",1,2,3,4]',
    'null',
    '"x"',
    'true',
  ]);
  return [what, ['INVALID_REQUEST', 'PARSE_ERROR']];
}

function unknownName(chance) {
  const name = oneOf(chance, [
    ...inherited,
    '__proto__',
    'connect',
    'disconnect',
    'error',
    'message',
    'newListener',
    'workflow:destroy',
    'x'.repeat(10_000),
    '',
    'attempt:succeeded',
  ]);
  return [text([name, strange(chance)]), ['METHOD_NOT_FOUND']];
}

function wrongShape(chance) {
  const data = { workflowId: strange(chance), [oneOf(chance, inherited)]: strange(chance), definition: strange(chance), ['surplus']: 1 };
  return [text([oneOf(chance, names), oneOf(chance, [7, 'x', true, [], [{}], data, data, data])]), ['INVALID_PARAMS', 'AUTHORIZATION_FAILED']];
}

/** In the right shape, about what is not there. */
function nobodys(chance) {
  const workflowId = oneOf(chance, ['nobody', '../../etc/passwd', "'; DROP TABLE facts; --", 'é'.repeat(200), '${input.a}', '\u0000']);
  const name = oneOf(chance, ['status', 'result', 'trace', 'explain', 'cancel', 'pause', 'resume', 'retry']);
  return [text([`workflow:${name}`, { workflowId }]), ['WORKFLOW_NOT_FOUND', 'AUTHORIZATION_FAILED']];
}

function badWorkflow(chance) {
  const task = { id: 'a', method: 'core/echo' };
  const definition = oneOf(chance, [
    {},
    { name: 'x' },
    { name: 'x', tasks: [task, task] },
    { name: 'x', tasks: [{ ...task, dependencies: ['a'] }] },
    { name: 'x', tasks: [{ ...task, parameters: { value: '${' } }] },
    { name: 'x', tasks: [{ ...task, parameters: { value: '${b.c.d}' } }] },
    { name: 'x', tasks: Array.from({ length: 300 }, (_, at) => ({ ...task, id: `t${at}`, dependencies: [`t${(at + 1) % 300}`] })) },
    { name: 'x', batch: { directory: '/etc', pattern: '**' }, tasks: [task] },
    { name: 'x', tasks: [{ ...task, timeout: -1, retry: { max_attempts: 1e9 } }] },
    { tasks: [strange(chance)], name: strange(chance) },
  ]);
  return [text(['workflow:submit', { definition }]), undefined];
}

function badYaml(chance) {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replace(/./g, (key) => `${key}: &${key} [${`*${String.fromCharCode(key.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}`;
  const yaml = oneOf(chance, [
    bomb,
    '{'.repeat(5_000),
    '- '.repeat(5_000),
    'name: [',
    '\t',
    '? '.repeat(2_000),
    '!!js/function "x"',
    '__proto__: {a: 1}',
    '&a *a',
    '%YAML 9.9\n---\n',
  ]);
  return [text(['workflow:submit', { yaml }]), undefined];
}

function badSubscription(chance) {
  const data = oneOf(chance, [
    { types: ['no:such'] },
    { types: 'task:*' },
    { fromSeq: -1 },
    { fromSeq: 1e300 },
    { anyOf: [] },
    { anyOf: Array.from({ length: 1_001 }, () => ({ types: ['task:*'] })) },
    { anyOf: [{ types: ['task:*'] }], types: ['task:*'] },
    { minSeverity: 'loud' },
    { correlationId: 'x'.repeat(5_000) },
  ]);
  return [text(['subscribe', data]), ['INVALID_PARAMS']];
}

const tooDeep = (chance) => [
  `["workflow:submit",${nested(chance, oneOf(chance, [1_100, 2_000, 5_000, 100_000]))}]`,
  ['INVALID_REQUEST', 'AUTHORIZATION_FAILED'],
];
const poisoned = (chance) => [
  `["workflow:submit",{${oneOf(chance, ['', '"definition":{', '"a":[{'])}${oneOf(chance, poison)} : {"isAdmin":true}`,
  ['INVALID_REQUEST', 'PARSE_ERROR'],
];
/** Larger than a message may be, and within what is read of one. */
const tooLarge = () => [`["workflow:submit",{"yaml":"${'x'.repeat(12_600_000)}"}]`, ['RESOURCE_EXHAUSTED']];

/** What takes longest for its length: mistakes by the thousand. */
function laborious(chance) {
  const many = (text, times) => text.repeat(times);
  const task = (id, rest) => ({ id, method: 'core/echo', ...rest });
  const size = between(chance, 1_000, 10_000);
  const data = oneOf(chance, [
    { yaml: many('"', size) },
    { yaml: many('*a : *b\n', size) },
    { yaml: many('!a ', size) },
    { yaml: `a: [${many('[],', size)}` },
    { definition: { name: 'x', tasks: [task('a', { parameters: { value: many('${b.c}', size) } })] } },
    { definition: { name: 'x', tasks: Array.from({ length: size }, () => 7) } },
    { definition: Object.fromEntries(Array.from({ length: size }, (_, at) => [`k${at}`, 1])) },
    { definition: { name: 'x', tasks: Array.from({ length: size }, (_, at) => task(`t${at}`, { dependencies: [`t${(at + 1) % size}`] })) } },
  ]);
  return [text(['workflow:submit', data]), undefined];
}

const common = [truncated, notJson, noMessage, unknownName, wrongShape, wrongShape, nobodys, badWorkflow, badYaml, badSubscription, poisoned];

/** A message to `/engine` that has to be refused. */
export function refusable(chance) {
  const draw = chance();
  // What is large takes its time, and most of what is wrong is small.
  if (draw < 0.0002) return tooLarge();
  if (draw < 0.002) return laborious(chance);
  if (draw < 0.01) return tooDeep(chance);
  return oneOf(chance, common)(chance);
}

/** In the right shape, and not for an observer. */
export function unauthorized(chance) {
  return [text([oneOf(chance, changing), { workflowId: 'nobody' }]), ['AUTHORIZATION_FAILED']];
}

/** What is no packet, or none that may be sent there: the connection may end by it. */
export function packets(chance) {
  return oneOf(chance, [
    '',
    'x',
    '9',
    '1',
    '6',
    '5',
    '2probe',
    '3',
    '4',
    '49',
    '4x',
    '4999999999',
    '40',
    '40/',
    '40/nowhere,{}',
    '40/engine,[]',
    '40/engine,"x"',
    '40/engine,{"token":{"$ne":1}}',
    '40/engine,{"__proto__":{"token":1}}',
    `40/engine,${nested(chance, 100)}`,
    '41/engine',
    '41/nowhere',
    '42["subscribe",{}]',
    '42/nowhere,1["subscribe",{}]',
    '42/engine',
    '42/engine,-5["subscribe"]',
    '42/engine,99999999999999999999["subscribe"]',
    '43/engine,77[{"ok":true}]',
    '43/engine,[]',
    '44/engine,{"message":"x"}',
    '45-["x"]',
    '45',
    '451-/engine,3["x",{"_placeholder":true,"num":0}]',
    '45999-/engine,["x"]',
    '461-/engine,1[{"_placeholder":true,"num":9}]',
    'b4AAAA',
    'bAAAA',
    `4${'0'.repeat(5_000)}`,
    `42/${'n'.repeat(5_000)},1["x"]`,
    `42/engine,1${' '.repeat(5_000)}["x"]`,
    '4\u0000\u0001\u0002',
    Buffer.from([4, 0, 255, 17]),
    Buffer.alloc(between(chance, 0, 3_000), 0x34),
    sample(chance).slice(between(chance, 0, 10)),
  ]);
}
