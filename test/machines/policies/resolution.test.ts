import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { longestText, type Root, resolveValue, type Scope } from '../../../machines/policies/resolution.ts';

const results: Record<string, unknown> = {
  t: { x: 1, s: 'text', list: [10, { y: true }], nothing: null, result: { x: 2 } },
  plain: { x: 3 },
  five: 5,
  list: [1, 2],
};

function scopeWith(more: Record<string, Root> = {}): Scope {
  return {
    root: (name) => {
      if (Object.hasOwn(more, name)) return more[name];
      if (name === 'input') return { of: 'input', value: { a: 'b', result: 'r' } };
      return Object.hasOwn(results, name) ? { of: 'task', value: results[name] } : undefined;
    },
  };
}

function faultOf(value: unknown, scope = scopeWith()) {
  const resolved = resolveValue(value, scope);
  if ('value' in resolved) throw new Error(`Resolved to ${JSON.stringify(resolved.value)}.`);
  return resolved.fault;
}

describe('resolveValue', () => {
  it.each([
    ['${value.gone?}', null],
    ['${value.gone.deeper[0]?}', null],
    ['${value.none.deeper?}', null],
    ['${value.list[5]?}', null],
    ['${failed?}', null],
    ['${failed.x?}', null],
    ['${value.a?}', 1],
    ['${value.none?}', null],
    ['<${value.gone?}>', '<>'],
    ['<${failed.x?}>', '<>'],
    ['<${value.none?}>', '<null>'],
    ['<${value.a?}>', '<1>'],
    [{ deep: ['${value.gone?}', '${value.a?}'] }, { deep: [null, 1] }],
  ])('gives null, or nothing in a text, where an optional reference finds nothing: %j', (template, value) => {
    const scope = scopeWith({ value: { of: 'task', value: { a: 1, none: null, list: [] } }, failed: { of: 'task', absent: 'it failed' } });
    expect(resolveValue(template, scope)).toMatchObject({ value });
  });

  it.each(['${value.gone}', '${failed}', '${value.a?.b}', '${nobody?}'])('still refuses %s', (template) => {
    const scope = scopeWith({ value: { of: 'task', value: { a: 1 } }, failed: { of: 'task', absent: 'it failed' } });
    expect(resolveValue(template, scope)).toMatchObject({ fault: { code: 'TASK_PARAMETER_ERROR' } });
  });

  it.each([
    ['${t.x}', 1],
    ['${t.list}', [10, { y: true }]],
    ['${t.list[1].y}', true],
    ['${t["list"][0]}', 10],
    ['${t.nothing}', null],
    ['${five}', 5],
    ['n=${t.x}', 'n=1'],
    ['${t.s}${t.s}', 'texttext'],
    ['v: ${t.list} ${t.nothing}', 'v: [10,{"y":true}] null'],
    ['$${t.x}', '${t.x}'],
    ['$${t.x} ${t.x}', '${t.x} 1'],
    ['${t', '${t'],
    ['${input.a}', 'b'],
  ])('replaces %j by %j', (template, value) => {
    expect(resolveValue(template, scopeWith())).toEqual({ value });
  });

  it.each([
    ['${t.result.x}', 2],
    ['${t.result}', { x: 2 }],
    ['${plain.result.x}', 3],
    ['${plain.result}', { x: 3 }],
    ['${five.result}', 5],
    ['${list.result[1]}', 2],
    ['${input.result}', 'r'],
  ])('takes a leading `result` for the field where there is one, else for the value: %j is %j', (template, value) => {
    expect(resolveValue(template, scopeWith())).toEqual({ value });
  });

  it('replaces at any depth, and leaves what holds no reference as it is', () => {
    const untouched = { a: [1, 2, { b: 'c' }] };
    const resolved = resolveValue({ untouched, list: ['${five}', { x: '${t.x}' }], empty: {}, none: [] }, scopeWith());
    expect(resolved).toEqual({ value: { untouched, list: [5, { x: 1 }], empty: {}, none: [] } });
    expect((resolved as { value: Record<string, unknown> }).value['untouched']).toBe(untouched);
    expect((resolveValue(untouched, scopeWith()) as { value: unknown }).value).toBe(untouched);
  });

  it('never replaces what came in the place of a reference', () => {
    const scope = scopeWith({ evil: { of: 'task', value: { a: '${t.x}', b: ['$${'] } } });
    expect(resolveValue({ p: '${evil}', q: 'say ${evil.a}' }, scope)).toEqual({ value: { p: { a: '${t.x}', b: ['$${'] }, q: 'say ${t.x}' } });
  });

  it('sees own fields only', () => {
    for (const field of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(faultOf(`\${t.${field}}`).code).toBe('TASK_PARAMETER_ERROR');
    }
    expect(faultOf('${list.length}').message).toContain('elements 0 to 1');
    const own = JSON.parse('{"__proto__": {"x": 7}}') as unknown;
    expect(resolveValue('${own.__proto__.x}', scopeWith({ own: { of: 'task', value: own } }))).toEqual({ value: 7 });
  });

  it('keeps a field named __proto__ a field', () => {
    const resolved = resolveValue(JSON.parse('{"__proto__": "${five}", "b": 1}'), scopeWith()) as { value: object };
    expect(Object.keys(resolved.value)).toEqual(['__proto__', 'b']);
    expect(Object.getPrototypeOf(resolved.value)).toBe(Object.prototype);
    expect(JSON.stringify(resolved.value)).toBe('{"__proto__":5,"b":1}');
  });

  it.each([
    ['${plain.y}', "'${plain.y}' refers to 'y', which the result of task 'plain' does not have; its fields are 'x'."],
    ['${t.list[1].z}', "'${t.list[1].z}' refers to 'z', which the result of task 't' at 'list[1]' does not have; its fields are 'y'."],
    ['${list[2]}', "'${list[2]}' refers to '2', which the result of task 'list' does not have; it is an array with elements 0 to 1."],
    ['${five.a}', "'${five.a}' refers to 'a', which the result of task 'five' does not have; it is a number."],
    ['${input.c}', "'${input.c}' refers to 'c', which 'input' does not have; its fields are 'a', 'result'."],
    ['${nobody.a}', "'${nobody.a}' refers to 'nobody', which is no task here, nor 'input'."],
    ['${t..a}', "'${t..a}' has a path that cannot be read from '..a' on."],
  ])('says of %j what there was instead', (template, message) => {
    expect(faultOf(template)).toMatchObject({ code: 'TASK_PARAMETER_ERROR', rpcCode: -29006, retryable: false, message });
    expect(faultOf({ a: [template] }).message).toBe(`a[0]: ${message}`);
  });

  it('says why a task has no result', () => {
    expect(faultOf('${gone.a}', scopeWith({ gone: { of: 'task', absent: 'it failed' } })).message).toContain('has no result: it failed');
  });

  it('names twenty fields at most', () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, i]));
    expect(faultOf('${many.x}', scopeWith({ many: { of: 'task', value: many } })).message).toContain("'f19' and 10 more");
  });

  it('works at any depth, and refuses text of a value that is too deep or too long', () => {
    let deep: unknown = '${five}';
    for (let i = 0; i < 20_000; i++) deep = { a: deep };
    let resolved = (resolveValue(deep, scopeWith()) as { value: unknown }).value;
    for (let i = 0; i < 20_000; i++) resolved = (resolved as { a: unknown }).a;
    expect(resolved).toBe(5);
    const scope = scopeWith({ deep: { of: 'task', value: deep }, long: { of: 'task', value: 'x'.repeat(longestText / 2) } });
    expect(faultOf('a ${deep}', scope).code).toBe('TASK_PARAMETER_ERROR');
    expect(faultOf('a ${long}${long}', scope).code).toBe('TASK_PARAMETER_ERROR');
  });

  it('gives back every value without references, equal to itself', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!JSON.stringify(value).includes('${'));
        expect(resolveValue(value, scopeWith())).toEqual({ value });
      }),
    );
  });
});
