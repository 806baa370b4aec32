/** `gleitzeit asyncapi`: prints the hub's protocol as an AsyncAPI document, for those who write or generate clients. */
import { stringify } from 'yaml';

import { asyncApiDocument } from '../../hub/description/asyncapi.ts';
import { packageVersion } from '../../package-version.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { usageError } from '../faults.ts';
import { print, printJson, type Terminal } from '../terminal.ts';

export interface AsyncApiOptions {
  readonly format?: string;
  readonly json?: boolean;
}

/** Prints the document. */
export function asyncApiCommand(options: AsyncApiOptions, terminal: Terminal): ExitCode {
  const format = options.json === true ? 'json' : (options.format ?? 'yaml');
  const document = asyncApiDocument(packageVersion());
  if (format === 'json') printJson(terminal, document);
  else if (format === 'yaml') print(terminal, stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 }).trimEnd());
  else throw usageError(`--format is yaml or json, and not '${format}'.`);
  return exitCodes.done;
}
