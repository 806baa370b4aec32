/** Lists and maps that are secret: no name of a field stays in the open to which nothing refers, and what is referred to is found. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { failure } from '../../../machines/failures.ts';
import { showPath } from '../../../machines/policies/json.ts';
import { resolveValue } from '../../../machines/policies/resolution.ts';
import { scopeOf } from '../../../machines/policies/scope.ts';
import { finished } from '../../../src/work.ts';
import { hashing } from '../../../src/workflow/version.ts';
import { definitionOf, secretsWith } from './making.ts';

const token = expect.stringMatching(/^⟦sealed:v1:[\w-]+⟧$/);
/** The names of fields that stand in the open. */
const openNames = (map: object) => Object.keys(map).filter((name) => !/^⟦sealed:v1:[\w-]+⟧$/.test(name));
const withoutNames = expect.toSatisfy((map: object) => openNames(map).length === 0);

/** A workflow of one producer `a`, whose last task has these parameters. */
function running(params: unknown, more: Parameters<typeof definitionOf>[0] = []) {
  const definition = definitionOf([{ id: 'a' }, ...more, { id: 't', params }]);
  const by = secretsWith({}, { definitionOf: () => definition });
  const input = (value: unknown) => by.input(definition, value);
  const result = (value: unknown, taskId = 'a') => by.attempt({ workflowId: 'w', taskId }).seal(value);
  const open = (value: unknown) => by.attempt({ workflowId: 'w', taskId: 't' }).open(value);
  return { definition, by, input, result, open };
}

const accounts = { 'ghp_4t0ken-as-a-name': { scope: 'all' }, 'ada@example.org': 'hunter2', password: 'pw-1234' };

describe('a secret map', () => {
  it('is one token where nothing refers into it, in inputs, results and definitions', () => {
    const { input, result, by, open } = running({ all: '${input.credentials}', same: '${a.credentials}', whole: '${input}' });
    expect(input({ credentials: accounts, list: [{ secrets: [accounts] }] })).toEqual({ credentials: token, list: [{ secrets: token }] });
    expect(result({ credentials: accounts, n: 1 })).toEqual({ credentials: token, n: 1 });
    const definition = definitionOf([{ id: 't', params: { secrets: accounts } }], { cookies: { [`sid-${'x'.repeat(9)}`]: 1 } });
    const sealed = by.workflow({ definition, versionHash: finished(hashing(definition)) }).definition;
    expect([sealed.tasks[0]?.params, sealed.output]).toEqual([{ secrets: token }, { cookies: token }]);
    expect(open(sealed.tasks[0]?.params)).toEqual({ secrets: accounts });
  });

  it('keeps in the open the names of fields that are referred to, and no other', () => {
    const { input, result, open } = running({ p: '${input.credentials.password}', q: '${a.credentials.deep.password}' });
    const sealed = input({ credentials: accounts }) as { credentials: object };
    expect(sealed.credentials).toEqual(expect.objectContaining({ password: token }));
    expect(openNames(sealed.credentials)).toEqual(['password']);
    expect(open(sealed)).toEqual({ credentials: accounts });
    const kept = result({ credentials: { deep: { ...accounts }, 'other-name': accounts } }) as { credentials: { deep: object } };
    expect(openNames(kept.credentials)).toEqual(['deep']);
    expect(openNames(kept.credentials.deep)).toEqual(['password']);
  });

  it('stays in parts where a template stands in it, without its names, and the template is replaced', () => {
    const params = { credentials: { 'ada@example.org': '${a}', 'plain@example.org': { x: 'a $${b}' }, list: [accounts] } };
    const { definition, by, open } = running(params);
    const sealed = by.workflow({ definition, versionHash: finished(hashing(definition)) }).definition.tasks[1]?.params;
    expect(sealed).toEqual({ credentials: withoutNames });
    expect(Object.values((sealed as typeof params).credentials)).toEqual(['${a}', withoutNames, token]);
    const scope = scopeOf({ definition, input: null, ofTask: () => ({ of: 'task', value: 'resolved' }) });
    expect(open((resolveValue(sealed, scope) as { value: unknown }).value)).toEqual({
      credentials: { 'ada@example.org': 'resolved', 'plain@example.org': { x: 'a ${b}' }, list: [accounts] },
    });
  });

  it('in a list that a task runs over is a list of tokens, or of maps in parts', () => {
    const over = (params: unknown) => running({}, [{ id: 'each', forEach: { items: '${input.credentials}' }, params }]);
    expect(over({ a: '${item}' }).input({ credentials: [accounts, accounts] })).toEqual({ credentials: [token, token] });
    const parts = over({ a: '${item.password}' }).input({ credentials: [accounts, accounts] }) as { credentials: object[] };
    expect(parts.credentials.map(openNames)).toEqual([['password'], ['password']]);
    const fan = running({ p: '${each[1].secrets.pin}' }, [{ id: 'each', forEach: { items: '${input.list}' } }]);
    expect(fan.result({ secrets: { pin: 1 } }, 'each[0]')).toEqual({ secrets: { pin: token } });
    expect(fan.result({ secrets: { pin: 1 } })).toEqual({ secrets: token });
  });

  it('of more than 1,000 leaves is sealed as a whole, whatever refers into it', () => {
    const { input, open } = running({ p: '${input.secrets[0]}' });
    const few = { secrets: Array.from({ length: 1_000 }, (_, at) => `value-${at}`) };
    const many = { secrets: [...few.secrets, 'one more'] };
    expect([input(few), input(many)]).toEqual([{ secrets: few.secrets.map(() => token) }, { secrets: token }]);
    expect([open(input(few)), open(input(many))]).toEqual([few, many]);
  });

  it('that is empty says nothing, and stays', () => {
    const { input, result } = running({});
    for (const empty of [{ credentials: {}, secrets: [], password: '' }]) {
      expect(input(empty)).toBe(empty);
      expect(result(empty)).toBe(empty);
    }
  });

  it('is no more than [sealed] in the details of errors and in fields of a log', () => {
    const its = running({}).by.attempt({ workflowId: 'w', taskId: 'a' });
    expect(its.failure(failure('TASK_EXECUTION_FAILED', 'no', { details: { credentials: accounts, status: 1 } })).details).toEqual({
      credentials: '[sealed]',
      status: 1,
    });
    expect(its.fields({ list: [{ secrets: [accounts] }] })).toEqual({ list: [{ secrets: '[sealed]' }] });
    const all = secretsWith({ isSecret: () => true }).attempt({ workflowId: 'w', taskId: 'a' });
    expect(all.fields(accounts)).toEqual({ '[sealed]': '[sealed]' });
  });
});

