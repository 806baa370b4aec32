/** The keys that secrets are sealed under: made of what a user keeps, told apart by an id that gives nothing of them away. */
import { hkdfSync, randomBytes } from 'node:crypto';

import { errorOf } from '../errors.ts';
import { keyFilesOf, makeKeyFile, readKeyFile } from './key-file.ts';
import { keyIdBytes } from './token.ts';

/** What a key is made of: as many random bytes, or a random text. */
export type KeyMaterial = string | Uint8Array;

/** Bytes, or characters, that a key has at least: 32. */
export const shortestKey = 32;

export const keyRule = `${shortestKey} random bytes or characters at least, as \`openssl rand -base64 32\` prints them`;

/** The variable of the environment that a key is taken from. */
export const keyVariable = 'GLEITZEIT_SECRET_KEY';

/** The variable that names a file with that key instead, which the environment of commands cannot give away. */
export const keyFileVariable = 'GLEITZEIT_KEY_FILE';

/** Whether this is long enough to be a key. */
export function isKeyMaterial(value: unknown): value is KeyMaterial {
  return (typeof value === 'string' || value instanceof Uint8Array) && value.length >= shortestKey;
}

/** What was given is not told: it is meant to be a secret. @throws GleitzeitError CONFIGURATION_ERROR */
export function checkKey(name: string, material: KeyMaterial | undefined): void {
  if (material !== undefined && material.length < shortestKey)
    throw errorOf('CONFIGURATION_ERROR', `${name} must be ${keyRule}, got ${material.length} of them`);
}

export interface SealingKey {
  /** Tells keys apart; stands in the open in every token. */
  readonly id: Buffer;
  readonly encryption: Buffer;
  /** What nonces follow from. */
  readonly nonces: Buffer;
  /** What tells inputs apart. */
  readonly digests: Buffer;
}

export function sealingKeyOf(material: KeyMaterial): SealingKey {
  const bytes = typeof material === 'string' ? Buffer.from(material, 'utf8') : material;
  const derived = Buffer.from(hkdfSync('sha256', bytes, '', 'gleitzeit sealed v1', 96 + keyIdBytes));
  return {
    encryption: derived.subarray(0, 32),
    nonces: derived.subarray(32, 64),
    id: derived.subarray(64, 64 + keyIdBytes),
    digests: derived.subarray(64 + keyIdBytes),
  };
}

/** The id of the key in a file, as tokens carry it. @throws GleitzeitError PERSISTENCE_* */
export function keyIdInFile(path: string): string {
  return sealingKeyOf(readKeyFile(path) ?? '').id.toString('hex');
}

/** Where keys may be found, the one that seals first. */
export interface KeySources {
  readonly option?: KeyMaterial | undefined;
  readonly environment?: string | undefined;
  /** The path of a file with a key; it is made when a key is needed and there is no other. */
  readonly file?: string | undefined;
}

/**
 * The keys of a system, each made when it is first needed. The first one there is seals; all of them open, so that a key can be
 * replaced: the new one by the option, the old one in the environment.
 */
export class KeyRing {
  private readonly sources: KeySources;
  private readonly made = new Map<KeyMaterial, SealingKey>();
  private readonly expected = new Set<string>();
  private inFiles: readonly string[] = [];
  private random: Buffer | undefined;

  /** @throws GleitzeitError CONFIGURATION_ERROR for a key that is too short */
  constructor(sources: KeySources) {
    checkKey('secrets.key', sources.option);
    checkKey(keyVariable, sources.environment);
    this.sources = sources;
  }

  /** The key that seals; made now, and durable, where there is none yet. @throws GleitzeitError PERSISTENCE_* */
  sealing(): SealingKey {
    const { option, environment, file } = this.sources;
    return this.keyOf(option ?? environment ?? (file === undefined ? this.ownRandom() : this.fromFiles(file)));
  }

  /** The key of an id; nothing where it is not here. @throws GleitzeitError PERSISTENCE_* */
  opening(id: Buffer): SealingKey | undefined {
    return [...this.made.values()].find((key) => key.id.equals(id)) ?? this.all().find((key) => key.id.equals(id));
  }

  /**
   * Takes note of the keys that there are secrets of.
   * @returns the ids of those that are not here
   * @throws GleitzeitError PERSISTENCE_* for a key file that cannot be used
   */
  expect(ids: readonly string[]): readonly string[] {
    for (const id of ids) this.expected.add(id);
    return this.missing(ids);
  }

  private missing(ids: readonly string[]): readonly string[] {
    if (ids.length === 0) return [];
    const here = new Set(this.all().map(({ id }) => id.toString('hex')));
    return ids.filter((id) => !here.has(id));
  }

  /** What is here, and what could be, for whoever lacks a key. */
  describe(): string {
    const { file } = this.sources;
    const ids = this.all().map(({ id }) => id.toString('hex'));
    const here = ids.length === 0 ? 'there is no key here' : `here ${ids.length === 1 ? 'is key' : 'are keys'} ${ids.join(', ')}`;
    const back = file === undefined ? '' : `, or put its key file back at ${file}`;
    return `${here}. Give the key that it was sealed with by the option secrets.key, by ${keyVariable}, or as a file by --key-file or ${keyFileVariable}${back}.`;
  }

  private all(): readonly SealingKey[] {
    const { option, environment, file } = this.sources;
    const materials = [option, environment, ...(file === undefined ? [] : this.textsIn(file)), this.random];
    return materials.flatMap((material) => (material === undefined ? [] : [this.keyOf(material)]));
  }

  /** The keys in the files, that of the first file first. What was read is kept. */
  private textsIn(file: string): readonly string[] {
    if (this.inFiles.length === 0) this.inFiles = keyFilesOf(file).flatMap((each) => readKeyFile(each) ?? []);
    return this.inFiles;
  }

  /** Where the key that secrets are sealed with is lost, the new one gets a name of its own: the lost one can be put back. */
  private fromFiles(file: string): string {
    const [found] = this.textsIn(file);
    if (found !== undefined) return found;
    const isLost = this.missing([...this.expected]).length > 0;
    const text = makeKeyFile((made) => (isLost ? `${file}-${sealingKeyOf(made).id.toString('hex')}` : file));
    this.inFiles = [text];
    return text;
  }

  private ownRandom(): Buffer {
    this.random ??= randomBytes(shortestKey);
    return this.random;
  }

  private keyOf(material: KeyMaterial): SealingKey {
    const known = this.made.get(material);
    if (known !== undefined) return known;
    const key = sealingKeyOf(material);
    this.made.set(material, key);
    return key;
  }
}
