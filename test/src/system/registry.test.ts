import { describe, expect, it } from 'vitest';

import type { Component } from '../../../machines/events/define.ts';
import type { Actor } from '../../../src/system/actor.ts';
import { Registry } from '../../../src/system/registry.ts';

function actor(component: Component, key: string): Actor & { end(): void } {
  let isEnded = false;
  return {
    component,
    key,
    address: `${component}/${key}`,
    send: () => [],
    fold: () => undefined,
    handles: () => true,
    isDone: () => isEnded,
    hasEnded: () => isEnded,
    getSnapshot: () => {
      throw new Error('not asked for here');
    },
    end: () => {
      isEnded = true;
    },
  };
}

describe('the registry', () => {
  it('finds an actor by component and key, and only by both', () => {
    const registry = new Registry();
    const task = actor('task', 'x');
    registry.add(task, []);
    expect(registry.get('task', 'x')).toBe(task);
    expect(registry.get('worker', 'x')).toBeUndefined();
    expect(registry.get('task', 'y')).toBeUndefined();
  });

  it('does not give out one that has ended, except to those who look back', () => {
    const registry = new Registry();
    const task = actor('task', 'x');
    registry.add(task, ['g']);
    task.end();
    expect(registry.get('task', 'x')).toBeUndefined();
    expect(registry.last('task', 'x')).toBe(task);
  });

  it('finds those that belong together, each once, however often it joined', () => {
    const registry = new Registry();
    const [one, two] = [actor('methods', '1'), actor('methods', '2')];
    registry.add(one, ['p']);
    registry.add(two, ['p', 'q']);
    registry.join(one, ['p', 'q']);
    expect([...registry.group('methods', 'p')]).toEqual([one, two]);
    expect([...registry.group('methods', 'q')]).toEqual([two, one]);
    expect(registry.group('task', 'p').size).toBe(0);
  });

  it('forgets an actor with all its groups, and leaves nothing of them', () => {
    const registry = new Registry();
    const [one, two] = [actor('methods', '1'), actor('methods', '2')];
    registry.add(one, ['p']);
    registry.add(two, ['p']);
    registry.drop(one);
    expect([...registry.group('methods', 'p')]).toEqual([two]);
    registry.drop(two);
    registry.drop(two);
    expect(registry.group('methods', 'p').size).toBe(0);
    expect(registry.count('methods')).toBe(0);
    expect(registry.counts()).toEqual({});
  });

  it('keeps the one that took the address of another before that was forgotten', () => {
    const registry = new Registry();
    const [first, second] = [actor('task', 'x'), actor('task', 'x')];
    registry.add(first, []);
    first.end();
    registry.add(second, []);
    registry.drop(first);
    expect(registry.get('task', 'x')).toBe(second);
  });

  it('counts by component', () => {
    const registry = new Registry();
    for (const key of ['a', 'b']) registry.add(actor('worker', key), []);
    registry.add(actor('engine', ''), []);
    expect(registry.counts()).toEqual({ engine: 1, worker: 2 });
    expect([...registry.all('worker')].map(({ key }) => key)).toEqual(['a', 'b']);
  });
});
