/**
 * A persistent agenda: entries by id, each with the time it is due, and the earliest of them at hand.
 *
 * An entry that is replaced or taken out stays in the heap until it surfaces there; when such remains outnumber what is
 * alive, the heap is made anew. So an operation is O(log n) on average, and memory follows what is alive.
 */
import { Map as ImmutableMap } from 'immutable';

import { emptyHeap, heapOf, type PriorityHeap, peek, pop, push } from './priority-heap.ts';

export interface AgendaEntry {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly dueAt: number;
}

interface Slot<Entry> {
  readonly entry: Entry;
  /** Counts what was ever put: which of two came first, and whether a slot of the heap is still the one of its id. */
  readonly order: number;
}

export interface Agenda<Entry extends AgendaEntry> {
  readonly slots: ImmutableMap<string, Slot<Entry>>;
  readonly heap: PriorityHeap<Slot<Entry>>;
  readonly nextOrder: number;
}

/** Remains that are not worth the making of a new heap. */
const fewRemains = 32;

const isBefore = (a: Slot<AgendaEntry>, b: Slot<AgendaEntry>): boolean =>
  a.entry.dueAt < b.entry.dueAt || (a.entry.dueAt === b.entry.dueAt && a.order < b.order);

export function emptyAgenda<Entry extends AgendaEntry>(): Agenda<Entry> {
  return { slots: ImmutableMap(), heap: emptyHeap(), nextOrder: 0 };
}

/** The entry of an id, or undefined. */
export function entryOf<Entry extends AgendaEntry>(agenda: Agenda<Entry>, id: string): Entry | undefined {
  return agenda.slots.get(id)?.entry;
}

/** Adds an entry, in place of the one with its id. */
export function put<Entry extends AgendaEntry>(agenda: Agenda<Entry>, entry: Entry): Agenda<Entry> {
  const slot = { entry, order: agenda.nextOrder };
  const slots = agenda.slots.set(entry.id, slot);
  return { slots, heap: trimmed(push(agenda.heap, slot, isBefore), slots), nextOrder: agenda.nextOrder + 1 };
}

/** Takes an entry out; one that is not there leaves the agenda as it is. */
export function strike<Entry extends AgendaEntry>(agenda: Agenda<Entry>, id: string): Agenda<Entry> {
  const slots = agenda.slots.delete(id);
  return slots === agenda.slots ? agenda : { slots, heap: trimmed(agenda.heap, slots), nextOrder: agenda.nextOrder };
}

/** The earliest time at which an entry is due, or null. */
export function earliestOf<Entry extends AgendaEntry>(agenda: Agenda<Entry>): number | null {
  return peek(surfaced(agenda).heap)?.entry.dueAt ?? null;
}

/** Takes out the entries that are due at a time: in order of when they were due, then of when they were put. */
export function takeDue<Entry extends AgendaEntry>(
  agenda: Agenda<Entry>,
  time: number,
): { readonly due: readonly Entry[]; readonly rest: Agenda<Entry> } {
  const due: Entry[] = [];
  let rest = surfaced(agenda);
  for (let first = peek(rest.heap); first !== undefined && first.entry.dueAt <= time; first = peek(rest.heap)) {
    due.push(first.entry);
    rest = surfaced({ ...rest, slots: rest.slots.delete(first.entry.id), heap: pop(rest.heap, isBefore) });
  }
  return { due, rest };
}

/** The same agenda with an entry on top of its heap that is alive. */
function surfaced<Entry extends AgendaEntry>(agenda: Agenda<Entry>): Agenda<Entry> {
  let { heap } = agenda;
  for (let first = peek(heap); first !== undefined && agenda.slots.get(first.entry.id)?.order !== first.order; first = peek(heap)) {
    heap = pop(heap, isBefore);
  }
  return heap === agenda.heap ? agenda : { ...agenda, heap };
}

function trimmed<Entry extends AgendaEntry>(heap: PriorityHeap<Slot<Entry>>, slots: ImmutableMap<string, Slot<Entry>>): PriorityHeap<Slot<Entry>> {
  if (slots.size === 0) return emptyHeap();
  return heap.size - slots.size <= Math.max(slots.size, fewRemains) ? heap : heapOf(slots.values(), isBefore);
}
