/** Connects to a hub; the library for that is loaded when somebody does. */
import { errorOf, toError } from '../../errors.ts';
import { defaultLogger, guardLogger } from '../../runtime/logger.ts';
import { protocolVersion } from '../protocol/requests.ts';
import { Connection } from './connection.ts';
import { HubClient } from './hub-client.ts';
import { type ConnectOptions, checkConnectOptions, connectDefaults } from './options.ts';

/**
 * Connects to a hub. Close what it answers with: until then it keeps the process alive, and seeks the hub again where it is lost.
 *
 * @throws GleitzeitError CONFIGURATION_ERROR for options that make no sense; AUTHENTICATION_FAILED and AUTHORIZATION_FAILED at once;
 * CONNECTION_REFUSED or NETWORK_UNREACHABLE when there is no hub within `connectTimeoutMs`; PROTOCOL_VERSION_MISMATCH
 * @example
 * const hub = await connect({ url: 'http://127.0.0.1:7400', token });
 * const run = await hub.submit(workflow, { input: { text: 'a b c' } });
 * console.log(await run.result());
 * await hub.close();
 */
export async function connect(options: ConnectOptions): Promise<HubClient> {
  checkConnectOptions(options);
  const { log = defaultLogger(), connectTimeoutMs, ...settings } = { ...connectDefaults, token: undefined, ...options };
  const connection = new Connection(await import('socket.io-client'), { ...settings, log: guardLogger(log) });
  const timer = setTimeout(() => connection.end(tooLate(connection, connectTimeoutMs)), connectTimeoutMs);
  try {
    const info = await connection.ask('hub:info', {});
    if (info.protocolVersion !== protocolVersion) {
      const message = `The hub at ${settings.url} speaks version ${String(info.protocolVersion)} of the protocol, and this client ${protocolVersion}.`;
      throw errorOf('PROTOCOL_VERSION_MISMATCH', message);
    }
    return new HubClient(connection);
  } catch (thrown) {
    const error = toError(thrown);
    connection.end(error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function tooLate({ failure, url }: Connection, timeoutMs: number) {
  return failure ?? errorOf('CONNECTION_TIMEOUT', `The hub at ${url} did not answer within ${timeoutMs} ms.`, { details: { url } });
}
