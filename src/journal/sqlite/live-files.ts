/** The files that a connection has open, and whether they are still those that stand under their names. */
import { type Stats, statSync } from 'node:fs';

import { logIndexPath, logPath } from './beside.ts';

interface Known {
  readonly path: string;
  readonly file: Pick<Stats, 'dev' | 'ino'> | undefined;
}

/** A look costs a few microseconds, so that each commit can afford one before it and one after it. */
export class LiveFiles {
  private readonly known: readonly Known[];

  /** @param path - Of a journal that was read already: its log is there. */
  constructor(path: string) {
    this.known = [path, logPath(path), logIndexPath(path)].map((each) => ({ path: each, file: fileAt(each) }));
  }

  /** The first of them that was removed or replaced. */
  missing(): string | undefined {
    return this.known.find(({ path, file }) => {
      const found = fileAt(path);
      return found?.ino !== file?.ino || found?.dev !== file?.dev;
    })?.path;
  }
}

function fileAt(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
