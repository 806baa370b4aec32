/** What an actor does with an event: everything that XState does with it, and nothing where nothing comes of it. */
import { describe, expect, it } from 'vitest';
import { assign, createMachine, emit, setup } from 'xstate';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { type Actor, createStatechartActor } from '../../../src/system/actor.ts';

/** Types of these machines are none of the catalogue's: an actor does not look at what they mean. */
const sent = (type: string): GleitzeitEvent => ({ type, data: {} }) as unknown as GleitzeitEvent;
const actorOf = (machine: Parameters<typeof createStatechartActor>[1]): Actor => createStatechartActor({ component: 'system', key: '' }, machine, {});

const counting = createMachine({
  context: { count: 0 },
  initial: 'resting',
  on: { count: { actions: assign({ count: ({ context }) => context.count + 1 }) }, wake: {} },
  states: {
    resting: {
      on: { count: {}, wake: { target: 'awake' }, ask: [{ guard: ({ context }) => context.count > 0, actions: emit({ type: 'answer' }) }, {}] },
    },
    awake: { on: { rest: { target: 'resting' } } },
  },
});

const regions = createMachine({
  type: 'parallel',
  context: { count: 0 },
  states: {
    deaf: { on: { count: {} } },
    keen: { on: { count: { actions: assign({ count: ({ context }) => context.count + 1 }) } } },
  },
});

describe('an actor', () => {
  it('keeps its snapshot where its state lists a type only to ignore it', () => {
    const actor = actorOf(counting);
    const before = actor.getSnapshot();
    expect(actor.send(sent('count'))).toEqual([]);
    expect(actor.getSnapshot()).toBe(before);
  });

  it('hears in one state what it ignored in another', () => {
    const actor = actorOf(counting);
    for (const type of ['count', 'wake', 'count', 'wake', 'rest', 'count']) actor.send(sent(type));
    expect(actor.getSnapshot().context).toEqual({ count: 1 });
    expect(actor.getSnapshot().value).toBe('resting');
  });

  it('judges a guard each time, also after one that refused', () => {
    const actor = actorOf(counting);
    expect(actor.send(sent('ask'))).toEqual([]);
    for (const type of ['wake', 'count', 'rest']) actor.send(sent(type));
    expect(actor.send(sent('ask'))).toEqual([{ type: 'answer' }]);
  });

  it('folds what is long past as it would have been sent, and states nothing', () => {
    const machine = setup({
      actions: {
        count: assign({ count: ({ context }) => (context as { count: number }).count + 1 }),
        stateCount: emit(() => {
          said++;
          return { type: 'counted' };
        }),
      },
    }).createMachine({
      context: { count: 0 },
      initial: 'low',
      states: {
        low: { on: { count: { target: 'high', actions: ['count', 'stateCount'] } } },
        high: { on: { count: { actions: ['count', 'stateCount'] } } },
      },
    });
    let said = 0;
    const [folded, sentTo] = [actorOf(machine), actorOf(machine)];
    for (const actor of [folded, folded]) actor.fold(sent('count'));
    expect(said).toBe(0);
    for (const actor of [sentTo, sentTo]) actor.send(sent('count'));
    expect([folded.getSnapshot().value, folded.getSnapshot().context]).toEqual([sentTo.getSnapshot().value, sentTo.getSnapshot().context]);
    expect(folded.send(sent('count'))).toEqual([{ type: 'counted' }]);
  });

  it('lets one region hear what another ignores', () => {
    const actor = actorOf(regions);
    actor.send(sent('count'));
    expect(actor.getSnapshot().context).toEqual({ count: 1 });
  });

  it('handles what its state or one around it lists, and no more', () => {
    const actor = actorOf(counting);
    expect(['count', 'wake', 'ask', 'rest'].map((type) => actor.handles(type))).toEqual([true, true, true, false]);
  });
});
