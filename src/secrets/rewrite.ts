/**
 * Goes through a JSON value, and replaces what is in it: the leaves, each told whether it is secret, and the names of fields.
 *
 * What nothing was replaced in is given back itself, not copied. The depth is that of the value, which its edge has bounded.
 */
import { copyWith, type JsonPath } from '../../machines/policies/json.ts';

export type Leaf = string | number | boolean | null | undefined;

export interface Rewriting {
  /** Whether what stands under this name is secret. @defaultValue no name is */
  readonly isSecretName?: ((name: string) => boolean) | undefined;
  /** Whether what stands here is secret, whatever its name. @defaultValue nothing is */
  readonly isSecretPlace?: ((path: JsonPath, value: unknown) => boolean) | undefined;
  /** What stands in the place of a leaf. */
  readonly leaf: (value: Leaf, isSecret: boolean) => unknown;
  /** What stands in the place of a list or map that is secret as a whole and has many leaves; their number bounds the work. */
  readonly many?: ((value: object) => unknown) | undefined;
  /** What stands in the place of a name. @defaultValue itself */
  readonly name?: ((name: string) => string) | undefined;
}

/** Leaves of a secret from which on they are many. */
const manyLeaves = 1_000;

/** @param path - Where the value stands. */
export function rewrite(value: unknown, path: JsonPath, by: Rewriting): unknown {
  return new Rewriter(path, by).rewrite(value, false);
}

class Rewriter {
  private readonly by: Rewriting;
  private readonly path: (string | number)[];

  constructor(path: JsonPath, by: Rewriting) {
    this.path = [...path];
    this.by = by;
  }

  /**
   * @param inherited - Whether what it stands in is secret.
   * @param isNamed - Whether its name is.
   */
  rewrite(value: unknown, inherited: boolean, isNamed = false): unknown {
    const isSecret = inherited || isNamed || this.by.isSecretPlace?.(this.path, value) === true;
    // JSON has nothing else than leaves, lists and maps.
    if (typeof value !== 'object' || value === null) return this.by.leaf(value as Leaf, isSecret);
    if (isSecret && !inherited && this.by.many !== undefined && leavesOf(value) > manyLeaves) return this.by.many(value);
    return Array.isArray(value) ? this.list(value, isSecret) : this.map(value as Readonly<Record<string, unknown>>, isSecret);
  }

  private list(list: readonly unknown[], isSecret: boolean): unknown {
    let copy: unknown[] | undefined;
    for (let i = 0; i < list.length; i++) {
      this.path.push(i);
      const replaced = this.rewrite(list[i], isSecret);
      this.path.pop();
      if (replaced === list[i]) continue;
      copy ??= [...list];
      copy[i] = replaced;
    }
    return copy ?? list;
  }

  private map(map: Readonly<Record<string, unknown>>, isSecret: boolean): unknown {
    const { isSecretName, name: rename } = this.by;
    let copy: object | undefined;
    let isRenamed = false;
    for (const name of Object.keys(map)) {
      this.path.push(name);
      const replaced = this.rewrite(map[name], isSecret, isSecretName?.(name));
      this.path.pop();
      if (replaced !== map[name]) copy = copyWith(copy, map, [name, replaced]);
      isRenamed ||= rename !== undefined && rename(name) !== name;
    }
    return isRenamed && rename !== undefined ? renamed(copy ?? map, rename) : (copy ?? map);
  }
}

/** Counted no further than needed. */
function leavesOf(value: unknown, most = manyLeaves): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 0;
  for (const part of Object.values(value)) {
    count += leavesOf(part, most - count);
    if (count > most) break;
  }
  return count;
}

function renamed(map: object, rename: (name: string) => string): object {
  // fromEntries defines its fields, `__proto__` too.
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [rename(name), value]));
}
