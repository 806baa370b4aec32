/** Turns what was typed into values, and says what is wrong with it. */
import { access, constants, readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { longestMs } from '../../machines/policies/instants.ts';
import { decodeUtf8 } from '../encoding.ts';
import { unfitIn } from '../json-text.ts';
import { usageError } from './faults.ts';

/**
 * Reads `--input`: JSON, or `@` and the path of a JSON file (`@-`: stdin).
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export async function readInput(given: string | undefined): Promise<unknown> {
  if (given === undefined) return undefined;
  const text = given.startsWith('@') ? await readText(given.slice(1)) : given;
  const value = parse(text);
  const unfit = unfitIn(text);
  if (unfit === undefined) return value;
  throw usageError(`--input: ${unfit.place || 'it'} ${unfit.message}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw usageError(`--input has to be JSON, or @ and the path of a JSON file: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

async function readText(path: string): Promise<string> {
  if (path === '-') {
    const chunks: Buffer[] = [];
    // Without an encoding set, stdin gives buffers.
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return textOf(Buffer.concat(chunks), path);
  }
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw usageError(`--input refers to '${path}', which cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  });
  return textOf(bytes, path);
}

function textOf(bytes: Buffer, path: string): string {
  const decoded = decodeUtf8(bytes);
  if ('text' in decoded) return decoded.text;
  throw usageError(`--input refers to '${path}', which ${decoded.problem}. Save it as UTF-8.`);
}

/**
 * Makes sure that a result can be written to a path before anything is run for it.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export async function checkOutput(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw usageError(`--output has to be a file, and '${path}' is a folder.`);
  const target = there === undefined ? dirname(resolve(path)) : path;
  await access(target, constants.W_OK).catch(() => {
    throw usageError(`--output refers to '${path}', and '${target}' cannot be written to.`);
  });
}

/**
 * Reads a number of days as milliseconds.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export function readDays(given: string | undefined, option: string): number | undefined {
  const mostDays = longestMs / 86_400_000;
  if (given === undefined) return undefined;
  const days = /^\d{1,6}$/.test(given.trim()) ? Number(given) : Number.NaN;
  if (!(days <= mostDays)) throw usageError(`${option} has to be a whole number of days from 0 to ${mostDays} (1,000 years), and is '${given}'.`);
  return days * 86_400_000;
}

/**
 * Reads a duration in seconds as milliseconds.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export function readSeconds(given: string | undefined, option: string): number | undefined {
  if (given === undefined) return undefined;
  const seconds = given.trim() === '' ? Number.NaN : Number(given);
  if (!(seconds > 0 && seconds * 1_000 <= longestMs))
    throw usageError(`${option} has to be a number of seconds above 0, of 1,000 years at most (${longestMs / 1_000}), and is '${given}'.`);
  return seconds * 1_000;
}

/**
 * Reads a number that counts from 0, for example a `seq`.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export function readCount(given: string | undefined, option: string): number | undefined {
  if (given === undefined) return undefined;
  const value = /^\d{1,15}$/.test(given.trim()) ? Number(given) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw usageError(`${option} has to be a whole number from 0, and is '${given}'.`);
  return value;
}

/**
 * Reads the number of a port; 0 is any that is free.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export function readPort(given: string, option: string): number {
  const port = /^\d{1,5}$/.test(given.trim()) ? Number(given) : Number.NaN;
  if (!(port <= 65_535)) throw usageError(`${option} has to be a port from 0 to 65535, and is '${given}'.`);
  return port;
}

/**
 * Reads a point in time as epoch milliseconds: ISO 8601 with its offset, so that it is the same wherever the engine runs.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export async function readTime(given: string | undefined, option: string): Promise<number | undefined> {
  if (given === undefined) return undefined;
  const { epochOf, instant } = await import('../runtime/instant.ts');
  const text = given.trim();
  if (instant.safeParse(text).success) return epochOf(text);
  throw usageError(`${option} has to be a time with its offset, as 2025-03-30T08:00:00+01:00 or 2025-03-30T07:00:00Z, and is '${given}'.`);
}

/**
 * Refuses a token that is set and empty: to do without one is asked for by saying nothing.
 * @throws GleitzeitError CONFIGURATION_ERROR
 */
export function checkToken(token: string | undefined): void {
  if (token?.trim() === '') throw usageError('--token, or GLEITZEIT_TOKEN, has to be a text, and is empty.');
}
