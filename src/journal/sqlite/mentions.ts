/** Which workflows a line may be of, without parsing it: most lines of a frame are of others. */

const key = '"workflowId":';

/** The ids of some workflows as they stand in a line of JSON. */
export interface Mentions {
  readonly written: ReadonlySet<string>;
  readonly longest: number;
}

export function mentionsOf(workflowIds: Iterable<string>): Mentions {
  const written = new Set([...workflowIds].map((id) => JSON.stringify(id)));
  let longest = 0;
  for (const { length } of written) longest = Math.max(longest, length);
  return { written, longest };
}

/**
 * Whether a line names one of them somewhere. One pass over the line by hand: a value may hold millions of characters, at which
 * the stack of a regular expression with a group that repeats overflows.
 */
export function mentionsOne(line: string, { written, longest }: Mentions): boolean {
  for (let at = line.indexOf(key); at !== -1; at = line.indexOf(key, at)) {
    at += key.length;
    const end = endOfText(line, at, at + longest);
    if (end !== undefined && written.has(line.slice(at, end))) return true;
  }
  return false;
}

/** Where the text that begins at a place ends, if it does before another. */
function endOfText(line: string, from: number, limit: number): number | undefined {
  if (line[from] !== '"') return undefined;
  for (let at = from + 1; at < limit; at++) {
    if (line[at] === '\\') at++;
    else if (line[at] === '"') return at + 1;
  }
  return undefined;
}
