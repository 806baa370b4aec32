/** The types by which a workflow that is written in code is checked: from schema to reference to handler. */
import type { Priority, RetryPolicy } from '../../machines/events/definition.ts';
import type { AnyProvider, Handler, MethodsOf, ParamsOf, ResultOf } from '../providers/provider.ts';
import type { JsonResult } from './jsonified.ts';
import type { Loose, OptionalRef, Present, Ref, RefTo, Resolved, Templated } from './ref-types.ts';

/** A task, by a reference to it or by its id. */
export type TaskLike = RefTo<unknown> | string;

export interface TaskSettings {
  /** A name for people. */
  readonly name?: string;
  /** Tasks to wait for beside those that the parameters refer to; `done` waits for the end only, however it comes. */
  readonly dependsOn?: readonly (TaskLike | { readonly task: TaskLike; readonly when: 'success' | 'done' })[];
  /** @defaultValue `normal` */
  readonly priority?: Priority;
  /** How long an attempt may run, in milliseconds. @defaultValue 300_000 */
  readonly timeoutMs?: number;
  /** `true` or `{}`: with the defaults; a number: so many attempts in all. @defaultValue tried once */
  readonly retry?: boolean | number | Partial<RetryPolicy>;
}

/** A share of elements, for example `10%`. */
type Share = `${number}%`;

type List = RefTo<readonly unknown[]> | OptionalRef<readonly unknown[]>;

/** A list to run over: a reference to it, or that with limits. An `optional` one that is not there is empty. */
export type FanOut =
  | List
  | {
      readonly items: List;
      /** Elements that run at the same time at most. */
      readonly concurrency?: number;
      /** Failed elements that the task survives, whose results are null. @defaultValue 0 */
      readonly tolerate?: number | Share;
    };

type ElementOf<F> = 0 extends 1 & F
  ? Loose
  : F extends RefTo<readonly (infer Element)[] | null>
    ? Element
    : F extends { readonly items: RefTo<readonly (infer Element)[] | null> }
      ? Element
      : Loose;

type ResultsOf<F, Result> = 0 extends 1 & F
  ? JsonResult<Result>[]
  : F extends { readonly tolerate: unknown }
    ? (JsonResult<Result> | null)[]
    : JsonResult<Result>[];

/** Makes the parameters of one element. */
type PerElement<F, Params> = (item: Ref<ElementOf<F>>, index: Ref<number>) => Params;

/** Functions as tasks. */
export interface FunctionTasks {
  /** Runs a function once per element of a list; results stand in the order of the elements. Write `params` before `run`. */
  <F extends FanOut, Params, Result>(
    id: string,
    options: TaskSettings & {
      readonly forEach: F;
      readonly params: PerElement<F, Params & Present<Params>>;
      readonly run: Handler<Resolved<Params>, Result>;
      readonly method?: never;
    },
  ): Ref<ResultsOf<F, Awaited<Result>>>;
  /** Runs a function. */
  <Params = Readonly<Record<string, never>>, Result = unknown>(
    id: string,
    options: TaskSettings & {
      readonly run: Handler<Resolved<Params>, Result>;
      readonly params?: Params & Present<Params>;
      readonly method?: never;
      readonly forEach?: never;
    },
  ): Ref<JsonResult<Awaited<Result>>>;
}

/** The provider, of several, that has a method. */
type Having<P, M> = P extends unknown ? (M extends MethodsOf<P> ? P : never) : never;
type ParamsIn<P, M extends MethodsOf<P>> = ParamsOf<Having<P, M>, M & MethodsOf<Having<P, M>>>;
type ResultIn<P, M extends MethodsOf<P>> = Awaited<ResultOf<Having<P, M>, M & MethodsOf<Having<P, M>>>>;
/** Parameters may be left out where none is required. */
type GivenParams<Params> = Record<never, never> extends Params ? { readonly params?: Templated<Params> } : { readonly params: Templated<Params> };

interface MethodRoute<M> {
  readonly method: M;
  /** @defaultValue that of the provider with the method; without one `text/words` implies `text/v1` */
  readonly protocol?: string;
  readonly run?: never;
}

/** Methods of known providers as tasks. */
export interface MethodTasks<P extends AnyProvider> {
  /** Calls a method once per element of a list; results stand in the order of the elements. */
  <F extends FanOut, M extends MethodsOf<P>>(
    id: string,
    options: TaskSettings & MethodRoute<M> & { readonly forEach: F; readonly params: PerElement<F, Templated<ParamsIn<P, M>>> },
  ): Ref<ResultsOf<F, ResultIn<P, M>>>;
  /** Calls a method. */
  <M extends MethodsOf<P>>(
    id: string,
    options: TaskSettings & MethodRoute<M> & GivenParams<ParamsIn<P, M>> & { readonly forEach?: never },
  ): Ref<JsonResult<ResultIn<P, M>>>;
}

/** Methods that only the system will know. */
export type LooseTasks = (
  id: string,
  options: TaskSettings &
    MethodRoute<string> & {
      readonly forEach?: FanOut;
      readonly params?: PerElement<Loose, unknown> | RefTo<unknown> | Readonly<Record<string, unknown>>;
    },
) => Loose;

/** What adds tasks to a workflow; each call gives a reference to what its task will result in. */
export type TaskBuilder<P extends AnyProvider> = FunctionTasks & ([P] extends [never] ? LooseTasks : MethodTasks<P>);
