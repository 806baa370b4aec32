/**
 * Where the engine that owns a journal listens: a Unix domain socket, or a named pipe, whose name follows from the journal's path.
 *
 * The socket lies in a folder for temporary files that only its user may enter: the path of a journal may be longer than that of
 * a socket may be, and its folder on a file system without sockets.
 */
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

import { errorOf } from '../errors.ts';
import { truePath } from '../journal/sqlite/connection.ts';

/** What the shortest of the systems we know allows, with its closing zero. */
const longestSocketPath = 103;

/** The same for every path of the same file. */
export function controlAddress(journalPath: string): string {
  const name = createHash('sha256').update(truePath(journalPath)).digest('hex').slice(0, 24);
  if (process.platform === 'win32') return `\\\\.\\pipe\\gleitzeit-${userInfo().username}-${name}`;
  return join(socketFolder(), `${name}.sock`);
}

function socketFolder(): string {
  const own = `gleitzeit-${process.getuid?.() ?? 0}`;
  const folder = join(tmpdir(), own);
  return folder.length + 1 + 24 + 5 <= longestSocketPath ? folder : join('/tmp', own);
}

/** Makes the folder of the sockets where it is missing. @throws GleitzeitError AUTHORIZATION_FAILED as {@link isSafe} does */
export function makeSocketFolder(): void {
  if (process.platform === 'win32') return;
  const made = mkdirSync(socketFolder(), { recursive: true, mode: 0o700 });
  // A umask may have taken even these rights away.
  if (made !== undefined) chmodSync(socketFolder(), 0o700);
  isSafe();
}

/**
 * Whether the folder of the sockets is there, and nobody else's: in a folder that all may write, anybody may make one first.
 * @throws GleitzeitError AUTHORIZATION_FAILED
 */
export function isSafe(): boolean {
  if (process.platform === 'win32') return true;
  const folder = socketFolder();
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return false;
  const isOwn = found.isDirectory() && found.uid === process.getuid?.();
  if (isOwn && (found.mode & 0o077) === 0) return true;
  throw errorOf('AUTHORIZATION_FAILED', `${folder} must be a folder of yours that nobody else may enter (mode 0700): engines are spoken to in it.`);
}
