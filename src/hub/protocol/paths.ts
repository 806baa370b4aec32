/** Paths of the engine's machine, which are nobody's business outside of it: of each only the last part is left. */
import { readdirSync } from 'node:fs';

/** From the root of a file system on, or of a drive; not within a word, a URL or another path. */
const absolute = /(?<![\w.~:/\\-])(?:(?:file:\/\/)?((?:\/[^\s'"`()<>|:,;/\\]+){2,})|[A-Za-z]:\\[^\s'"`()<>|:,;]+)/g;

let roots: ReadonlySet<string> | undefined;

/** A text without the ways to files; a path that begins with no folder of this machine, as that of a route, is none of them. */
export function withoutPaths(text: string): string {
  if (!text.includes('/') && !text.includes('\\')) return text;
  return text.replaceAll(absolute, (found: string, path: string | undefined) => {
    const parts = found.split(/[/\\]/);
    return path !== undefined && !rootFolders().has(path.split('/')[1] ?? '') ? found : `…/${parts.at(-1)}`;
  });
}

/** The same in every text of a JSON value. */
export function withoutPathsIn<Value>(value: Value): Value {
  // What has the same form with other texts is of the same type.
  return mapped(value) as Value;
}

function mapped(value: unknown): unknown {
  if (typeof value === 'string') return withoutPaths(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(mapped);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, mapped(field)]));
}

/** Read once: folders at the root are there for good. */
function rootFolders(): ReadonlySet<string> {
  if (roots === undefined) {
    try {
      roots = new Set(readdirSync('/'));
    } catch {
      roots = new Set();
    }
  }
  return roots;
}
