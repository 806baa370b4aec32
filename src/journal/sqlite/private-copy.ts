/** A copy of a journal's files that is there for one reader, in a folder for temporary files that only its user may enter. */
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { errorOf } from '../../errors.ts';
import { hasLog, logPath } from './beside.ts';

const tries = 5;

/**
 * Opens a copy of the file and of its log, and takes the names of the copy away again: what is open stays readable, and nothing is left
 * behind, however the process ends.
 * @throws GleitzeitError PERSISTENCE_READ_FAILED for a journal that is written all the while; what the file system says
 */
export function withPrivateCopy<Opened>(path: string, open: (copy: string) => Opened): Opened {
  const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-read-'));
  try {
    const copy = join(folder, 'journal');
    for (let left = tries; left > 0; left--) {
      const before = stateOf(path);
      copyFileSync(path, copy);
      rmSync(logPath(copy), { force: true });
      if (hasLog(path)) copyFileSync(logPath(path), logPath(copy));
      // A copy that somebody wrote meanwhile is of no one moment.
      if (stateOf(path) === before) return open(copy);
    }
    const text = `The journal ${path} lies where this user may not write, and is written all the while: read a backup (\`gleitzeit store backup\`).`;
    throw errorOf('PERSISTENCE_READ_FAILED', text, { retryable: true, details: { reason: 'locked', path } });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function stateOf(path: string): string {
  return [path, logPath(path)]
    .map((each) => {
      const file = statSync(each, { throwIfNoEntry: false });
      return `${file?.ino} ${file?.size} ${file?.mtimeMs}`;
    })
    .join(', ');
}
