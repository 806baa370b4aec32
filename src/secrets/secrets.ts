/**
 * The secrets of a system: sealed before anything of them enters it, opened only right before a handler is called, and in the
 * results that its users ask for.
 *
 * Events, and with them the journal and traces, hold tokens; logs and errors say `[sealed]`. `docs/secrets.md` tells it in full.
 */
import type { GleitzeitDraft } from '../../machines/events/catalogue.ts';
import type { WorkflowDefinition } from '../../machines/events/definition.ts';
import type { Failure } from '../../machines/failures.ts';
import type { JsonPath } from '../../machines/policies/json.ts';
import type { Attempt } from '../providers/attempt.ts';
import type { WorkflowResult } from '../runtime/result.ts';
import type { Work } from '../work.ts';
import { type AttemptSecrets, attemptSecrets } from './attempt-secrets.ts';
import { sealLeaf, sealName, sealWhole } from './definition.ts';
import { keyOfOptions } from './given-key.ts';
import { hasDigest, keyedDigest, plainDigest } from './input-digest.ts';
import { type KeyMaterial, KeyRing } from './key.ts';
import { type IsSecret, SecretNames } from './names.ts';
import { Reach } from './reach.ts';
import { rewrite } from './rewrite.ts';
import { type Hashed, SealedDefinitions } from './sealed-definitions.ts';
import { Sealer } from './sealer.ts';
import { isPlace, noSources, type Place, placesIn } from './sources.ts';

/** What counts as a secret, and what it is sealed with; see `docs/secrets.md`. */
export interface SecretsOptions {
  /** Names beside the default ones; one counts for every name that ends in its words. @defaultValue `[]` */
  readonly keys?: readonly string[];
  /**
   * Says of a value, by the way to it, whether it is a secret; all that stands in it is one then. The way begins with what it leads
   * into: `input`, `params`, `output`, `result`, `error` or `log`. Asked of parameters once for each definition.
   * @defaultValue nothing beside the names
   */
  readonly isSecret?: IsSecret;
  /**
   * What is sealed with: 32 random bytes or characters at least.
   * @defaultValue the key of GLEITZEIT_SECRET_KEY or GLEITZEIT_KEY_FILE, else of a file beside the journal, else one of this process
   */
  readonly key?: KeyMaterial;
  /**
   * The path of a file with the key, instead of `key`. It is read at the start, without white space around the key, and never made; the
   * start is refused with CONFIGURATION_ERROR when it cannot be read, or when others than its owner may use it.
   * @defaultValue no file
   */
  readonly keyFile?: string;
}

export interface Secrets {
  /**
   * Takes note of the keys that the journal holds secrets of.
   * @returns what to say of those that are not here; nothing where all are
   * @throws GleitzeitError PERSISTENCE_* for a key file that cannot be used
   */
  expectKeys(ids: readonly string[]): string | undefined;
  /** A workflow as it is recorded, hash and all; the very same where there is nothing to seal. @throws GleitzeitError PERSISTENCE_* */
  workflow<Workflow extends Hashed>(workflow: Workflow): Workflow;
  /** The same, for whoever does it in portions: after that, `workflow` answers at once. */
  sealing(workflow: Hashed): Work<void>;
  /** The input of a run of a workflow, as it is recorded. @throws GleitzeitError PERSISTENCE_* */
  input(definition: WorkflowDefinition, input: unknown): unknown;
  /** What tells an input from others: what was given, before any schema made something else of it. @throws GleitzeitError PERSISTENCE_* */
  digest(definition: WorkflowDefinition, given: unknown): string;
  /** Whether an input has a digest. @throws GleitzeitError CONFIGURATION_ERROR where the key of the digest is not here */
  hasDigest(given: unknown, digest: string): boolean;
  /** A command that a user states himself, as it is carried out. @throws GleitzeitError PERSISTENCE_* */
  command(draft: GleitzeitDraft): GleitzeitDraft;
  /** What an attempt needs, here or for a worker elsewhere; made anew, for one that a worker comes back with, it does the same. */
  attempt(attempt: Pick<Attempt, 'workflowId' | 'taskId'>): AttemptSecrets;
  /** A failure that is of no attempt: what stands under secret names is left out. */
  failure(failure: Failure): Failure;
  /** A result as its user gets it; what cannot be opened without its key stays a token. Errors stay as they are. */
  result(result: WorkflowResult): WorkflowResult;
}

/** What of a system its secrets need. */
export interface SecretsSurroundings {
  /** From the environment. */
  readonly environmentKey?: string | undefined;
  /** Where the journal has a place for a key. */
  readonly keyFile?: string | undefined;
  /** The definition of a workflow that is under way. */
  readonly definitionOf: (workflowId: string) => WorkflowDefinition | undefined;
  /** Told of a result that cannot be opened. */
  readonly onUnopened: (error: unknown, workflowId: string) => void;
}

