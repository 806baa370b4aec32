/**
 * Goes through a JSON value, and replaces what is in it: the leaves and the names of fields, each told whether it is secret, and
 * secret lists and maps as a whole.
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
  /** What stands in the place of a secret list or map; undefined where its parts are replaced one by one. @defaultValue undefined */
  readonly whole?: ((value: object, path: JsonPath) => unknown) | undefined;
  /** What stands in the place of a name, told whether it stands in a secret map, and where. @defaultValue itself */
  readonly name?: ((name: string, isSecret: boolean, path: JsonPath) => string) | undefined;
}

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
    const whole = isSecret ? this.by.whole?.(value, this.path) : undefined;
    if (whole !== undefined) return whole;
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
    const names: string[] = [];
    for (const name of Object.keys(map)) {
      this.path.push(name);
      const replaced = this.rewrite(map[name], isSecret, isSecretName?.(name));
      const renamed = rename?.(name, isSecret, this.path) ?? name;
      this.path.pop();
      if (replaced !== map[name]) copy = copyWith(copy, map, [name, replaced]);
      isRenamed ||= renamed !== name;
      names.push(renamed);
    }
    const values = copy ?? map;
    // fromEntries defines its fields, `__proto__` too.
    return isRenamed ? Object.fromEntries(Object.values(values).map((value: unknown, at) => [names[at], value])) : values;
  }
}
