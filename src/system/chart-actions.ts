/**
 * The actions of a chart as plain functions: each takes a context and an event, answers with the context after it, and says what
 * it states. They are XState's own objects, taken at their word; what is none of the three kinds that charts here use is refused.
 */
import type { GleitzeitDraft, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { readField } from '../thrown.ts';

export type Context = Readonly<Record<string, unknown>>;
export type Act = (context: Context, event: GleitzeitEvent, stated: GleitzeitDraft[]) => Context;

interface ActionArgs {
  readonly context: Context;
  readonly event: GleitzeitEvent;
}

type Update = (args: ActionArgs) => Context;
type Assignment = Update | Readonly<Record<string, unknown>>;
type Statement = GleitzeitDraft | ((args: ActionArgs) => GleitzeitDraft);
type Collect = (args: ActionArgs & { readonly enqueue: Queue }) => void;

/** What an action that is made of others may put in line. */
interface Queue {
  emit(statement: Statement): void;
  assign(assignment: Assignment): void;
}

/**
 * @param options - `mayAssign`: whether an `enqueueActions` may change the context; one that is named as a statement may not.
 * @returns nothing for what is no `assign`, `emit` or `enqueueActions`
 */
export function actOf(action: unknown, { mayAssign }: { readonly mayAssign: boolean }): Act | undefined {
  // XState keeps what an action was made of as its fields, under these names.
  switch (readField(action, 'type')) {
    case 'xstate.assign':
      return assigning(readField(action, 'assignment') as Assignment);
    case 'xstate.emit':
      return emitting(readField(action, 'event') as Statement);
    case 'xstate.enqueueActions':
      return collecting(readField(action, 'collect') as Collect, mayAssign);
    default:
      return undefined;
  }
}

export function perform(acts: readonly Act[], before: Context, { event, stated }: { event: GleitzeitEvent; stated: GleitzeitDraft[] }): Context {
  let context = before;
  for (const act of acts) context = act(context, event, stated);
  return context;
}

function assigning(assignment: Assignment): Act {
  if (typeof assignment === 'function') {
    return (context, event) => {
      const update = assignment({ context, event });
      return update === context ? context : { ...context, ...update };
    };
  }
  const parts = Object.entries(assignment);
  return (context, event) => {
    const next: Record<string, unknown> = { ...context };
    // Each sees the context as it was.
    for (const [key, value] of parts) next[key] = typeof value === 'function' ? (value as (args: ActionArgs) => unknown)({ context, event }) : value;
    return next;
  };
}

function emitting(statement: Statement): Act {
  return (context, event, stated) => {
    stated.push(typeof statement === 'function' ? statement({ context, event }) : statement);
    return context;
  };
}

function collecting(collect: Collect, mayAssign: boolean): Act {
  return (context, event, stated) => {
    const acts: Act[] = [];
    const enqueue: Queue = {
      emit: (statement) => acts.push(emitting(statement)),
      assign(assignment) {
        if (!mayAssign) throw new Error('An action named state... only states facts: what it assigns would be lost when they are folded.');
        acts.push(assigning(assignment));
      },
    };
    collect({ context, event, enqueue });
    return perform(acts, context, { event, stated });
  };
}
