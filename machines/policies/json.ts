/** Ways through JSON values. */

/** The keys and positions that lead from a value to a part of it. */
export type JsonPath = readonly (string | number)[];

/** Writes a path as a person would: `a.b[0]["c d"]`. */
export function showPath(path: JsonPath): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[^\s.[\]"'$]+$/.test(key) && key.isWellFormed()) text += text === '' ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** Sets a field in a copy of `source`, made now unless there is one already; `__proto__` is a field like any other. */
export function copyWith(copy: object | undefined, source: object, [key, value]: readonly [key: string, value: unknown]): object {
  const target = copy ?? (Array.isArray(source) ? [...source] : { ...source });
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  return target;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