describe('the names of fields in a secret map', () => {
  it.each([
    ['opened for an attempt', (its: ReturnType<typeof attempted>) => its],
    ['in the open under a secret name', () => attempted((value) => value)],
  ])('are found wherever they turn up, %s, as the values are', (_, from) => {
    const its = from(attempted());
    expect(its.text('ada@example.org has hunter2 and ghp_4t0ken-as-a-name')).toBe('[sealed] has [sealed] and [sealed]');
    expect(its.failure(failure('TASK_EXECUTION_FAILED', 'of ada@example.org: all the password')).message).toBe('of [sealed]: all the password');
    const sealed = its.seal({ 'ada@example.org': 1, said: 'ada%40example.org' }) as { said: string };
    expect([openNames(sealed), sealed.said]).toEqual([['said'], token]);
  });

  it('stay in the open, and are not looked for, where the definition refers to fields of that name', () => {
    const { by, input, result } = running({ p: '${input.credentials.username}', q: '${a.username}' });
    const its = by.attempt({ workflowId: 'w', taskId: 'a' });
    its.open(input({ credentials: { username: 'ada-lovelace', 'user-name': 1 } }));
    expect(its.text('username, user-name')).toBe('username, [sealed]');
    expect(its.seal({ username: 'ada-lovelace' })).toEqual({ username: token });
    expect(result({ secrets: { username: 1 } })).toEqual({ secrets: token });
    // By another name that is known, a field that is referred to is still found.
    const known = running({ q: '${a.hunter2.b}' });
    const other = known.by.attempt({ workflowId: 'w', taskId: 'a' });
    other.open(known.input({ password: 'hunter2' }));
    expect(other.seal({ hunter2: { b: 1 } })).toEqual({ hunter2: { b: 1 } });
  });

  function attempted(seal?: (value: unknown) => unknown) {
    const { by, input } = running({});
    const its = by.attempt({ workflowId: 'w', taskId: 't' });
    its.open((seal ?? input)({ credentials: accounts }));
    return its;
  }
});

describe('whatever stands in a value', () => {
  const names = fc.constantFrom('a', 'password', 'credentials', 'ghp_4t0ken', 'user@x', '__proto__', 'constructor', '1', 'with "quotes"]', '');
  const leaf = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('⟦', '', '${a}'), fc.integer(), fc.boolean(), fc.constant(null));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(names, tie('value'), { maxKeys: 4 })),
  }));
  const made = value.map((raw) => JSON.parse(JSON.stringify({ root: { credentials: raw } })) as unknown);
  const ways = fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), { maxLength: 3 });

  /** References to parts of a value. */
  const referencesTo = (root: string, plain: unknown, turns: readonly (readonly number[])[]) =>
    turns.map((numbers) => {
      const path: (string | number)[] = [];
      let at = plain;
      for (const number of numbers) {
        if (typeof at !== 'object' || at === null || Object.keys(at).length === 0) break;
        const keys = Array.isArray(at) ? [...at.keys()] : Object.keys(at);
        const key = keys[number % keys.length] ?? 0;
        path.push(key);
        at = (at as Record<string | number, unknown>)[key];
      }
      const way = showPath(path);
      return `\${${root}${way.startsWith('[') ? '' : '.'}${way}}`;
    });

  it('opens to what it was, keeps what is referred to within reach, and says no other name', () => {
    fc.assert(
      fc.property(made, ways, (plain, turns) => {
        for (const of of ['input', 'a'] as const) {
          const references = referencesTo(of, plain, turns);
          const { definition, input, result, open } = running({ references });
          const sealed = of === 'input' ? input(plain) : result(plain);
          expect(open(sealed)).toEqual(plain);
          const resolved = (from: unknown) =>
            (resolveValue(references, scopeOf({ definition, input: from, ofTask: () => ({ of: 'task', value: from }) })) as { value: unknown }).value;
          expect(open(resolved(sealed))).toEqual(resolved(plain));
          const isNamed = references.some((reference) => reference.includes('ghp_4t0ken') || reference.includes('user@x'));
          expect(isNamed || !/ghp_4t0ken|user@x/.test(JSON.stringify(sealed))).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});