/** @throws GleitzeitError CONFIGURATION_ERROR for a key that is too short, and a file of one that is no good */
export function createSecrets(options: SecretsOptions, around: SecretsSurroundings): Secrets {
  const names = new SecretNames(options.keys);
  const keys = new KeyRing({ option: keyOfOptions(options), environment: around.environmentKey, file: around.keyFile });
  const sealer = new Sealer(keys);
  const isSecretName = (name: string): boolean => names.has(name);
  const seal = (value: unknown): string => sealer.seal(value);
  const rules = { isSecretName, isSecretPlace: placeRule(options.isSecret, []) };
  const definitions = new SealedDefinitions({ rules, seal });
  const workflow = <Workflow extends Hashed>(given: Workflow): Workflow => definitions.of(given);
  const input = (definition: WorkflowDefinition, value: unknown): unknown => {
    const { secret, referred } = definitions.sourcesOf(definition);
    const isSecretPlace = placeRule(options.isSecret, secret.input);
    if (isSecretPlace === undefined && names.areAbsentFrom(value)) return value;
    const reach = new Reach(referred.input);
    return rewrite(value, ['input'], {
      isSecretName,
      isSecretPlace,
      leaf: (leaf, isSecret) => sealLeaf(leaf, isSecret, seal),
      whole: (part, path) => (reach.isInto(path, part) ? undefined : sealWhole(part, seal)),
      name: (name, isSecret, path) => sealName(name, isSecret && !reach.isTo(path), seal),
    });
  };
  return {
    expectKeys: (ids) => sayMissing(keys, ids),
    workflow,
    sealing: (given) => definitions.seal(given),
    input,
    digest: (definition, given) => (input(definition, given) === given ? plainDigest(given) : keyedDigest(given, keys.sealing())),
    hasDigest: (given, digest) => hasDigest(given, digest, keys),
    command: (draft) => commandWith(draft, { workflow, input }),
    attempt({ workflowId, taskId }) {
      const definition = around.definitionOf(workflowId);
      const { secret, referred, fieldNames } = definition === undefined ? noSources : definitions.sourcesOf(definition);
      const isSecretPlace = placeRule(options.isSecret, placesIn(secret, taskId));
      return attemptSecrets(sealer, { names, isSecretPlace, fieldNames, reach: () => new Reach(placesIn(referred, taskId)) });
    },
    failure: (failure) => attemptSecrets(sealer, { ...ofNoAttempt, names, isSecretPlace: rules.isSecretPlace }).failure(failure),
    result: (result) => opened(result, { names, sealer }, (error) => around.onUnopened(error, result.workflowId)),
  };
}

/** Nothing refers to it. */
const ofNoAttempt = { fieldNames: noSources.fieldNames, reach: () => new Reach([]) } as const;

function commandWith(draft: GleitzeitDraft, { workflow, input }: Pick<Secrets, 'workflow' | 'input'>): GleitzeitDraft {
  if (draft.type !== 'workflow:submit' && draft.type !== 'cron:create') return draft;
  const { definition, input: given } = draft.data;
  // Of either type only what both have alike is replaced.
  return { ...draft, data: { ...workflow(draft.data), input: input(definition, given) } } as typeof draft;
}

function sayMissing(keys: KeyRing, ids: readonly string[]): string | undefined {
  const missing = keys.expect(ids);
  if (missing.length === 0) return undefined;
  return `Secrets in the journal are sealed with key ${missing.join(', ')}, and ${keys.describe()} Tasks that need them fail until then; what is sealed from now on is sealed with another key, which is kept beside it.`;
}

/** Nothing is sealed, and nothing opened. */
export const noSecrets: Secrets = {
  expectKeys: () => undefined,
  workflow: (workflow) => workflow,
  *sealing() {},
  input: (_, input) => input,
  digest: (_, given) => plainDigest(given),
  hasDigest: (given, digest) => hasDigest(given, digest, undefined),
  command: (draft) => draft,
  attempt: () => openAttempt,
  failure: (failure) => failure,
  result: (result) => result,
};

const openAttempt: AttemptSecrets = {
  open: (params) => params,
  seal: (result) => result,
  failure: (failure) => failure,
  isIn: () => false,
  text: (text) => text,
  fields: (fields) => fields,
};

function placeRule(isSecret: IsSecret | undefined, places: readonly Place[]): ((path: JsonPath, value: unknown) => boolean) | undefined {
  if (isSecret === undefined && places.length === 0) return undefined;
  return (path, value) => isPlace(places, path) || (isSecret !== undefined && isSaidSecret(isSecret, path, value));
}

/** Whoever cannot say that it is none has not said so. */
function isSaidSecret(isSecret: IsSecret, path: JsonPath, value: unknown): boolean {
  try {
    return isSecret([...path], value);
  } catch {
    return true;
  }
}

interface Opening {
  readonly names: SecretNames;
  readonly sealer: Sealer;
}

function opened(result: WorkflowResult, { names, sealer }: Opening, onUnopened: (error: unknown) => void): WorkflowResult {
  let fault: unknown;
  const open = (text: string): unknown => {
    try {
      return sealer.open(text);
    } catch (error) {
      fault ??= error;
      return text;
    }
  };
  const of = (value: unknown): unknown =>
    names.areAbsentFrom(value)
      ? value
      : rewrite(value, [], { leaf: (leaf) => (typeof leaf === 'string' ? open(leaf) : leaf), name: (name) => String(open(name)) });
  let tasks: Record<string, WorkflowResult['tasks'][string]> | undefined;
  for (const [id, task] of Object.entries(result.tasks)) {
    const value = of(task.result);
    if (value === task.result) continue;
    // Task ids may be named like members of an object: a null prototype keeps them apart.
    tasks ??= Object.assign(Object.create(null) as object, result.tasks);
    tasks[id] = { ...task, result: value };
  }
  const output = of(result.output);
  const isSame = tasks === undefined && output === result.output;
  const whole = isSame ? result : { ...result, tasks: tasks ?? result.tasks, ...(output !== undefined && { output }) };
  if (fault !== undefined) onUnopened(fault);
  return whole;
}
