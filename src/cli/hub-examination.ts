/** What of a hub would keep this machine from asking it. */
import { GleitzeitError } from '../errors.ts';
import { connect } from '../hub/client/connect.ts';
import { packageVersion } from '../package-version.ts';
import { type Check, Trouble } from './examination.ts';

export interface ExaminedHub {
  readonly hub: string;
  readonly token?: string;
}

/** The checks of a hub: whether it is there, lets us in, and is as new as we are. */
export function hubChecks({ hub, token }: ExaminedHub): readonly Check[] {
  const advice = 'Look at what the hub says on its own terminal.';
  return [{ name: 'hub', look: () => look(hub, token), advice }];
}

const adviceByCode: Readonly<Record<string, string>> = {
  CONFIGURATION_ERROR: 'Give --hub an address such as http://127.0.0.1:7400.',
  AUTHENTICATION_FAILED: 'Give the token that the hub was started with by --token, or GLEITZEIT_TOKEN.',
  AUTHORIZATION_FAILED: 'Give a token whose role is client or observer; that of a worker is for gleitzeit worker.',
  PROTOCOL_VERSION_MISMATCH: 'Install the same version of Gleitzeit here and there.',
  CONNECTION_REFUSED: 'Start it there: gleitzeit serve.',
  NETWORK_UNREACHABLE: 'Look whether the address is right, and what stands between: a proxy has to let WebSockets through.',
  CONNECTION_TIMEOUT: 'Look whether the address is right, and what stands between.',
};

async function look(url: string, token: string | undefined): Promise<string> {
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const client = await connect({ url, log: silent, ...(token !== undefined && { token }) }).catch((thrown: unknown) => {
    const advice = thrown instanceof GleitzeitError ? adviceByCode[thrown.code] : undefined;
    throw thrown instanceof GleitzeitError && advice !== undefined ? new Trouble('fault', thrown.message, advice) : thrown;
  });
  try {
    const { version, phase } = await client.info();
    const found = `${url}: Gleitzeit ${version}, ${phase}`;
    if (phase !== 'running') throw new Trouble('warning', found, 'Wait for it to end; the next start goes on.');
    if (version === packageVersion()) return found;
    throw new Trouble('warning', `${found}; here it is ${packageVersion()}`, 'Install the same version of Gleitzeit here and there.');
  } finally {
    await client.close();
  }
}
