import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureSchema } from '../../machines/events/payloads.ts';
import { errorCodes, failure, innermostOf } from '../../machines/failures.ts';
import { errorOf, fromFailure, GleitzeitError, toError, toFailure } from '../../src/errors.ts';
import { boundDetails, boundFailure, failureLimits } from '../../src/failure-limits.ts';
import { readFailure } from '../../src/failure-reading.ts';
import { describeValue } from '../../src/thrown.ts';

const withFields = (message: string, fields: object) => Object.assign(new Error(message), fields);
const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

describe('what a handler throws becomes a failure', () => {
  test('an ordinary error is worth another attempt', () => {
    expect(toFailure(new Error('no'))).toEqual({ ...failure('TASK_EXECUTION_FAILED', 'no') });
    expect(toFailure(new RangeError('no'))).toMatchObject({ retryable: true, details: { name: 'RangeError' } });
  });

  test('what the error says of itself holds', () => {
    expect(toFailure(withFields('no', { retryable: false }))).toMatchObject({ code: 'TASK_EXECUTION_FAILED', retryable: false });
    expect(toFailure(withFields('slow', { code: 'RATE_LIMIT_EXCEEDED', retryAfterMs: 500, details: { a: 1 } }))).toEqual({
      ...failure('RATE_LIMIT_EXCEEDED', 'slow'),
      retryAfterMs: 500,
      details: { a: 1 },
    });
    expect(toFailure(withFields('mine', { code: 'OUT_OF_PAPER', rpcCode: 7, retryable: false }))).toMatchObject({
      code: 'OUT_OF_PAPER',
      rpcCode: 7,
      retryable: false,
    });
    expect(toFailure(withFields('x', { code: 'TASK_TIMEOUT', rpcCode: 7 })).rpcCode).toBe(errorCodes.TASK_TIMEOUT.rpcCode);
  });

  test.each([{ retryAfterMs: -1 }, { retryAfterMs: Number.NaN }, { retryAfterMs: '5' }, { retryable: 'yes' }, { rpcCode: 1.5 }])(
    'nonsense is not taken over: %o',
    (fields) => {
      expect(toFailure(withFields('no', fields))).toEqual(failure('TASK_EXECUTION_FAILED', 'no'));
    },
  );

  test.each([
    ['ECONNREFUSED', 'CONNECTION_REFUSED'],
    ['ECONNRESET', 'CONNECTION_LOST'],
    ['EPIPE', 'CONNECTION_LOST'],
    ['ETIMEDOUT', 'CONNECTION_TIMEOUT'],
    ['ENOTFOUND', 'NETWORK_UNREACHABLE'],
    ['EHOSTUNREACH', 'NETWORK_UNREACHABLE'],
    ['EMFILE', 'RESOURCE_EXHAUSTED'],
    ['UND_ERR_CONNECT_TIMEOUT', 'CONNECTION_TIMEOUT'],
    ['UND_ERR_HEADERS_TIMEOUT', 'PROVIDER_TIMEOUT'],
  ])('the code %s of Node is %s', (code, ours) => {
    expect(toFailure(withFields('x', { code }))).toMatchObject({ code: ours, details: { code } });
  });

  test('a code that only Node knows stays in the details', () => {
    expect(toFailure(withFields('x', { code: 'ENOENT' }))).toMatchObject({ code: 'TASK_EXECUTION_FAILED', details: { code: 'ENOENT' } });
    expect(toFailure(withFields('x', { code: 'ERR_INVALID_URL' }))).toMatchObject({
      code: 'TASK_EXECUTION_FAILED',
      details: { code: 'ERR_INVALID_URL' },
    });
  });

  test('a failed fetch says why in its cause', () => {
    const thrown = new TypeError('fetch failed', { cause: withFields('connect', { code: 'ECONNREFUSED' }) });
    expect(toFailure(thrown)).toMatchObject({ code: 'CONNECTION_REFUSED', cause: { code: 'CONNECTION_REFUSED', message: 'connect' } });
  });

  test('an error of a time-out signal is a time-out of the provider', () => {
    expect(toFailure(new DOMException('took too long', 'TimeoutError'))).toMatchObject({ code: 'PROVIDER_TIMEOUT', message: 'took too long' });
  });

  test.each([
    ['a string', 'boom', 'Thrown was "boom", which is not an Error'],
    ['nothing', undefined, 'Thrown was undefined, which is not an Error'],
    ['null', null, 'Thrown was null, which is not an Error'],
    ['a number', 42, 'Thrown was 42, which is not an Error'],
    ['a function', () => 1, 'Thrown was a function, which is not an Error'],
    ['a symbol', Symbol('s'), 'Thrown was a symbol, which is not an Error'],
    ['an object', { a: 1, b: 2 }, 'Thrown was an object with a, b, which is not an Error'],
    ['an error without words', new RangeError(), 'RangeError without a message'],
  ])('%s', (_, thrown, message) => {
    expect(toFailure(thrown)).toMatchObject({ code: 'TASK_EXECUTION_FAILED', message });
  });

  test('causes that go in circles end', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    expect(toFailure(a)).toMatchObject({ message: 'a', cause: { message: 'b' } });
    expect(toFailure(a).cause?.cause).toBeUndefined();
    let deep = new Error('0');
    for (let i = 1; i < 100; i += 1) deep = new Error(`${i}`, { cause: deep });
    expect(JSON.stringify(toFailure(deep)).split('"cause"').length).toBe(6);
    expect(innermostOf(toFailure(deep)).message).toBe('0 (94 causes between this one and the error above it left out)');
  });

  test('details that are circular, huge or no JSON are described', () => {
    const circular: Record<string, unknown> = { f: () => 1, big: 2n, map: new Map(), when: new Date(0), list: [] };
    circular['self'] = circular;
    expect(toFailure(withFields('x', { details: circular })).details).toEqual({
      f: 'a function',
      big: '2n',
      map: 'a Map',
      when: '1970-01-01T00:00:00.000Z',
      list: [],
      self: 'a circular reference',
    });
    const huge = { text: 'x'.repeat(1_000_000), many: Array.from({ length: 100_000 }, (_, i) => ({ i })) };
    expect(JSON.stringify(toFailure(withFields('x'.repeat(50_000), { details: huge }))).length).toBeLessThan(30_000);
  });

  test('a value that throws while it is read is a failure still', () => {
    const angry = new Proxy(new Error('x'), {
      get: () => {
        throw new Error('hands off');
      },
      getPrototypeOf: () => {
        throw new Error('hands off');
      },
    });
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    expect(failureSchema.safeParse(toFailure(angry)).success).toBe(true);
    expect(failureSchema.safeParse(toFailure(withFields('x', { errors: proxy, details: proxy, cause: proxy }))).success).toBe(true);
    expect(describeValue(proxy)).toBe('an object that cannot be read');
  });

  test('whatever is thrown, the failure is one by its schema, and is JSON', () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true, withSparseArray: true });
    fc.assert(
      fc.property(anything, anything, (thrown, details) => {
        for (const value of [thrown, withFields('x', { details, cause: thrown, code: thrown, retryable: thrown })]) {
          const made = toFailure(value);
          expect(failureSchema.parse(made)).toEqual(made);
          expect(plain(made)).toEqual(made);
        }
      }),
    );
  });
});

