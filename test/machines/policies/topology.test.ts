import { describe, expect, it } from 'vitest';

import { taskAt, topologyOf } from '../../../machines/policies/topology.ts';
import { definitionOf, taskOf } from '../definitions.ts';

describe('topologyOf', () => {
  it('says who waits for whom', () => {
    const { dependents, dependencyCounts, roots } = topologyOf(
      definitionOf([taskOf('c', { after: ['a', 'b?'] }), taskOf('a'), taskOf('b', { after: ['a'] })]),
    );
    expect(dependents).toEqual([
      [],
      [
        { task: 0, when: 'success' },
        { task: 2, when: 'success' },
      ],
      [{ task: 0, when: 'done' }],
    ]);
    expect(dependencyCounts).toEqual([2, 0, 1]);
    expect(roots).toEqual([1]);
  });

  it('finds tasks by id and by name; an id goes before a name', () => {
    const { byId, byName } = topologyOf(definitionOf([taskOf('a', { name: 'b' }), taskOf('b', { name: 'Second' })]));
    expect([byId.get('a'), byId.get('b'), byId.get('Second')]).toEqual([0, 1, undefined]);
    expect([byName.get('a'), byName.get('b'), byName.get('Second')]).toEqual([0, 1, 1]);
  });

  it('says what the output refers to', () => {
    const definition = definitionOf([taskOf('a.b', { name: 'First' }), taskOf('b'), taskOf('a')], {
      output: { x: ['${a.b.c}', '${input.b}'], y: 'see ${First[0]}, $${b}' },
    });
    expect([...topologyOf(definition).outputTasks]).toEqual([0]);
    expect(topologyOf(definitionOf([taskOf('a')])).outputTasks.size).toBe(0);
  });

  it('is derived once', () => {
    const definition = definitionOf([taskOf('a')]);
    expect(topologyOf(definition)).toBe(topologyOf(definition));
    expect(topologyOf(definitionOf([taskOf('a')]))).not.toBe(topologyOf(definition));
  });

  it('never runs a task that waits for nobody known', () => {
    const { dependencyCounts, roots } = topologyOf(definitionOf([taskOf('a', { after: ['gone'] })]));
    expect([dependencyCounts, roots]).toEqual([[1], []]);
  });

  it('takes names like members of an object for names', () => {
    expect(topologyOf(definitionOf([taskOf('__proto__'), taskOf('constructor')])).byName.get('constructor')).toBe(1);
    expect(topologyOf(definitionOf([taskOf('a')])).byName.get('constructor')).toBeUndefined();
  });

  it('knows no task beyond the last', () => {
    expect(() => taskAt(definitionOf([]), 0)).toThrow("The workflow 'sample' has no task at position 0.");
  });
});
