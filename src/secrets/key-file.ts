/**
 * The file of a key, beside the journal whose secrets it opens: readable by its owner alone, made whole or not at all, and durable
 * before anything is sealed with what it holds.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

import { writePrivate } from '../durable-file.ts';
import { errorOf, GleitzeitError } from '../errors.ts';
import { sharedMode } from '../private-file.ts';
import { readField } from '../thrown.ts';

const keyBytes = 32;

/** The key in a file; nothing where there is no such file. @throws GleitzeitError PERSISTENCE_READ_FAILED, PERSISTENCE_INTEGRITY_ERROR */
export function readKeyFile(path: string): string | undefined {
  const text = readText(path)?.trim();
  if (text === undefined || Buffer.from(text, 'base64url').length === keyBytes) return text;
  throw errorOf('PERSISTENCE_INTEGRITY_ERROR', `The key file ${path} must hold ${keyBytes} bytes as base64url, and does not: put back a copy of it.`);
}

/**
 * The same; the file is made where there is none. Only the one engine that owns the journal does that.
 * @throws GleitzeitError PERSISTENCE_WRITE_FAILED too
 */
export function keyInFile(path: string): string {
  const found = readKeyFile(path);
  if (found !== undefined) return found;
  const text = randomBytes(keyBytes).toString('base64url');
  try {
    writePrivate(path, `${text}\n`, `${path}.${randomBytes(6).toString('hex')}`);
  } catch (thrown) {
    throw faultOf('PERSISTENCE_WRITE_FAILED', `The key file ${path} cannot be made`, thrown);
  }
  return text;
}

function readText(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      requirePrivate(path, fstatSync(fd).mode);
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (thrown) {
    if (thrown instanceof GleitzeitError) throw thrown;
    if (readField(thrown, 'code') === 'ENOENT') return undefined;
    throw faultOf('PERSISTENCE_READ_FAILED', `The key file ${path} cannot be read`, thrown);
  }
}

/** A key that others can read protects nothing from them. */
function requirePrivate(path: string, mode: number): void {
  const said = sharedMode(mode);
  if (said === undefined) return;
  const text = `The key file ${path} must be readable by its owner alone, and has mode ${said}: run \`chmod 600 ${path}\`. Whoever may have read it can open the secrets that were sealed with it: replace those secrets.`;
  throw errorOf('PERSISTENCE_READ_FAILED', text, { retryable: false, details: { reason: 'readable by others', path, mode: said } });
}

function faultOf(code: 'PERSISTENCE_READ_FAILED' | 'PERSISTENCE_WRITE_FAILED', what: string, thrown: unknown): GleitzeitError {
  return errorOf(code, `${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { retryable: false });
}