describe('what a failure says of what was thrown', () => {
  test('where it was thrown, and its causes: for an attempt; other failures have no stack', () => {
    const thrown = new TypeError('outer', { cause: new Error('inner') });
    const read = readFailure(thrown);
    expect(read.stack).toMatch(/^TypeError: outer\n +at .*errors\.test\.ts/);
    expect(read.cause?.stack).toMatch(/^Error: inner\n +at .*errors\.test\.ts/);
    expect(JSON.stringify(toFailure(thrown))).not.toContain('errors.test.ts');
  });

  test('an error that this package made says where it comes from only where its failure did', () => {
    expect(readFailure(errorOf('TASK_TIMEOUT', 'late')).stack).toBeUndefined();
    const told = { ...failure('TASK_EXECUTION_FAILED', 'x'), stack: 'Traceback', cause: { ...failure('QUEUE_FULL', 'y'), stack: 'below' } };
    expect(readFailure(fromFailure(told))).toEqual(told);
    expect(fromFailure(told).stack).toBe('Traceback');
    expect(readFailure(new GleitzeitError(failure('QUEUE_FULL', 'made by a handler'))).stack).toContain('errors.test.ts');
  });

  test('the name of a module that was loaded from a URL with its source, not the source', () => {
    const url = `data:text/javascript,${encodeURIComponent(`__filename="/tmp/a b/mine.ts";(()=>{const key = "hunter2"})()`)}`;
    const stack = `Error: x\n    at run (${url}:3:5)\n    at data:text/javascript,throw%20new%20Error():1:7`;
    expect(readFailure(withFields('x', { stack })).stack).toBe('Error: x\n    at run (/tmp/a b/mine.ts:3:5)\n    at data:text/javascript,…:1:7');
  });

  test('the errors of an AggregateError, each with its name, code, cause and stack', () => {
    const first = withFields('refused', { code: 'ECONNREFUSED' });
    const thrown = new AggregateError([first, new RangeError('b', { cause: 'disk full' }), 'text'], 'all failed');
    expect(readFailure(thrown)).toMatchObject({
      message: 'all failed',
      details: {
        name: 'AggregateError',
        errors: [
          { name: 'Error', message: 'refused', code: 'ECONNREFUSED', stack: expect.stringContaining('errors.test.ts') },
          { name: 'RangeError', message: 'b', cause: 'disk full' },
          'text',
        ],
      },
    });
    const many = new AggregateError(Array.from({ length: 25 }, (_, at) => new Error(`${at}`)));
    const { errors } = readFailure(many).details as { errors: unknown[] };
    expect([errors.length, errors.at(-1)]).toEqual([failureLimits.errors + 1, '… (15 more left out)']);
  });

  test('what libraries say by fields of their own', () => {
    const pg = withFields('duplicate key', { detail: 'Key (email)=(a) exists.', constraint: 'users_email', position: 7, client: new Map() });
    expect(readFailure(pg).details).toEqual({ detail: 'Key (email)=(a) exists.', constraint: 'users_email', position: 7 });
    const refused = withFields('Request failed with status code 422', { response: { status: 422, data: { error: 'taken' }, config: { a: 1 } } });
    expect(readFailure(refused).details).toEqual({ response: { status: 422, body: { error: 'taken' } } });
    expect(readFailure({ reason: 'because' }).details).toEqual({ reason: 'because' });
    expect(readFailure(new Error('x', { cause: 'disk full' })).cause).toMatchObject({ message: 'disk full' });
  });

  test('whoever records it cuts it: between characters, saying so, within the limits whatever it holds', () => {
    const long = `${'😀'.repeat(20_000)}end`;
    const big = { text: long, list: Array.from({ length: 100 }, () => ({ text: 'ü'.repeat(3_000) })), after: 1 };
    const read = readFailure(Object.assign(new Error(long, { cause: new Error(long) }), { details: big }));
    expect(read.message).toBe(long);
    const cut = boundFailure(read);
    for (const { message, stack = '', details } of [cut, cut.cause ?? cut]) {
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(failureLimits.messageBytes);
      expect(message).toMatch(/^(😀)+… \(\d+ bytes left out\)$/u);
      expect(Buffer.byteLength(stack)).toBeLessThanOrEqual(failureLimits.stackBytes);
      expect(stack).toContain('errors.test.ts');
      expect(Buffer.byteLength(JSON.stringify(details) ?? '')).toBeLessThanOrEqual(failureLimits.detailsBytes);
    }
    expect(JSON.stringify(cut).isWellFormed()).toBe(true);
    expect(JSON.stringify(cut.details)).toContain('left out');
    expect(boundFailure(cut)).toEqual(cut);
  });

  test('the end of a long text stands as well as its beginning', () => {
    const details = { stderr: `begin${'x'.repeat(100_000)}end` };
    expect((boundFailure(failure('TASK_EXECUTION_FAILED', 'x', { details })).details as { stderr: string }).stderr).toMatch(
      /^beginx+… \(\d+ bytes left out\) …x+end$/,
    );
  });

  test('whatever the details are, they fit', () => {
    fc.assert(
      fc.property(fc.anything(), fc.integer({ min: 200, max: 2_000 }), (anything, bytes) => {
        const { details } = readFailure(withFields('x', { details: anything }));
        const bounded = boundDetails(details, bytes);
        expect(Buffer.byteLength(JSON.stringify(bounded) ?? '')).toBeLessThanOrEqual(bytes);
      }),
    );
  });
});

