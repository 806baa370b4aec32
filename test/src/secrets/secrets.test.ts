import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { failure } from '../../../machines/failures.ts';
import type { WorkflowResult } from '../../../src/runtime/result.ts';
import { noSecrets } from '../../../src/secrets/secrets.ts';
import { mayHoldToken } from '../../../src/secrets/token.ts';
import { finished } from '../../../src/work.ts';
import { hashing } from '../../../src/workflow/version.ts';
import { definitionOf, secretsWith } from './making.ts';

const secrets = secretsWith();
const token = expect.stringMatching(/^⟦sealed:v1:[\w-]+⟧$/);
const attempt = { workflowId: 'w', taskId: 't' };
const workflowOf = (params: unknown, output?: unknown) => {
  const definition = definitionOf([{ id: 'first' }, { id: 't', params }], output);
  return { definition, versionHash: finished(hashing(definition)) };
};
/** The parameters of the last task of a workflow, sealed. */
const sealedParams = (params: unknown, by = secrets) => by.workflow(workflowOf(params)).definition.tasks[1]?.params;
const sealedInput = (input: unknown, by = secrets) => by.input(definitionOf([]), input);

describe('a definition', () => {
  it('is the very same, hash and all, where it holds no secret', () => {
    const workflow = workflowOf({
      a: ['${first}', { b: 'text' }],
      token: 'public',
      headers: { authorization: 'Bearer ${first.access_token}', cookie: null },
    });
    expect(secrets.workflow(workflow)).toBe(workflow);
  });

  it('keeps its parameters sealed, by names and all that stands below them, and its hash follows from that', () => {
    const workflow = workflowOf({ user: 'ada', password: 'hunter2', credentials: { user: 'ada', pins: [1, true, null, ''] } });
    const sealed = secrets.workflow(workflow);
    expect(sealed.definition.tasks[1]?.params).toEqual({
      user: 'ada',
      password: token,
      credentials: token,
    });
    expect(sealed.versionHash).toBe(finished(hashing(sealed.definition)));
    expect(sealed.versionHash).not.toBe(workflow.versionHash);
    expect(workflow.definition.tasks[1]?.params).toHaveProperty('password', 'hunter2');
  });

  it('has its parameters asked about once, also where an input comes with it', () => {
    const asked: string[] = [];
    const by = secretsWith({ isSecret: (path) => asked.push(path.join('.')) < 0 });
    const workflow = workflowOf({ a: '${input.a}' });
    by.workflow(workflow);
    by.input(workflow.definition, { a: 1 });
    expect(asked).toEqual(['params', 'params', 'params.a', 'output', 'input', 'input.a']);
  });

  it('is the same object for every submit, and the same hash for an equal one', () => {
    const workflow = workflowOf({ password: 'hunter2' });
    expect(secrets.workflow(workflow).definition).toBe(secrets.workflow({ ...workflow }).definition);
    expect(secretsWith().workflow(workflowOf({ password: 'hunter2' })).versionHash).toBe(secrets.workflow(workflow).versionHash);
    expect(secrets.workflow(workflowOf({ password: 'hunter3' })).versionHash).not.toBe(secrets.workflow(workflow).versionHash);
  });

  it.each([
    ['a scheme', 'Bearer ${first.a}', 'Bearer ${first.a}'],
    ['punctuation', '${first.a}:${first.b}', '${first.a}:${first.b}'],
    ['nothing', '${first.a}', '${first.a}'],
  ])('keeps a template that has %s beside its references', (_, text, kept) => {
    expect(sealedParams({ authorization: text })).toEqual({ authorization: kept });
  });

  it('seals what else stands beside references, and what was escaped is no reference when it is opened', () => {
    const sealed = sealedParams({ password: 'pre-${first.a}-post', secret: 'a $${b}' });
    expect(sealed).toEqual({ password: expect.stringMatching(/^⟦[^⟧]+⟧\$\{first\.a\}⟦[^⟧]+⟧$/), secret: token });
    expect(secrets.attempt(attempt).open(sealed)).toEqual({ password: 'pre-${first.a}-post', secret: 'a ${b}' });
  });

  it('keeps what was escaped beside a part that is sealed', () => {
    expect(sealedParams({ text: '⟦ ${first} $${b}' })).toEqual({ text: expect.stringMatching(/^⟦[^⟧]+⟧\$\{first\} \$\$\{b\}$/) });
  });

  it('seals the literal parts of its output', () => {
    const { definition } = secrets.workflow(workflowOf({}, { apiKey: 'k-1', shown: '${first}' }));
    expect(definition.output).toEqual({ apiKey: token, shown: '${first}' });
  });
});

