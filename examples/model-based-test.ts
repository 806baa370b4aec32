/**
 * A model-based test of a machine of one's own, by the tool that tests the machines of Gleitzeit: `explore` walks everything
 * the chart can do within a bound, and reports what a chart should not have. Here: an alert's escalation to people.
 */
import assert from 'node:assert/strict';
import { explore } from 'gleitzeit/testing';
import { assign, setup } from 'xstate';

type Event = { readonly type: 'page' } | { readonly type: 'answer' } | { readonly type: 'give up' };

const escalation = (mostPages: number) =>
  setup({
    types: { context: {} as { readonly pages: number }, events: {} as Event },
    guards: { hasPagedEnough: ({ context }) => context.pages >= mostPages },
    actions: { countPage: assign({ pages: ({ context }) => context.pages + 1 }) },
  }).createMachine({
    id: 'escalation',
    context: { pages: 0 },
    initial: 'quiet',
    states: {
      quiet: { on: { page: { target: 'paging', actions: 'countPage' }, answer: {}, 'give up': {} } },
      paging: {
        on: {
          page: [{ guard: 'hasPagedEnough', target: 'everybody' }, { actions: 'countPage' }],
          answer: { target: 'answered' },
          'give up': { target: 'answered' },
        },
      },
      everybody: { on: { page: {}, answer: { target: 'answered' } } },
      answered: { type: 'final' },
    },
  });

const walk = (mostPages: number) =>
  explore(escalation(mostPages), {
    // Whose facts move the machine: none of this system's, so that every event here counts as a foreign one.
    component: 'alerts',
    movedBy: ['page', 'answer', 'give up'],
    input: undefined,
    events: [{ type: 'page' }, { type: 'answer' }, { type: 'give up' }],
    // Every counter needs a bound here, or the walk does not end.
    distinguish: ({ context }) => Math.min(context.pages, 5),
  });

const found = walk(3);
console.log(`${found.states} states explored`);
assert.deepEqual(found.unvisited, []);
assert.deepEqual(found.untaken, []);
assert.deepEqual(found.errors, []);
// The walk shows what was forgotten: nobody said what giving up means while everybody is being paged.
assert.deepEqual(found.unhandled, ['"everybody": give up']);
console.log(`forgotten: ${found.unhandled.join()}`);

// And what can never happen: where no number of pages is ever enough, `everybody` is a dead state.
const dead = walk(Number.POSITIVE_INFINITY);
assert.deepEqual(dead.unvisited, ['escalation.everybody']);
console.log(`dead:      ${dead.unvisited.join()}`);