describe('an error at the edge', () => {
  test('carries all that the failure says, and goes back to it', () => {
    const from = { ...failure('CONNECTION_LOST', 'gone'), retryAfterMs: 10, details: { a: 1 }, cause: failure('TASK_TIMEOUT', 'late') };
    const error = fromFailure(from);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'GleitzeitError',
      code: 'CONNECTION_LOST',
      rpcCode: -25_004,
      retryable: true,
      retryAfterMs: 10,
      details: { a: 1 },
    });
    expect(error.cause).toBeInstanceOf(GleitzeitError);
    expect(toFailure(error)).toEqual(from);
    expect(plain(error)).toEqual(from);
  });

  test('has its code from the table, and its issues from the details', () => {
    expect(errorOf('TASK_TIMEOUT', 'late')).toMatchObject({ code: 'TASK_TIMEOUT', rpcCode: -29_003, retryable: true });
    const issues = [{ path: 'a', rule: 'r', message: 'm' }];
    expect(fromFailure(failure('WORKFLOW_VALIDATION_FAILED', 'x', { details: { issues } })).issues).toEqual(issues);
  });

  test('is itself, and else a wrapper around what was thrown', () => {
    const own = errorOf('QUEUE_FULL', 'full');
    expect(toError(own)).toBe(own);
    const cause = new Error('odd');
    expect(toError(cause)).toMatchObject({ code: 'INTERNAL_ERROR', message: 'odd', cause });
    expect(toError('odd', 'CONFIGURATION_ERROR')).toMatchObject({ code: 'CONFIGURATION_ERROR', cause: 'odd' });
  });
});
