/** The keys that users give: by an option or a variable, as it is or as a file that is their own alone. */
import { errorOf } from '../errors.ts';
import { readPrivate } from '../private-file.ts';
import { checkKey, type KeyMaterial, keyFileVariable, keyVariable } from './key.ts';

/** One of these. */
export interface GivenKey {
  readonly key?: KeyMaterial;
  readonly keyFile?: string;
}

/** @throws GleitzeitError CONFIGURATION_ERROR for a file that cannot be read, that others may use, or whose key is too short */
export function keyOfOptions({ key, keyFile }: GivenKey): KeyMaterial | undefined {
  return keyFile === undefined ? key : readKey(keyFile, 'The key file');
}

/** @throws GleitzeitError CONFIGURATION_ERROR where both variables are set, and as {@link keyOfOptions} does */
export function keyOfEnvironment(env: Readonly<Record<string, string | undefined>>): string | undefined {
  // Set to nothing, it is not set.
  const { [keyVariable]: key = '', [keyFileVariable]: file = '' } = env;
  if (key !== '' && file !== '') throw errorOf('CONFIGURATION_ERROR', `${keyVariable} and ${keyFileVariable} are both set: leave one of them.`);
  return file === '' ? key || undefined : readKey(file, `The file of ${keyFileVariable}`);
}

function readKey(path: string, what: string): string {
  const key = readPrivate(path, what);
  checkKey(`The key in ${path}`, key);
  return key;
}
