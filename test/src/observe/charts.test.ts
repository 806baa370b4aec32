import { describe, expect, it } from 'vitest';
import { assign, setup } from 'xstate';

import { circuitBreakerMachine } from '../../../machines/circuit-breaker.ts';
import { eventTypes, specOf } from '../../../machines/events/catalogue.ts';
import { taskMachine } from '../../../machines/task.ts';
import { eventMatrix, jsonOf, matrixMarkdown, mermaidOf } from '../../../src/observe/charts.ts';

const door = setup({
  guards: { hasKey: () => true },
  actions: { ring: () => {}, count: assign({}) },
}).createMachine({
  id: 'door',
  description: 'A door.',
  context: {},
  initial: 'closed',
  on: { 'task:cancelled': { actions: 'ring' } },
  states: {
    closed: {
      description: 'Nobody\n  gets in.',
      initial: 'locked',
      on: { 'task:queued': { actions: ['ring', 'count'] }, 'task:failed': { target: 'gone' } },
      states: {
        locked: { on: { 'task:ready': [{ guard: 'hasKey', target: 'unlocked', actions: 'ring' }, { actions: 'count' }], 'task:started': {} } },
        unlocked: { on: { 'task:completed': { target: '#door.open' } } },
      },
    },
    open: { on: { 'task:timeout': 'closed' } },
    gone: { type: 'final' },
  },
});

const twoHands = setup({}).createMachine({
  id: 'twoHands',
  type: 'parallel',
  states: {
    left: { initial: 'up', states: { up: { on: { 'task:ready': 'down' } }, down: {} } },
    right: { initial: 'up', states: { up: {} } },
  },
});

describe('a chart as Mermaid', () => {
  it('draws states, substates, transitions, loops, the end, and what happens everywhere as notes', () => {
    expect(mermaidOf(door).split('\n')).toEqual([
      'stateDiagram-v2',
      '%% door: A door.',
      '  [*] --> closed',
      '  %% closed: Nobody gets in.',
      '  state "closed" as closed {',
      '    [*] --> closed_locked',
      '    state "locked" as closed_locked',
      '    closed_locked --> closed_unlocked : task#58;ready [hasKey] / ring',
      '    closed_locked --> closed_locked : task#58;ready / count',
      '    state "unlocked" as closed_unlocked',
      '    closed_unlocked --> open : task#58;completed',
      '    note right of closed_locked',
      '      in all of closed',
      '      task#58;queued / ring, count',
      '    end note',
      '  }',
      '  closed --> gone : task#58;failed',
      '  open',
      '  open --> closed : task#58;timeout',
      '  gone',
      '  gone --> [*]',
      '  note right of closed_locked',
      '    in every state',
      '    task#58;cancelled / ring',
      '  end note',
      '',
    ]);
  });

  it('draws parallel regions apart from each other', () => {
    expect(mermaidOf(twoHands).split('\n')).toEqual([
      'stateDiagram-v2',
      '  [*] --> twoHands',
      '  state "twoHands" as twoHands {',
      '    state "left" as left {',
      '      [*] --> left_up',
      '      state "up" as left_up',
      '      left_up --> left_down : task#58;ready',
      '      state "down" as left_down',
      '    }',
      '    --',
      '    state "right" as right {',
      '      [*] --> right_up',
      '      state "up" as right_up',
      '    }',
      '  }',
      '',
    ]);
  });

  it('draws a machine of the system without a sign that Mermaid stumbles over', () => {
    const lines = mermaidOf(circuitBreakerMachine).split('\n');
    expect(lines).toContain('  [*] --> closed');
    const labels = lines.filter((line) => line.includes('-->')).map((line) => line.split(' : ')[1] ?? '');
    expect(labels.filter((label) => /:|;(?<!#58;)/.test(label))).toEqual([]);
  });
});

describe('a chart as JSON', () => {
  it('has states with their transitions, what they ignore, and what the machine hears', () => {
    const chart = jsonOf(door);
    expect(chart).toMatchObject({ name: 'door', type: 'compound', initial: 'closed', description: 'A door.' });
    expect(chart.hears).toEqual(['task:cancelled', 'task:completed', 'task:failed', 'task:queued', 'task:ready', 'task:timeout']);
    expect(chart.states[0]?.states[0]).toEqual({
      name: 'locked',
      type: 'atomic',
      transitions: [
        { event: 'task:ready', target: 'closed.unlocked', guard: 'hasKey', actions: ['ring'] },
        { event: 'task:ready', actions: ['count'] },
      ],
      ignores: ['task:started'],
      states: [],
    });
  });

  it('survives being written and read', () => {
    const chart = jsonOf(taskMachine);
    expect(JSON.parse(JSON.stringify(chart))).toEqual(chart);
  });

  it('knows every guard and action of the machines by name', () => {
    expect(JSON.stringify([jsonOf(taskMachine), jsonOf(circuitBreakerMachine)])).not.toContain('"inline"');
  });
});

describe('the event matrix', () => {
  const rows = eventMatrix({ circuit: circuitBreakerMachine, task: taskMachine });

  it('has a row for every event of the catalogue', () => {
    expect(rows.map(({ type }) => type)).toEqual(eventTypes);
  });

  it('takes owners from the catalogue and listeners from the machines', () => {
    const row = rows.find(({ type }) => type === 'circuit:opened');
    expect(row).toMatchObject({ kind: 'fact', recorded: false, severity: 'error', namespace: '/pool', owners: ['circuit'], heardBy: ['circuit'] });
    expect(rows.find(({ type }) => type === 'task:failed')?.heardBy).toEqual(['circuit', 'task']);
  });

  it('names those who listen without being machines', () => {
    const { listeners } = specOf('task:started');
    expect(listeners).toContain('executor');
    expect(rows.find(({ type }) => type === 'task:started')?.outside).toContain('executor');
  });

  it('can be read as a table', () => {
    const lines = matrixMarkdown(rows).trimEnd().split('\n');
    expect(lines).toHaveLength(eventTypes.length + 2);
    expect(lines).toContain('| circuit:isolate | command | debug | api | circuit |');
  });
});
