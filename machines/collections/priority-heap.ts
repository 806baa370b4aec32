/**
 * A persistent priority heap: every operation returns a new heap and leaves the old one as it was.
 *
 * A Braun tree (R. Hoogerwoord, "A logarithmic implementation of flexible arrays", 1992): of every node the left side holds
 * as many items as the right one, or one more. So its depth is the logarithm of its size whatever the order of the items,
 * no recursion here can grow deep, and a heap of any size survives JSON. It is plain data: the order is an argument of each
 * operation, never part of the heap, and must be the same for all operations on one heap.
 */

export interface HeapNode<Item> {
  readonly item: Item;
  readonly left: HeapNode<Item> | null;
  readonly right: HeapNode<Item> | null;
}

export interface PriorityHeap<Item> {
  readonly size: number;
  readonly root: HeapNode<Item> | null;
}

/** Whether the first item comes out before the second; a strict order. */
export type Before<Item> = (a: Item, b: Item) => boolean;

const empty: PriorityHeap<never> = { size: 0, root: null };

export function emptyHeap<Item>(): PriorityHeap<Item> {
  return empty;
}

/** The first item, or undefined. */
export function peek<Item>(heap: PriorityHeap<Item>): Item | undefined {
  return heap.root?.item;
}

/** Adds an item, in O(log n). */
export function push<Item>(heap: PriorityHeap<Item>, item: Item, before: Before<Item>): PriorityHeap<Item> {
  return { size: heap.size + 1, root: inserted(heap.root, item, before) };
}

/** Takes the first item out, in O(log n); an empty heap stays empty. */
export function pop<Item>(heap: PriorityHeap<Item>, before: Before<Item>): PriorityHeap<Item> {
  const { root, size } = heap;
  if (root === null || root.left === null) return empty;
  const last = leftmost(root.left);
  return { size: size - 1, root: settled({ item: last, left: root.right, right: withoutLeftmost(root.left) }, before) };
}

/** A heap of all these items, in O(n log n), and in less where they are in order already. */
export function heapOf<Item>(items: Iterable<Item>, before: Before<Item>): PriorityHeap<Item> {
  const sorted = [...items].sort((a, b) => (before(a, b) ? -1 : before(b, a) ? 1 : 0));
  return { size: sorted.length, root: built(sorted, { start: 0, step: 1 }) };
}

function inserted<Item>(node: HeapNode<Item> | null, item: Item, before: Before<Item>): HeapNode<Item> {
  if (node === null) return { item, left: null, right: null };
  // The sides change places, which keeps the left one the larger.
  return before(item, node.item)
    ? { item, left: inserted(node.right, node.item, before), right: node.left }
    : { item: node.item, left: inserted(node.right, item, before), right: node.left };
}

function leftmost<Item>(node: HeapNode<Item>): Item {
  let at = node;
  while (at.left !== null) at = at.left;
  return at.item;
}

function withoutLeftmost<Item>(node: HeapNode<Item>): HeapNode<Item> | null {
  if (node.left === null) return null;
  return { item: node.item, left: node.right, right: withoutLeftmost(node.left) };
}

function settled<Item>(node: HeapNode<Item>, before: Before<Item>): HeapNode<Item> {
  const { item, left, right } = node;
  if (left === null) return node;
  if (right !== null && before(right.item, left.item)) {
    return before(right.item, item) ? { item: right.item, left, right: settled({ ...right, item }, before) } : node;
  }
  return before(left.item, item) ? { item: left.item, left: settled({ ...left, item }, before), right } : node;
}

/** Of the sorted items from `start` on, every `step`-th: the left side takes the next, the right side the one after, and so on. */
function built<Item>(sorted: readonly Item[], { start, step }: { readonly start: number; readonly step: number }): HeapNode<Item> | null {
  if (start >= sorted.length) return null;
  return {
    // Within bounds by the line above; the element type may itself include undefined.
    item: sorted[start] as Item,
    left: built(sorted, { start: start + step, step: step * 2 }),
    right: built(sorted, { start: start + 2 * step, step: step * 2 }),
  };
}
