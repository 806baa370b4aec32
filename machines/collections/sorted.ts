/**
 * A persistent map from numbers to values, kept in the order of the numbers: the first, the last, and any one can be
 * read, put and taken out in O(log n), and an older version stays valid.
 *
 * A weight-balanced tree (Adams; the factors 3 and 2 of Hirai and Yamamoto) of plain objects, so a context that holds
 * one is still plain JSON, and never deeper than a few times log n.
 */

interface Branch<Value> {
  readonly key: number;
  readonly value: Value;
  readonly size: number;
  readonly left: Sorted<Value>;
  readonly right: Sorted<Value>;
}

/** Null is the empty one. */
export type Sorted<Value> = Branch<Value> | null;

/** A subtree may weigh so many times its sibling. */
const widest = 3;
/** From this share on, the inner grandchild is what makes a subtree heavy. */
const inner = 2;

export function sizeOf(tree: Sorted<unknown>): number {
  return tree === null ? 0 : tree.size;
}

/** The value with the least key. */
export function firstOf<Value>(tree: Sorted<Value>): Value | undefined {
  let branch = tree;
  while (branch !== null && branch.left !== null) branch = branch.left;
  return branch?.value;
}

/** The value with the greatest key. */
export function lastOf<Value>(tree: Sorted<Value>): Value | undefined {
  let branch = tree;
  while (branch !== null && branch.right !== null) branch = branch.right;
  return branch?.value;
}

export function valueAt<Value>(tree: Sorted<Value>, key: number): Value | undefined {
  let branch = tree;
  while (branch !== null && branch.key !== key) branch = key < branch.key ? branch.left : branch.right;
  return branch?.value;
}

/** With the value at the key, in place of any that was there. */
export function withKey<Value>(tree: Sorted<Value>, key: number, value: Value): Branch<Value> {
  if (tree === null) return { key, value, size: 1, left: null, right: null };
  if (key === tree.key) return { ...tree, value };
  return key < tree.key ? balanced(tree, withKey(tree.left, key, value), tree.right) : balanced(tree, tree.left, withKey(tree.right, key, value));
}

/** Without the key; the same tree where the key is not in it. */
export function withoutKey<Value>(tree: Sorted<Value>, key: number): Sorted<Value> {
  if (tree === null) return null;
  if (key === tree.key) return joined(tree.left, tree.right);
  if (key < tree.key) {
    const left = withoutKey(tree.left, key);
    return left === tree.left ? tree : balanced(tree, left, tree.right);
  }
  const right = withoutKey(tree.right, key);
  return right === tree.right ? tree : balanced(tree, tree.left, right);
}

type Entry<Value> = Pick<Branch<Value>, 'key' | 'value'>;

function branchOf<Value>({ key, value }: Entry<Value>, left: Sorted<Value>, right: Sorted<Value>): Branch<Value> {
  return { key, value, size: sizeOf(left) + sizeOf(right) + 1, left, right };
}

function balanced<Value>(entry: Entry<Value>, left: Sorted<Value>, right: Sorted<Value>): Branch<Value> {
  if (sizeOf(left) + sizeOf(right) > 1) {
    if (right !== null && right.size > widest * sizeOf(left)) return liftedRight(entry, left, right);
    if (left !== null && left.size > widest * sizeOf(right)) return liftedLeft(entry, left, right);
  }
  return branchOf(entry, left, right);
}

function liftedRight<Value>(entry: Entry<Value>, left: Sorted<Value>, right: Branch<Value>): Branch<Value> {
  const middle = right.left;
  if (middle === null || middle.size < inner * sizeOf(right.right)) return branchOf(right, branchOf(entry, left, middle), right.right);
  return branchOf(middle, branchOf(entry, left, middle.left), branchOf(right, middle.right, right.right));
}

function liftedLeft<Value>(entry: Entry<Value>, left: Branch<Value>, right: Sorted<Value>): Branch<Value> {
  const middle = left.right;
  if (middle === null || middle.size < inner * sizeOf(left.left)) return branchOf(left, left.left, branchOf(entry, middle, right));
  return branchOf(middle, branchOf(left, left.left, middle.left), branchOf(entry, middle.right, right));
}

function joined<Value>(left: Sorted<Value>, right: Sorted<Value>): Sorted<Value> {
  if (left === null) return right;
  if (right === null) return left;
  const next = firstBranch(right);
  return balanced(next, left, withoutKey(right, next.key));
}

function firstBranch<Value>(tree: Branch<Value>): Branch<Value> {
  let branch = tree;
  while (branch.left !== null) branch = branch.left;
  return branch;
}
