/**
 * The secrets of one attempt: its parameters are opened for the handler, and what comes back from it is sealed again, by the names
 * that values stand under, and wherever a value turns up that was opened or found.
 *
 * Results get tokens, which later tasks open; what people read, errors, logs and progress, says `[sealed]`, for good.
 */
import type { Failure } from '../../machines/failures.ts';
import { sealLeaf, sealWhole } from './definition.ts';
import { KnownValues } from './known-values.ts';
import type { SecretNames } from './names.ts';
import type { Reach } from './reach.ts';
import { type Leaf, type Rewriting, rewrite } from './rewrite.ts';
import type { Sealer } from './sealer.ts';
import { mayHoldToken, sealedText } from './token.ts';

export interface AttemptSecrets {
  /**
   * The parameters as the handler gets them.
   * @throws GleitzeitError CONFIGURATION_ERROR without the right key, PERSISTENCE_INTEGRITY_ERROR for a token that was changed
   */
  open(params: unknown): unknown;
  /** A result as it is recorded; the very same where there is nothing to seal. @throws GleitzeitError PERSISTENCE_* */
  seal(result: unknown): unknown;
  failure(failure: Failure): Failure;
  /** Whether a text has a secret of the attempt in it. */
  isIn(text: string): boolean;
  /** A text that people read. */
  text(text: string): string;
  /** Fields that people read, as the details of a log line. */
  fields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
}

export interface AttemptRules {
  readonly names: SecretNames;
  /** About results, and the details of errors and logs. */
  readonly isSecretPlace: Rewriting['isSecretPlace'];
  /** Names of fields that the definition says in the open, and that are no secrets for that. */
  readonly fieldNames: ReadonlySet<string>;
  /** What of the result is referred to. Asked for where there is something to seal. */
  readonly reach: () => Reach;
}

/** Makes the secrets of an attempt; one that has none costs two looks at what is small mostly. */
export function attemptSecrets(sealer: Sealer, rules: AttemptRules): AttemptSecrets {
  return new SecretsOfAttempt(sealer, rules);
}

class SecretsOfAttempt implements AttemptSecrets {
  private readonly sealer: Sealer;
  private readonly rules: AttemptRules;
  private known: KnownValues | undefined;

  constructor(sealer: Sealer, rules: AttemptRules) {
    this.sealer = sealer;
    this.rules = rules;
  }

  open(params: unknown): unknown {
    const { names } = this.rules;
    if (names.areAbsentFrom(params)) return params;
    return rewrite(params, ['params'], {
      isSecretName: (name) => names.has(name),
      leaf: (value, isSecret) => {
        const opened = typeof value === 'string' ? this.openText(value) : value;
        // What came there past every name is known from now on; what was sealed is by then.
        if (isSecret && typeof opened !== 'object') this.learn(opened);
        return opened;
      },
      name: (name, isSecret) => {
        const opened = mayHoldToken(name) ? String(this.sealer.open(name)) : name;
        if (isSecret || opened !== name) this.learnName(opened);
        return opened;
      },
    });
  }

  seal(result: unknown): unknown {
    if (!this.hasSecrets(result) && this.known === undefined) return result;
    const seal = (value: unknown): string => this.sealer.seal(value);
    // One value may turn up a million times.
    const tokens = new Map<string, string>();
    const sealOnce = (text: string): string => {
      const token = tokens.get(text) ?? seal(text);
      tokens.set(text, token);
      return token;
    };
    const replace = (text: string): string => (mayHoldToken(text) ? seal(text) : (this.known?.replace(text, sealOnce) ?? text));
    const reach = this.rules.reach();
    return rewrite(result, ['result'], {
      ...this.places,
      leaf: (value, isSecret) =>
        typeof value === 'string' && !isSecret ? replace(value) : sealLeaf(value, isSecret || this.isKnownNumber(value), seal),
      whole: (part, path) => (reach.isInto(path, part) ? undefined : sealWhole(part, seal)),
      name: (name, isSecret, path) => {
        const sealed = isSecret && name !== '' ? sealOnce(name) : replace(name);
        return sealed !== name && reach.isTo(path) ? name : sealed;
      },
    });
  }

  failure({ message, details, stack, cause, ...rest }: Failure): Failure {
    return {
      ...rest,
      message: this.text(message),
      ...(details !== undefined && { details: this.redacted(details, 'error') }),
      ...(stack !== undefined && { stack: this.text(stack) }),
      ...(cause !== undefined && { cause: this.failure(cause) }),
    };
  }

  isIn(text: string): boolean {
    return this.text(text) !== text;
  }

  text(text: string): string {
    return this.known?.replace(text, () => sealedText) ?? text;
  }

  fields(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    // Rewritten, a map is a map.
    return this.redacted(fields, 'log') as Readonly<Record<string, unknown>>;
  }

  private get places(): Pick<Rewriting, 'isSecretName' | 'isSecretPlace'> {
    const { names, isSecretPlace } = this.rules;
    return { isSecretName: (name) => names.has(name), isSecretPlace };
  }

  private openText(text: string): unknown {
    return mayHoldToken(text) ? this.sealer.open(text, (value) => this.learn(value)) : text;
  }

  /** A list or map is known by all that stands in it. */
  private learn(value: unknown): void {
    this.known ??= new KnownValues();
    const { known } = this;
    rewrite(value, [], {
      leaf: (leaf) => {
        known.add(leaf);
        return leaf;
      },
      name: (name) => {
        this.learnName(name);
        return name;
      },
    });
  }

  /** The name of a field in a secret map. One that says what stands under it, as `password`, is met everywhere, and hides nothing. */
  private learnName(name: string): void {
    const { names, fieldNames } = this.rules;
    if (fieldNames.has(name) || (names.has(name) && !mayHoldToken(name))) return;
    this.known ??= new KnownValues();
    this.known.add(name);
  }

  private isKnownNumber(value: Leaf): boolean {
    return typeof value === 'number' && this.known?.has(String(value)) === true;
  }

  /** Whether a result has something to seal by itself; what is found under secret names is learned. */
  private hasSecrets(result: unknown): boolean {
    if (this.rules.isSecretPlace === undefined && this.rules.names.areAbsentFrom(result)) return false;
    let isFound = false;
    const note = (text: string): string => {
      isFound ||= mayHoldToken(text);
      return text;
    };
    rewrite(result, ['result'], {
      ...this.places,
      name: (name, isSecret) => {
        isFound ||= isSecret;
        if (isSecret) this.learnName(name);
        return note(name);
      },
      leaf: (value, isSecret) => {
        isFound ||= isSecret;
        if (isSecret) this.learn(value);
        return typeof value === 'string' ? note(value) : value;
      },
    });
    return isFound;
  }

  private redacted(fields: unknown, root: string): unknown {
    return rewrite(fields, [root], {
      ...this.places,
      leaf: (value, isSecret) => {
        if (value === null || value === undefined || value === '') return value;
        if (isSecret || this.isKnownNumber(value)) return sealedText;
        return typeof value === 'string' ? this.text(value) : value;
      },
      whole: (part, path) => (path.length === 1 ? undefined : sealWhole(part, () => sealedText)),
      // Details and fields themselves stay a map.
      name: (name, isSecret) => (isSecret ? sealedText : this.text(name)),
    });
  }
}
