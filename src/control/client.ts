/** Asks the engine that owns a journal, in whichever process it runs. */
import { connect } from 'node:net';

import { errorOf, fromFailure } from '../errors.ts';
import { readField } from '../thrown.ts';
import { controlAddress, isSafe } from './address.ts';
import type { Answers } from './commands.ts';
import { type CommandName, type ControlRequest, lineOfRequest, maxLineBytes, readAnswer } from './protocol.ts';

export interface AskOptions {
  /** How long an engine may take over its answer, in milliseconds; a number above 0. @defaultValue `30_000` */
  readonly timeoutMs?: number;
}

export const askDefaults = { timeoutMs: 30_000 } as const satisfies Required<AskOptions>;

/** What came of asking: nobody listens, or there is an answer. */
export type Asked<Name extends CommandName> = { readonly isHeard: false } | { readonly isHeard: true; readonly answer: Answers[Name] };

/**
 * Asks the owner of a journal for something.
 * @throws GleitzeitError what the engine refused it with; CONNECTION_LOST when the engine went away before its answer, and may or may
 * not have done it; CONNECTION_TIMEOUT
 */
export async function askOwner<Name extends CommandName>(
  journalPath: string,
  request: Extract<ControlRequest, { readonly command: Name }>,
  options: AskOptions = {},
): Promise<Asked<Name>> {
  if (!isSafe()) return { isHeard: false };
  const line = await exchange(controlAddress(journalPath), lineOfRequest(request), { ...askDefaults, ...options }.timeoutMs);
  if (line === undefined) return { isHeard: false };
  const answer = readAnswer(line);
  if (!answer.ok) throw fromFailure(answer.error);
  // Both sides are of the same version of the protocol: the server refuses any other.
  return { isHeard: true, answer: answer.value as Answers[Name] };
}

/** Nobody listens, or nobody any more: the socket of an engine that was killed stays behind. */
const nobody: ReadonlySet<unknown> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']);

function exchange(address: string, line: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let isConnected = false;
    const lost = (): Error =>
      errorOf('CONNECTION_LOST', 'The engine went away before its answer: it may or may not have done what it was asked for.');
    const socket = connect(address, () => {
      isConnected = true;
      socket.write(line);
    });
    const timer = setTimeout(() => {
      reject(errorOf('CONNECTION_TIMEOUT', `The engine did not answer within ${timeoutMs} ms.`));
      socket.destroy();
    }, timeoutMs);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxLineBytes) socket.destroy(errorOf('INTERNAL_ERROR', `The engine's answer has more than ${maxLineBytes} bytes.`));
    });
    socket.on('error', (error) => {
      if (!isConnected && nobody.has(readField(error, 'code'))) resolve(undefined);
      else reject(bytes === 0 ? lost() : error);
    });
    socket.on('close', () => {
      clearTimeout(timer);
      const text = Buffer.concat(chunks).toString('utf8');
      if (text.endsWith('\n')) resolve(text);
      else reject(lost());
    });
  });
}