describe('what secret parameters refer to', () => {
  const running = (tasks: Parameters<typeof definitionOf>[0], output?: unknown) => {
    const definition = definitionOf(tasks, output);
    return { definition, by: secretsWith({}, { definitionOf: () => definition }) };
  };

  it('is sealed in the input, under whatever name', () => {
    const { definition, by } = running([{ id: 't', params: { headers: { Authorization: 'Bearer ${input.keys[1].value}' } } }]);
    const input = { keys: [{ value: 'a' }, { value: 'b', note: 'c' }], other: 'd' };
    expect(by.input(definition, input)).toEqual({ keys: [{ value: 'a' }, { value: token, note: 'c' }], other: 'd' });
  });

  it('is sealed in the results of tasks, named by id or by name, with or without "result"', () => {
    const { by } = running(
      [
        { id: 'login', name: 'Log in' },
        { id: 'a', params: { password: '${Log in.json.token}' } },
        { id: 'b', params: { password: '${login.result.jwt}' } },
      ],
      { secret: '${a}' },
    );
    const result = { json: { token: 'x', other: 'y' }, jwt: 'z', result: { jwt: 'r' } };
    expect(by.attempt({ workflowId: 'w', taskId: 'login' }).seal(result)).toEqual({
      json: { token, other: 'y' },
      jwt: token,
      result: { jwt: token },
    });
    expect(by.attempt({ workflowId: 'w', taskId: 'a' }).seal('whole')).toEqual(token);
    expect(by.attempt({ workflowId: 'w', taskId: 'b' }).seal('whole')).toBe('whole');
  });

  it('is sealed in each element that a task runs over, and in the results of elements', () => {
    const { definition, by } = running([
      { id: 'each', forEach: { items: '${input.accounts}' }, params: { password: '${item.pw}' } },
      { id: 'last', params: { password: '${each[0].session}' } },
      { id: 'over', forEach: { items: '${each}' }, params: { cookie: '${item.crumb}', secret: '${index}' } },
    ]);
    expect(by.input(definition, { accounts: [{ pw: 'a' }, { pw: 'b', id: 1 }] })).toEqual({ accounts: [{ pw: token }, { pw: token, id: 1 }] });
    expect(by.attempt({ workflowId: 'w', taskId: 'each[3]' }).seal({ session: 's', crumb: 'c', id: 1 })).toEqual({
      session: token,
      crumb: token,
      id: 1,
    });
  });
});

