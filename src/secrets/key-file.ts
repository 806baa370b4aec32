/**
 * The file of a key, beside the journal whose secrets it opens: readable by its owner alone, made whole or not at all, and durable
 * before anything is sealed with what it holds.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

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

/** The files of keys there are, given the name of the first: that one, and those beside it, which are named for the ids of their keys. */
export function keyFilesOf(first: string): readonly string[] {
  const [folder, name] = [dirname(first), basename(first)];
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names
    .filter((each) => each === name || (each.startsWith(`${name}-`) && /^[0-9a-f]{8}$/.test(each.slice(name.length + 1))))
    .sort()
    .map((each) => join(folder, each));
}

/**
 * Makes a key and its file. Only the one engine that owns the journal does that.
 * @param pathOf - Where it goes, given the key.
 * @throws GleitzeitError PERSISTENCE_WRITE_FAILED
 */
export function makeKeyFile(pathOf: (text: string) => string): string {
  const text = randomBytes(keyBytes).toString('base64url');
  const path = pathOf(text);
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
