/** The table that is made of a chart: in every step what XState does, and no table of what it could not follow. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  and,
  assign,
  createMachine,
  emit,
  enqueueActions,
  initialTransition,
  setup,
  transition,
} from 'xstate';

import type { GleitzeitDraft, GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { chartOf } from '../../../src/system/chart.ts';

/** Types of these machines are none of the catalogue's: a chart does not look at what they mean. */
const sent = (type: string, by = 1): GleitzeitEvent => ({ type, data: { by } }) as unknown as GleitzeitEvent;

const byOf = (event: unknown): number => (event as { readonly data: { readonly by: number } }).data.by;
const built = setup({
  types: {
    context: {} as { count: number; last: string },
    input: {} as { from: number },
    emitted: {} as { readonly type: string; readonly count: number },
  },
  guards: {
    isOdd: ({ context }) => context.count % 2 === 1,
    isLarge: ({ event }) => byOf(event) > 2,
    isHigh: ({ context }) => context.count > 6,
  },
  actions: {
    add: assign(({ context, event }) => ({ count: context.count + byOf(event) })),
    swap: assign({ count: ({ context }) => context.last.length, last: ({ context }) => `${context.last}${context.count}`.slice(-4) }),
    stay: assign(({ context }) => context),
    stateCount: emit(({ context }) => ({ type: 'counted', count: context.count })),
    sayAll: enqueueActions(({ context, enqueue }) => {
      enqueue.emit({ type: 'before', count: context.count });
      enqueue.assign({ count: context.count + 10 });
      enqueue.emit(({ context: after }) => ({ type: 'after', count: after.count }));
    }),
  },
});

const nested = built.createMachine({
  context: ({ input }) => ({ count: input.from, last: '' }),
  initial: 'low',
  on: { a: { actions: ['add', 'stateCount'] }, d: { target: '.low.first' }, e: {} },
  states: {
    low: {
      initial: 'first',
      on: { b: [{ guard: 'isOdd', target: 'high' }, { actions: 'stay' }], c: { actions: 'sayAll' }, d: { guard: 'isLarge', target: 'low' } },
      states: {
        first: { on: { a: [{ guard: 'isLarge', target: 'second', actions: ['stateCount', 'add'] }, { guard: 'isOdd' }] } },
        second: { tags: 'ended', on: { a: { target: 'first', actions: 'swap' }, b: {}, c: { target: '#gone' } } },
      },
    },
    high: { on: { a: { actions: 'swap' }, b: { target: 'low.second' }, e: { guard: 'isHigh', target: 'gone' } } },
    gone: { id: 'gone', type: 'final' },
  },
});

const regions = built.createMachine({
  context: ({ input }) => ({ count: input.from, last: '' }),
  type: 'parallel',
  on: { e: { actions: 'sayAll' }, a: { actions: 'swap' } },
  states: {
    left: {
      initial: 'off',
      on: { c: { actions: 'add' } },
      states: {
        off: { on: { a: { guard: 'isLarge', target: 'on', actions: 'add' }, b: { target: 'on' } } },
        on: { on: { a: { target: 'off', actions: 'stateCount' }, c: { actions: 'stateCount' } } },
      },
    },
    right: {
      initial: 'off',
      states: {
        off: { on: { b: { target: 'on', actions: ['add', 'stateCount'] }, c: {} } },
        on: { on: { b: [{ guard: 'isOdd', target: 'off' }, { actions: 'sayAll' }], d: { target: 'off' } } },
      },
    },
    deaf: { on: { a: {} } },
  },
});

interface Seen {
  readonly status: unknown;
  readonly value: unknown;
  readonly tags: ReadonlySet<string>;
  readonly context: unknown;
  readonly stated: readonly unknown[];
}

/** What XState comes to, event by event. */
function* interpreted(machine: AnyStateMachine, input: unknown, events: readonly GleitzeitEvent[]): Generator<Seen> {
  let [snapshot] = initialTransition(machine, input as never) as unknown as [AnyMachineSnapshot, unknown];
  for (const event of events) {
    const [next, actions] = transition(machine, snapshot as never, event as never) as unknown as [
      AnyMachineSnapshot,
      readonly { readonly type: string; readonly params: { readonly event: unknown } }[],
    ];
    snapshot = next;
    const { status, value, tags, context } = next;
    yield { status, value, tags, context, stated: actions.filter(({ type }) => type === 'xstate.emit').map(({ params }) => params.event) };
  }
}

