/** What the work of a hub is done with: budgets, portions, and the thread that reads workflows. */
import { deferToEventLoop } from '../../system/defer.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { Budgets } from './budget.ts';
import { Loader } from './loader.ts';
import { Portions } from './portions.ts';

export interface EdgeWork {
  readonly budgets: Budgets;
  readonly portions: Portions;
  readonly loader: Loader;
  /** In milliseconds, going on evenly. */
  readonly now: () => number;
}

/** @param batches - Whether a workflow may list the files of this machine. */
export function createEdgeWork(limits: HubLimits, batches: boolean): EdgeWork {
  const now = (): number => performance.now();
  const budgets = new Budgets(limits, now);
  const portions = new Portions({ now, defer: deferToEventLoop }, (holder, ms) => budgets.spend(holder, ms));
  const loader = new Loader({ bounds: { bytes: limits.messageBytes, depth: limits.depth }, batches }, portions);
  return { budgets, portions, loader, now };
}
