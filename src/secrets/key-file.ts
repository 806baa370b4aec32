/**
 * The file of a key, beside the journal whose secrets it opens: readable by its owner alone, made whole or not at all, and durable
 * before anything is sealed with what it holds.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

import { errorOf, type GleitzeitError } from '../errors.ts';
import { readField } from '../thrown.ts';

const keyBytes = 32;
const ownerOnly = 0o600;

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
    makeFile(path, text);
  } catch (thrown) {
    throw faultOf('PERSISTENCE_WRITE_FAILED', `The key file ${path} cannot be made`, thrown);
  }
  return text;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if (readField(thrown, 'code') === 'ENOENT') return undefined;
    throw faultOf('PERSISTENCE_READ_FAILED', `The key file ${path} cannot be read`, thrown);
  }
}

function makeFile(path: string, text: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = openSync(draft, 'wx', ownerOnly);
    try {
      writeSync(file, `${text}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
    syncFolder(dirname(path));
  } finally {
    rmSync(draft, { force: true });
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function faultOf(code: 'PERSISTENCE_READ_FAILED' | 'PERSISTENCE_WRITE_FAILED', what: string, thrown: unknown): GleitzeitError {
  return errorOf(code, `${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { retryable: false });
}