describe('an input', () => {
  it('is the very same where it holds no secret', () => {
    const input = { a: [1, { b: 'text' }], token: 'public' };
    expect(sealedInput(input)).toBe(input);
  });

  it('is sealed by the names of a user, and by his function, which is asked of every value by the way to it', () => {
    const asked: unknown[] = [];
    const by = secretsWith({
      keys: ['iban'],
      isSecret: (path, value) => {
        asked.push([...path]);
        return value === 'x' || path.join('.') === 'input.person';
      },
    });
    expect(sealedInput({ customerIban: 'DE1', list: ['x', 'y'], person: { age: 3, isTall: true } }, by)).toEqual({
      customerIban: token,
      list: [token, 'y'],
      person: token,
    });
    expect(asked).toContainEqual(['input', 'list', 1]);
    expect(asked).toContainEqual(['input']);
  });

  it('counts as a secret where the function of the user throws', () => {
    const isSecret = () => {
      throw new Error('unwilling');
    };
    expect(sealedInput('anything', secretsWith({ isSecret }))).toEqual(token);
  });

  it('cannot bring a token in, whole or in pieces: what looks like one is data', () => {
    const stolen = (sealedInput({ password: 'hunter2' }) as { password: string }).password;
    const open = (value: unknown) => secrets.attempt(attempt).open(value);
    for (const text of [stolen, `a ${stolen}`, stolen.slice(0, 20)]) {
      expect(sealedInput({ a: text, [text]: 1 })).not.toHaveProperty('a', text);
      expect(open(sealedInput({ a: text, [text]: 1 }))).toEqual({ a: text, [text]: 1 });
    }
    const joined = `${sealedInput(stolen.slice(0, 9))}${sealedInput(stolen.slice(9))}`;
    expect(open(joined)).toBe(stolen);
    expect(open(sealedParams({ [stolen]: 1 }))).toEqual({ [stolen]: 1 });
    expect(open(sealedParams({ text: stolen, other: `${stolen}\${first}` }))).toEqual({ text: stolen, other: `${stolen}\${first}` });
  });

  it('opens to what it was, whatever stands in it', () => {
    const names = fc.constantFrom('a', 'password', 'apiKey', 'token', '__proto__', '⟦', 'constructor');
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('⟦', '⟦sealed:v1:AAAA⟧', ''),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    );
    const { value } = fc.letrec((tie) => ({ value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value')), fc.dictionary(names, tie('value'))) }));
    const plain = value.map((made) => JSON.parse(JSON.stringify(made)) as unknown);
    fc.assert(
      fc.property(plain, (input) => void expect(secrets.attempt(attempt).open(sealedInput(input))).toEqual(input)),
      { numRuns: 50 },
    );
    fc.assert(
      fc.property(plain, (result) => {
        const sealed = secrets.attempt(attempt).seal(result);
        expect(secrets.attempt(attempt).open(sealed)).toEqual(result);
      }),
      { numRuns: 50 },
    );
  });
});

describe('an attempt', () => {
  const opened = (params: unknown, by = secrets) => {
    const its = by.attempt(attempt);
    its.open(by.input(definitionOf([]), params));
    return its;
  };

  it('has its parameters opened, inside of texts too, and given back themselves where nothing was sealed', () => {
    const open = (value: unknown) => secrets.attempt(attempt).open(value);
    const sealed = sealedInput({ apiKey: 'k-1', password: 7 }) as { apiKey: string; password: string };
    expect(open({ url: `https://a/?k=${sealed.apiKey}&b`, n: sealed.password, [sealed.apiKey]: 1 })).toEqual({
      url: 'https://a/?k=k-1&b',
      n: 7,
      'k-1': 1,
    });
    const plain = { a: [1, { b: 'text' }] };
    expect(open(plain)).toBe(plain);
  });

  it('has its result sealed by names, and what was found so wherever else it stands', () => {
    const body = JSON.stringify({ access_token: 'abc"def-ghi' });
    const sealed = secrets.attempt(attempt).seal({ json: { access_token: 'abc"def-ghi' }, body, 'abc"def-ghi': 1, n: 2 });
    expect(JSON.stringify(sealed)).not.toContain('def-ghi');
    expect(sealed).toMatchObject({ json: { access_token: token }, n: 2 });
    expect(secrets.attempt(attempt).open(sealed)).toEqual({ json: { access_token: 'abc"def-ghi' }, body, 'abc"def-ghi': 1, n: 2 });
  });

  it('has what was opened for it sealed again wherever it turns up', () => {
    const its = opened({ password: 'hunter2', pin: 1, secret: 123_456 });
    const sealed = its.seal({ echo: 'I got hunter2!', list: ['hunter2', 123_456, 1] });
    expect(sealed).toEqual({ echo: expect.stringMatching(/^I got ⟦.*⟧!$/), list: [token, token, 1] });
    expect(secrets.attempt(attempt).open(sealed)).toEqual({ echo: 'I got hunter2!', list: ['hunter2', 123_456, 1] });
  });

  it('has its result given back itself where there is nothing to seal', () => {
    const result = { a: [1, { b: 'text' }], token: 'public' };
    expect(secrets.attempt(attempt).seal(result)).toBe(result);
    expect(opened({ password: 'hunter2' }).seal(result)).toBe(result);
  });

  it('tells people [sealed], in failures with their causes and details, in texts and fields', () => {
    const its = opened({ password: 'hunter2' });
    const cause = failure('CONNECTION_REFUSED', 'hunter2 was refused');
    const told = its.failure(
      failure('TASK_EXECUTION_FAILED', 'no hunter2', { details: { apiKey: 'new', lines: ['x hunter2', 1], ok: true }, cause, retryable: false }),
    );
    expect(told).toEqual({
      ...failure('TASK_EXECUTION_FAILED', 'no [sealed]', { retryable: false }),
      details: { apiKey: '[sealed]', lines: ['x [sealed]', 1], ok: true },
      cause: { ...cause, message: '[sealed] was refused' },
    });
    expect(its.text('hunter2!')).toBe('[sealed]!');
    expect(its.fields({ a: 'hunter2', cookie: 'c', n: 1 })).toEqual({ a: '[sealed]', cookie: '[sealed]', n: 1 });
    expect(opened({ secret: 123_456 }).fields({ n: 123_456, m: 123_457 })).toEqual({ n: '[sealed]', m: 123_457 });
  });

  it('knows what stood under a secret name in the open', () => {
    const its = secrets.attempt(attempt);
    its.open({ headers: { authorization: 'Bearer hunter2' } });
    expect(its.text('hunter2 is refused')).toBe('[sealed] is refused');
  });

  it('fails without the key', () => {
    const sealed = sealedInput({ password: 'hunter2' });
    expect(() =>
      secretsWith({ key: 'o'.repeat(32) })
        .attempt(attempt)
        .open(sealed),
    ).toThrow(expect.objectContaining({ code: 'CONFIGURATION_ERROR', retryable: false }));
  });
});

describe('a result', () => {
  const resultOf = (result: unknown, output?: unknown): WorkflowResult => {
    const task = { status: 'completed', attempts: 1, result } as const;
    const tasks = Object.fromEntries([
      ['__proto__', task],
      ['t', task],
    ]);
    return { workflowId: 'w', name: 'w', status: 'completed', durationMs: 1, tasks, ...(output !== undefined && { output }) };
  };

  it('is opened for its user', () => {
    const sealed = secrets.attempt(attempt).seal({ password: 'hunter2' }) as { password: string };
    const { tasks, output } = secrets.result(resultOf(sealed, `Bearer ${sealed.password}`));
    expect(Object.entries(tasks).map(([id, task]) => [id, task.result])).toEqual(['__proto__', 't'].map((id) => [id, { password: 'hunter2' }]));
    expect(output).toBe('Bearer hunter2');
  });

  it('is the very same where nothing is sealed in it', () => {
    const result = resultOf({ a: [1, 'text'] }, 'text');
    expect(secrets.result(result)).toBe(result);
  });

  it('keeps the tokens that cannot be opened, and says so once', () => {
    const sealed = resultOf(secrets.attempt(attempt).seal({ password: 'hunter2', secret: 'x', a: 1 }));
    const told: unknown[] = [];
    const other = secretsWith({ key: 'o'.repeat(32) }, { onUnopened: (error, workflowId) => told.push([workflowId, error]) });
    expect(other.result(sealed).tasks['t']).toEqual(sealed.tasks['t']);
    expect(told).toEqual([['w', expect.objectContaining({ code: 'CONFIGURATION_ERROR' })]]);
  });
});

describe('no secrets at all', () => {
  it('leaves everything as it is', () => {
    const workflow = workflowOf({ password: 'hunter2' });
    const its = noSecrets.attempt(attempt);
    expect(noSecrets.workflow(workflow)).toBe(workflow);
    expect(noSecrets.input(workflow.definition, 'a')).toBe('a');
    expect([its.open('⟦a'), its.seal('⟦a'), its.text('⟦a')]).toEqual(['⟦a', '⟦a', '⟦a']);
    expect(mayHoldToken('⟦a')).toBe(true);
  });
});
