/** Values that a handler may return: those that JSON has, those that are something else in JSON, and those that it does not have. */
import { EventEmitter } from 'node:events';
import { Readable, Writable } from 'node:stream';

interface Sample {
  readonly make: () => unknown;
  /** What is recorded. */
  readonly is?: unknown;
  /** Why it is refused. */
  readonly refused?: RegExp;
  /** Alone it is awaited, for ever. */
  readonly onlyInside?: boolean;
}

class Hidden {
  readonly #secret = 1;
  get value(): number {
    return this.#secret;
  }
}
class Point {
  readonly x = 1;
}
class Titled extends Map<string, number> {
  readonly title = 'a map with a field';
}
class Money {
  toJSON(): object {
    return { cents: 5 };
  }
}
class Later extends Point {
  then(): void {}
}
class OwnError extends Error {
  readonly status = 500;
  toJSON(): object {
    return { status: this.status, run: () => 1 };
  }
}

const list = /convert it to a list or text first/;
const stated = (error: Error): object => ({ name: error.name, message: error.message, stack: error.stack });
const failed = new TypeError('no such thing', { cause: new Error('deeper') });
const own = new OwnError('own');
const long = Object.assign(new Error('m'.repeat(10_000)), { stack: 's'.repeat(10_000) });

/** By name, so that a worker thread finds them as well. Each is to be seen alone and as the field `at` of an object. */
export const samples: Readonly<Record<string, Sample>> = {
  'a RegExp': { make: () => /a/g, refused: /a RegExp/ },
  Headers: { make: () => new Headers({ a: 'b' }), refused: /a Headers.*convert it to a list/ },
  URLSearchParams: { make: () => new URLSearchParams('a=b'), refused: /a URLSearchParams/ },
  FormData: { make: () => new FormData(), refused: /a FormData/ },
  Blob: { make: () => new Blob(['x']), refused: /a Blob/ },
  Response: { make: () => new Response('x'), refused: /a Response/ },
  Request: { make: () => new Request('http://127.0.0.1/'), refused: /a Request/ },
  'a web stream': { make: () => new Response('x').body, refused: /a ReadableStream/ },
  'a readable stream': { make: () => Readable.from(['x']), refused: /a Readable/ },
  'a writable stream': { make: () => new Writable(), refused: /a Writable.*read it/ },
  'an event emitter': { make: () => new EventEmitter(), refused: /an EventEmitter/ },
  'an iterator': { make: () => [1].values(), refused: /an Array Iterator/ },
  'an iterator of a map': { make: () => new Map([[1, 2]]).entries(), refused: /a Map Iterator/ },
  'a generator': { make: () => (function* () {})(), refused: /a Generator/ },
  'an async generator': { make: () => (async function* () {})(), refused: /an AsyncGenerator/ },
  'an iterable of its own': { make: () => ({ [Symbol.iterator]: () => [1].values() }), refused: list },
  'a Map': { make: () => new Map([[1, 2]]), refused: /a Map.*convert it to a list/ },
  'a Map with fields': { make: () => new Titled(), refused: /a Titled/ },
  'a Set': { make: () => new Set([1]), refused: /a Set/ },
  'a WeakMap': { make: () => new WeakMap(), refused: /a WeakMap/ },
  'a WeakRef': { make: () => new WeakRef({}), refused: /a WeakRef/ },
  'an ArrayBuffer': { make: () => new ArrayBuffer(2), refused: /an ArrayBuffer.*base64/ },
  'a SharedArrayBuffer': { make: () => new SharedArrayBuffer(2), refused: /a SharedArrayBuffer.*base64/ },
  'a typed array': { make: () => new Float64Array(1), refused: /a Float64Array.*base64/ },
  'a DataView': { make: () => new DataView(new ArrayBuffer(2)), refused: /a DataView/ },
  'a Buffer': { make: () => Buffer.from('x'), refused: /a Buffer.*base64/ },
  'an instance without fields': { make: () => new Hidden(), refused: /a Hidden without fields/ },
  'an object whose fields are hidden': { make: () => Object.defineProperty({}, 'a', { value: 1 }), refused: /an Object without fields/ },
  'a symbol as key': { make: () => ({ [Symbol('k')]: 1 }), refused: /an Object with the key Symbol\(k\)/ },
  'a symbol as key beside another': { make: () => ({ a: 1, [Symbol('k')]: 1 }), refused: /the key Symbol\(k\)/ },
  Math: { make: () => Math, refused: /a Math/ },
  'an empty Proxy': { make: () => new Proxy({}, {}), refused: /a Proxy/ },
  'a Proxy of a Map': { make: () => new Proxy(new Map(), {}), refused: /a Proxy/ },
  'a Proxy of an object': { make: () => new Proxy({ a: 1 }, {}), is: { a: 1 } },
  'a getter that throws': {
    make: () => ({
      get a() {
        throw new Error('not for you');
      },
    }),
    refused: /throws while it is read, at "(at\.)?a": "not for you"/,
  },
  'an awaitable with fields': { make: () => Object.assign(new Later(), { y: 2 }), refused: /a Later.*await it/, onlyInside: true },
  'an invalid Date': { make: () => new Date('no day'), refused: /an invalid Date/ },
  'a boxed symbol': { make: () => Object(Symbol('s')), refused: /a Symbol/ },
  'a boxed bigint': { make: () => Object(1n), refused: /a BigInt/ },
  'a function': { make: () => () => 1, refused: /a function/ },
  'a symbol': { make: () => Symbol('s'), refused: /a symbol/ },
  'a bigint': { make: () => 10n, refused: /the bigint 10.*text/ },
  NaN: { make: () => Number.NaN, refused: /the number NaN/ },
  Infinity: { make: () => Number.NEGATIVE_INFINITY, refused: /the number -Infinity/ },

  'a Date': { make: () => new Date(0), is: '1970-01-01T00:00:00.000Z' },
  'a URL': { make: () => new URL('http://127.0.0.1/a'), is: 'http://127.0.0.1/a' },
  'a toJSON of its own': { make: () => new Money(), is: { cents: 5 } },
  'a toJSON that gives itself': { make: () => ({ a: 1, toJSON: undefined }), is: { a: 1 } },
  'an instance with fields': { make: () => new Point(), is: { x: 1 } },
  'an object without prototype': { make: () => Object.assign(Object.create(null) as object, { a: 1 }), is: { a: 1 } },
  'boxed primitives': { make: () => [Object(1), Object('a'), Object(false)], is: [1, 'a', false] },
  'minus zero': { make: () => -0, is: 0 },
  'undefined in a list, and a hole': { make: () => Object.assign([undefined, 1], { 3: 2 }), is: [null, 1, null, 2] },
  'undefined as a field': { make: () => ({ a: undefined, b: 1 }), is: { b: 1 } },
  'a field whose toJSON gives nothing': { make: () => ({ a: { toJSON: () => undefined }, b: 1 }), is: { b: 1 } },
  'an empty object': { make: () => ({}), is: {} },
  'an Error': { make: () => failed, is: stated(failed) },
  'an Error with a toJSON': { make: () => own, is: stated(own) },
  'a long Error': { make: () => long, is: { name: 'Error', message: `${'m'.repeat(4_095)}…`, stack: `${'s'.repeat(8_191)}…` } },
  'a settled rejection': { make: () => [{ status: 'rejected', reason: failed }], is: [{ status: 'rejected', reason: stated(failed) }] },
};

export interface Wanted {
  readonly sample: string;
  readonly isInside: boolean;
}

/** The value of a name, alone or inside an object. */
export function madeFor({ sample, isInside }: Wanted): unknown {
  const value = samples[sample]?.make();
  return isInside ? { at: value } : value;
}

/** As a function for worker threads. */
export const make = madeFor;
