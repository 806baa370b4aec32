/** An event on its way out: encoded once for those who have work done, and once for those who only look, where that differs. */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Namespace } from '../../../machines/events/namespace.ts';
import { observedEvent } from '../protocol/observing.ts';
import type { Entry } from './backlog.ts';
import { Frame, packetOf } from './frame.ts';

export function entryOf(event: GleitzeitEvent, { namespace, isMark }: { readonly namespace: Namespace; readonly isMark: boolean }): Entry {
  const shown = observedEvent(event);
  const frame = new Frame(() => packetOf(namespace, event.type, event));
  return { event, frame, observed: shown === event ? frame : new Frame(() => packetOf(namespace, shown.type, shown)), isMark };
}
