/**
 * What a provider is: a protocol, and the methods that carry out its tasks.
 *
 * A definition is data and functions, nothing more. It is registered with a system, whose executor calls its methods, once
 * an attempt. Types of parameters and results follow from the schemas and handlers, for the workflow builder to use.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';

import type { CircuitOptions, PoolOptions } from '../../machines/events/provider.ts';
import { errorOf, type GleitzeitError } from '../errors.ts';
import { misfitOfText } from '../json-rules.ts';
import { describeValue } from '../thrown.ts';

/** What a handler is given beside its parameters. */
export interface AttemptCall {
  /** Aborted when the attempt timed out, was cancelled or lost its lease; what a handler reports after that is refused. */
  readonly signal: AbortSignal;
  /** Counted from 1. */
  readonly attempt: number;
  /** The same for every attempt of the task: hand it on to whoever must not do the work twice. */
  readonly idempotencyKey: string;
  readonly workflowId: string;
  readonly taskId: string;
  /** Writes a line into the system's log, with the names of workflow, task and attempt. */
  readonly log: (message: string, details?: Readonly<Record<string, unknown>>) => void;
  /** Tells whoever watches how far the attempt is, 0..1. */
  readonly progress: (fraction: number, message?: string) => void;
  /**
   * Whether a text has a secret of this attempt in it, as far as is known here: ask before it goes where the workflow did not send it.
   * A remote worker does not know what its engine sealed: there it says false.
   */
  readonly holdsSecret: (text: string) => boolean;
  /** The next number in [0, 1) of a sequence that the system's seed and the task decide; each attempt has its own. */
  readonly random: () => number;
  /** Waits on the system's clock, which a simulation drives; rejects as soon as the attempt is aborted. */
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Carries out one attempt. Whatever it throws, returns or never does becomes the attempt's outcome.
 *
 * Only what it leaves behind is out of reach: a promise that it rejects and nobody awaits, a throw in a timer of its own. As
 * ever in Node they end the process (the command line says so first, and exits with 5); in a worker thread, only the thread.
 */
export type Handler<Params, Result> = (params: Params, call: AttemptCall) => Result | PromiseLike<Result>;

/** Parameters of a method without a schema: whatever the workflow gives. */
export type UncheckedParams = Readonly<Record<string, unknown>>;

export type SchemaInput<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : UncheckedParams;
export type SchemaOutput<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : UncheckedParams;

export interface MethodDefinition<S, R> {
  /** Checks the parameters before the handler is called, which gets what the schema makes of them. */
  readonly params?: S;
  /** Checks what the handler returns; what is recorded is what it returned. */
  readonly result?: StandardSchemaV1;
  /** What the method does, in a sentence, for listings. */
  readonly description?: string;
  readonly run: Handler<SchemaOutput<S>, R>;
}

/** A method as the executor sees it: only what its schema let through may reach its handler. */
export interface AnyMethod {
  readonly params?: StandardSchemaV1 | undefined;
  readonly result?: StandardSchemaV1 | undefined;
  readonly description?: string | undefined;
  readonly run: Handler<never, unknown>;
}

interface ProviderSettings {
  /** Name and version, for example `text/v1`. */
  readonly protocol: string;
  /** Called once, before the first attempt; while it throws, the provider counts as not started and is tried again later. */
  readonly start?: (() => unknown) | undefined;
  /** Called once, after the last attempt. */
  readonly stop?: (() => unknown) | undefined;
  /** Says by returning, or by throwing, whether the provider can be called. @defaultValue it can */
  readonly check?: ((signal: AbortSignal) => unknown) | undefined;
  /** Options of the circuit that guards it; false: none does. @defaultValue one circuit for the whole provider */
  readonly circuit?: Partial<CircuitOptions> | false | undefined;
  /** Options of the pool of workers of its protocol. */
  readonly pool?: Partial<PoolOptions> | undefined;
}

/** Any provider, whatever its methods. */
export interface AnyProvider extends ProviderSettings {
  readonly kind: typeof providerKind;
  /** Names this provider among those of its protocol. */
  readonly id: string;
  readonly methods: Readonly<Record<string, AnyMethod>>;
}

type ByMethod = Readonly<Record<string, unknown>>;

/** A provider whose methods are known by name (S: their schemas of parameters, R: their results). */
export interface ProviderDefinition<S extends ByMethod = ByMethod, R extends ByMethod = ByMethod> extends AnyProvider {
  /** Never there: it only carries the types. */
  readonly '~types'?: { readonly schemas: S; readonly results: R };
}

/** A string and no symbol: a provider made by another copy of this package is still one. */
const providerKind = 'gleitzeit.provider';

/** The names of a provider's methods. */
export type MethodsOf<P> = P extends ProviderDefinition<infer S, infer _R> ? keyof S & string : never;
/** What a task of the method is written with: the input side of its schema. */
export type ParamsOf<P, M extends MethodsOf<P>> = P extends ProviderDefinition<infer S, infer _R> ? SchemaInput<S[M]> : never;
/** What a task of the method results in. */
export type ResultOf<P, M extends MethodsOf<P>> = P extends ProviderDefinition<infer _S, infer R> ? (M extends keyof R ? R[M] : never) : never;

export interface ProviderOptions<S, R> extends ProviderSettings {
  /** Names this provider among those of its protocol. @defaultValue its protocol */
  readonly id?: string | undefined;
  readonly methods: { readonly [M in keyof S]: MethodDefinition<S[M], unknown> } & {
    readonly [M in keyof R]: { readonly run: Handler<never, R[M]> };
  };
}

/**
 * Defines a provider.
 *
 * @throws GleitzeitError CONFIGURATION_ERROR for a missing protocol, or a method that is no function.
 * @example
 * const text = defineProvider({
 *   protocol: 'text/v1',
 *   methods: { 'text/words': { params: z.object({ text: z.string() }), run: ({ text }) => ({ count: text.split(/\s+/).length }) } },
 * });
 */
export function defineProvider<const S extends ByMethod, R extends ByMethod>(options: ProviderOptions<S, R>): ProviderDefinition<S, R> {
  // The intersection that inference needs is, read as a whole, a record of methods.
  return makeProvider({ ...options, methods: options.methods as unknown as Readonly<Record<string, AnyMethod>> });
}

/** Makes a provider of methods whose types nobody asks for. */
export function makeProvider(
  options: ProviderSettings & { readonly id?: string | undefined; readonly methods: Readonly<Record<string, AnyMethod>> },
): AnyProvider {
  const { protocol, id = protocol, methods } = options;
  if (typeof protocol !== 'string' || protocol === '')
    throw misconfigured(`A provider needs a protocol like "text/v1", got ${JSON.stringify(protocol)}`);
  if (typeof methods !== 'object' || methods === null) throw misconfigured(`Provider "${id}" needs \`methods\`, got ${String(methods)}`);
  for (const name of [protocol, String(id), ...Object.keys(methods)]) {
    const misfit = misfitOfText(name);
    if (misfit) throw misconfigured(`A name of provider ${describeValue(id)} ${misfit.message}`);
  }
  for (const [name, method] of Object.entries(methods)) {
    if (typeof method?.run !== 'function')
      throw misconfigured(`Method "${name}" of provider "${id}" needs a function \`run\`, got ${typeof method?.run}`);
  }
  return { ...options, kind: providerKind, id };
}

export function isProvider(value: unknown): value is AnyProvider {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === providerKind;
}

function misconfigured(message: string): GleitzeitError {
  return errorOf('CONFIGURATION_ERROR', message);
}

/** The schemas by which providers judge the parameters of a method; none where one of them takes anything. */
export function schemasIn(providers: Iterable<AnyProvider>, protocol: string, method: string): readonly StandardSchemaV1[] {
  const schemas: StandardSchemaV1[] = [];
  for (const provider of providers) {
    if (provider.protocol !== protocol || !Object.hasOwn(provider.methods, method)) continue;
    const schema = provider.methods[method]?.params;
    if (schema === undefined) return [];
    schemas.push(schema);
  }
  return schemas;
}
