import { describe, expect, it } from 'vitest';

import { eventTypes, specOf } from '../../../machines/events/catalogue.ts';
import { type Component, components } from '../../../machines/events/define.ts';
import { deriveRoutingTable } from '../../../src/system/routing-table.ts';
import { wiring } from '../../../src/system/wiring.ts';

const table = deriveRoutingTable(wiring);
const isComponent = (party: string): party is Component => (components as readonly string[]).includes(party);

describe('the routing table, derived from the machines', () => {
  it.each(eventTypes)('agrees with the catalogue on who listens to %s', (type) => {
    const { owners, listeners } = specOf(type);
    const { listeners: hearing = [], bears = [] } = table.get(type) ?? {};
    const derived = [...new Set([...hearing, ...bears])].filter((component) => !owners.includes(component) || listeners.includes(component));
    expect([...derived].sort()).toEqual(listeners.filter(isComponent).sort());
  });

  it('has a chart for every component, and no component without one', () => {
    expect(Object.keys(wiring).sort()).toEqual([...components].sort());
  });

  it('refuses a machine that listens to what the catalogue does not have', () => {
    const machine = Object.assign(Object.create(wiring.engine.machine) as typeof wiring.engine.machine, { events: ['no:such'] });
    const stray = { ...wiring, engine: { machine } };
    expect(() => deriveRoutingTable(stray)).toThrow("'no:such', which is not in the catalogue");
  });
});
