/** Files with what is nobody else's: tokens and keys. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

import { decodeUtf8 } from './encoding.ts';
import { errorOf, GleitzeitError } from './errors.ts';
import { readField } from './thrown.ts';

/** What of a mode lets others read or write. */
const others = 0o077;

/** The mode of a file that others than its owner may use; nothing for one that is private. Modes mean nothing on Windows. */
export function sharedMode(mode: number): string | undefined {
  return process.platform === 'win32' || (mode & others) === 0 ? undefined : (mode & 0o777).toString(8).padStart(4, '0');
}

/**
 * The text of a file that only its owner may use, without white space around it.
 * @param what - What it holds, and who names it, for people.
 * @throws GleitzeitError CONFIGURATION_ERROR for a file that cannot be read, is empty or not UTF-8, or that others may use
 */
export function readPrivate(path: string, what: string): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const mode = sharedMode(fstatSync(fd).mode);
      if (mode !== undefined)
        throw errorOf('CONFIGURATION_ERROR', `${what}, ${path}, must be its owner's alone, and has mode ${mode}: run \`chmod 600 ${path}\`.`);
      const decoded = decodeUtf8(readFileSync(fd));
      // With its bytes replaced it would be another token or key.
      if ('problem' in decoded) throw errorOf('CONFIGURATION_ERROR', `${what}, ${path}, ${decoded.problem}. Save it as UTF-8.`);
      const text = decoded.text.trim();
      if (text === '') throw errorOf('CONFIGURATION_ERROR', `${what}, ${path}, is empty.`);
      return text;
    } finally {
      closeSync(fd);
    }
  } catch (thrown) {
    if (thrown instanceof GleitzeitError) throw thrown;
    throw errorOf('CONFIGURATION_ERROR', `${what}, ${path}, cannot be read (${String(readField(thrown, 'code') ?? 'unknown')}).`);
  }
}