function* tabled(machine: AnyStateMachine, input: unknown, events: readonly GleitzeitEvent[]): Generator<Seen> {
  const chart = chartOf(machine);
  let now = chart.start(input);
  for (const event of events) {
    const stated: GleitzeitDraft[] = [];
    now = chart.step(now, event, { stated, silent: false });
    const { status, value, tags } = now.place.snapshot;
    yield { status, value, tags, context: now.context, stated };
  }
}

describe('the table of a chart', () => {
  it.each([
    ['states within states', nested],
    ['regions', regions],
  ])('does in every step what XState does: %s', (_, machine) => {
    const event = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'none'), fc.integer({ min: 0, max: 4 })).map(([type, by]) => sent(type, by));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.array(event, { maxLength: 30 }), (from, events) => {
        expect([...tabled(machine, { from }, events)]).toEqual([...interpreted(machine, { from }, events)]);
      }),
      { numRuns: 300 },
    );
  });

  it('comes to the same place without what only states something', () => {
    const chart = chartOf(nested);
    const events = ['a', 'b', 'a', 'c', 'b', 'a'].map((type) => sent(type, 3));
    let [loud, silent] = [chart.start({ from: 0 }), chart.start({ from: 0 })];
    for (const event of events.filter(({ type }) => (type as string) !== 'c')) {
      loud = chart.step(loud, event, { stated: [], silent: false });
      const stated: GleitzeitDraft[] = [];
      silent = chart.step(silent, event, { stated, silent: true });
      expect(stated).toEqual([]);
      expect([silent.place, silent.context]).toEqual([loud.place, loud.context]);
    }
  });

  it('folds what an action assigns, whatever its name, and refuses a statement that assigns', () => {
    const machine = setup({
      types: { context: {} as { count: number } },
      actions: { stateOne: assign({ count: 1 }), stateMore: enqueueActions(({ enqueue }) => enqueue.assign({ count: 2 })) },
    }).createMachine({ context: { count: 0 }, on: { a: { actions: 'stateOne' }, b: { actions: 'stateMore' } } });
    const chart = chartOf(machine);
    expect(chart.step(chart.start({}), sent('a'), { stated: [], silent: true }).context).toEqual({ count: 1 });
    expect(() => chart.step(chart.start({}), sent('b'), { stated: [], silent: false })).toThrow('only states facts');
  });

  it('throws what a guard, an action or a context throws', () => {
    const fails = (): never => {
      throw new Error('no');
    };
    const machine = createMachine({ context: {}, on: { a: { guard: fails }, b: { actions: assign(fails) }, c: { actions: emit(fails) } } });
    const chart = chartOf(machine);
    for (const type of ['a', 'b', 'c']) expect(() => chart.step(chart.start({}), sent(type), { stated: [], silent: false })).toThrow('no');
    const moody = chartOf(createMachine({ context: ({ input }: { readonly input: unknown }) => (input === 'bad' ? fails() : {}) }));
    expect(() => moody.start('bad')).toThrow('no');
    moody.start('good');
    expect(() => moody.start('bad')).toThrow('no');
  });

  it.each<[string, Parameters<typeof createMachine>[0]]>([
    ['actions on entry or exit', { entry: emit({ type: 'x' }) }],
    ['actions on entry or exit', { initial: 'a', states: { a: { exit: emit({ type: 'x' }) } } }],
    ['actions on its initial transition', { initial: { target: 'a', actions: emit({ type: 'x' }) }, states: { a: {} } } as never],
    ['transitions without an event', { initial: 'a', states: { a: { always: { target: 'b' } }, b: {} } }],
    ['an invocation, a delay or a reaction', { initial: 'a', states: { a: { initial: 'b', onDone: 'c', states: { b: {} } }, c: {} } }],
    ['a history', { initial: 'a', states: { a: {}, was: { type: 'history' } } }],
    ['regions below the top', { initial: 'a', states: { a: { type: 'parallel', states: { b: {}, c: {} } } } }],
    ['a final state below the top', { initial: 'a', states: { a: { initial: 'b', states: { b: { type: 'final' } } } } }],
    ['a wildcard', { on: { '*': {} } }],
    ['a transition that enters its state again', { initial: 'a', states: { a: { on: { x: { target: 'a', reenter: true } } } } }],
    ['a guard that is no plain function', { on: { x: { guard: and([() => true]) } } }],
    ['an action that is neither', { on: { x: { actions: () => undefined } } }],
    ['a transition that leaves its region', { type: 'parallel', states: { a: { on: { x: { target: '#b' } } }, b: { id: 'b' } } }],
    ['an output', { output: 1 }],
  ])('is not made where a chart has %s', (what, config) => {
    expect(() => chartOf(createMachine({ id: 'odd', ...config } as never))).toThrow(`The chart 'odd' has ${what}`);
  });
});
