/** Makes errors of what comes over the wire: what the hub refused, and why there is no connection. */
import { errorCodes, isErrorCode } from '../../../machines/failures.ts';
import { errorOf, fromFailure, type GleitzeitError } from '../../errors.ts';
import { readField } from '../../thrown.ts';
import { type WireError, wireError } from '../protocol/answers.ts';

/** The error that the hub stated: with its code and number, and as retryable as it said, else as the table says of the code. */
export function errorFromWire(given: WireError): GleitzeitError {
  const { code, retryable = isErrorCode(code) && errorCodes[code].retryable, ...rest } = given;
  return fromFailure({ code, retryable, ...rest });
}

/**
 * What an answer carries.
 * @throws GleitzeitError what the hub refused the request with; INTERNAL_ERROR for what is no answer
 */
export function valueOfAnswer(answer: unknown): object {
  if (readField(answer, 'ok') === true) return answer as object;
  const refusal = wireError.safeParse(readField(answer, 'error'));
  if (refusal.success) throw errorFromWire(refusal.data);
  throw errorOf('INTERNAL_ERROR', 'The hub answered with something that is no answer.');
}

/** What the hub says to one whom it does not let in; nothing where it was not the hub that said so. */
export function refusalOf(thrown: unknown): GleitzeitError | undefined {
  const refusal = wireError.safeParse(readField(thrown, 'data'));
  if (refusal.success) return errorFromWire(refusal.data);
  const message = readField(thrown, 'message');
  return typeof message === 'string' && isErrorCode(message) ? errorOf(message, `The hub refuses the connection: ${message}.`) : undefined;
}

/** Why a connection did not come about: nobody listens, or the way there is barred. */
export function unreachable(url: string, thrown: unknown): GleitzeitError {
  const texts = [thrown, readField(thrown, 'description'), readField(readField(thrown, 'description'), 'error'), readField(thrown, 'context')];
  const why = texts.map((part) => readField(part, 'message')).filter((text): text is string => typeof text === 'string' && text !== '');
  const said = why.at(-1) ?? 'it did not answer in time';
  const isRefused = why.some((text) => text.includes('ECONNREFUSED'));
  return errorOf(isRefused ? 'CONNECTION_REFUSED' : 'NETWORK_UNREACHABLE', `There is no hub to be reached at ${url}: ${said}`, { details: { url } });
}
