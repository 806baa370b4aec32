/**
 * Who may look: programs of this machine, and pages of the origins that are allowed.
 *
 * A page of any site can open a WebSocket to 127.0.0.1, and its own name can be made to resolve to it: so both the `Origin`
 * and the `Host` that the browser sends are checked. A program that is no browser sends no `Origin`; it runs here already.
 */
import type { IncomingMessage } from 'node:http';

import { errorOf } from '../../errors.ts';

const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const stately: readonly string[] = ['https://stately.ai', 'https://www.stately.ai'];

export type Gate = (request: IncomingMessage) => boolean;

/**
 * Makes the check of a request.
 * @param origins replace stately.ai and all of this machine; pages that the inspector itself serves are always let in
 * @throws GleitzeitError CONFIGURATION_ERROR for what is not an origin
 */
export function gateFor(origins: readonly string[] | undefined): Gate {
  const named = new Set((origins ?? stately).map(originOf));
  return ({ headers: { host, origin } }) => {
    const at = host === undefined ? undefined : readUrl(`http://${host}`);
    if (at === undefined || !loopback.has(at.hostname)) return false;
    if (origin === undefined || origin === at.origin || named.has(origin)) return true;
    return origins === undefined && isLocal(origin);
  };
}

function originOf(text: string): string {
  const url = readUrl(text);
  if (url === undefined || url.origin === 'null' || `${url.origin}/` !== url.href) {
    throw errorOf('CONFIGURATION_ERROR', `The inspector's 'origins' must be origins such as 'https://stately.ai'; got '${text}'.`);
  }
  return url.origin;
}

function isLocal(origin: string): boolean {
  const url = readUrl(origin);
  return url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:') && loopback.has(url.hostname);
}

function readUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
