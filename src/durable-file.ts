/** Files that outlive a power cut, and that nobody but their owner reads: whatever the process's umask is. */
import { chmodSync, chownSync, closeSync, copyFileSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const ownerOnly = 0o600;

/**
 * Makes an empty file that its owner alone may read and write, from its first moment on.
 * @throws what the file system says, EEXIST too
 */
export function makePrivate(path: string, text = ''): void {
  const fd = openSync(path, 'wx', ownerOnly);
  try {
    // A umask may have taken even these away.
    fchmodSync(fd, ownerOnly);
    if (text !== '') writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes a private file with a text under its name in one step: whole and durable, or not at all. */
export function writePrivate(path: string, text: string, draft: string): void {
  try {
    makePrivate(draft, text);
    renameSync(draft, path);
    syncFolderOf(path);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Gives a file the mode of another and its owner, where the process may: whoever may use the one may use the other. */
export function takeAccessOf(path: string, model: string): void {
  const user = process.geteuid?.();
  const [own, other] = [statSync(path), statSync(model)];
  const mode = other.mode & 0o666;
  if ((user === 0 || user === own.uid) && (own.mode & 0o777) !== mode) chmodSync(path, mode);
  if (user === 0 && (own.uid !== other.uid || own.gid !== other.gid)) chownSync(path, other.uid, other.gid);
}

/** Copies a file, durable but for its name; see {@link syncFolderOf}. */
export function copySynced(from: string, to: string): void {
  copyFileSync(from, to);
  syncFile(to);
}

export function syncFile(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes durable what was made, renamed or removed in the folder of a path. */
export function syncFolderOf(path: string): void {
  const fd = openSync(dirname(path), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
