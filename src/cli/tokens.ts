/** The file of `--tokens`: who may do what at a hub. What is wrong with it is said without a token. */
import * as z from 'zod';
import { roles, type TokenGrant } from '../hub/protocol/roles.ts';
import { readPrivate } from '../private-file.ts';
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

/** @throws GleitzeitError CONFIGURATION_ERROR, for a file that others than its owner may use too */
export function readTokens(file: string): readonly TokenGrant[] {
  const read = grants.safeParse(parse(readPrivate(file, 'The file of --tokens')));
  if (read.success) return read.data;
  throw usageError(`The file of --tokens, ${file}, is no list of { "token", "roles", "protocols", "name" }: ${z.prettifyError(read.error)}`);
}

/** Nothing for what is no JSON: the parser's own message would quote it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
