/** How the pool states facts: one action may state several, or none. */
import type { PoolContext } from './pool-context.ts';
import type { PoolEvent, PoolFact } from './pool-protocol.ts';

type FactsOf = (context: PoolContext, event: PoolEvent) => readonly PoolFact[];
type Told = { readonly context: PoolContext; readonly event: PoolEvent; readonly enqueue: { readonly emit: (fact: PoolFact) => void } };

/** An action that states as many facts as there are. */
export const stating =
  (factsOf: FactsOf) =>
  ({ context, event, enqueue }: Told): void => {
    for (const fact of factsOf(context, event)) enqueue.emit(fact);
  };
