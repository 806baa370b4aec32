/** Finds out how deep YAML text goes before the parser, which recurses, goes there. */
import type { CST } from 'yaml';

/** Where a list or map stands inside more than a number of others; undefined where none does. Iterative: depth is what this is about. */
export function offsetTooDeep(tokens: readonly CST.Token[], maxDepth: number): number | undefined {
  const open = tokens.map((token) => ({ token: token as CST.Token | null | undefined, depth: 0 }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (!token) continue;
    if (token.type === 'document') open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    if (depth >= maxDepth) return token.offset;
    for (const item of token.items) open.push({ token: item.key, depth: depth + 1 }, { token: item.value, depth: depth + 1 });
  }
  return undefined;
}
