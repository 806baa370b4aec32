/** The file of `--tokens`: who may do what at a hub. What is wrong with it is said without a token. */
import { readFile } from 'node:fs/promises';

import * as z from 'zod';
import { decodeUtf8 } from '../encoding.ts';
import { roles, type TokenGrant } from '../hub/protocol/roles.ts';
import { usageError } from './faults.ts';

const grants = z
  .array(
    z.strictObject({
      token: z.string().min(1).max(1_024),
      roles: z.array(z.enum(roles)).min(1).exactOptional(),
      protocols: z.array(z.string().min(1).max(200)).min(1).exactOptional(),
      name: z.string().min(1).max(200).exactOptional(),
    }),
  )
  .min(1);

/** @throws GleitzeitError CONFIGURATION_ERROR */
export async function readTokens(file: string): Promise<readonly TokenGrant[]> {
  const bytes = await readFile(file).catch((cause: Error) => {
    throw usageError(`--tokens refers to '${file}', which cannot be read: ${cause.message}`);
  });
  const decoded = decodeUtf8(bytes);
  if ('problem' in decoded) throw usageError(`--tokens refers to '${file}', which ${decoded.problem}. Save it as UTF-8.`);
  const read = grants.safeParse(parse(decoded.text));
  if (read.success) return read.data;
  throw usageError(`--tokens refers to '${file}', which is no list of { "token", "roles", "protocols", "name" }: ${z.prettifyError(read.error)}`);
}

/** Nothing for what is no JSON: the parser's own message would quote it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
