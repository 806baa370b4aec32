/** What is said of a log that could not have been written by this system. */
import type { GleitzeitEvent } from '../../machines/events/catalogue.ts';

/**
 * What a log breaks: sequence numbers that grow; types, schemas and owners of the catalogue; ids that name one event; causes
 * that come first; a workflow that begins with its submission; facts that their own machine could have stated; one end for
 * each task and workflow; attempts counted one by one; reports under the lease of their attempt.
 */
export type LogRule = 'order' | 'type' | 'schema' | 'owner' | 'identity' | 'cause' | 'submission' | 'fold' | 'end' | 'attempts' | 'lease';

/** One thing that is wrong with a log. */
export interface Violation {
  /** Of the event that shows it. */
  readonly seq: number;
  readonly rule: LogRule;
  /** The thing, the rule and what was found. */
  readonly message: string;
}

/** How a message calls an event. */
export function nameOf({ type, seq }: GleitzeitEvent): string {
  return `'${type}' (${seq})`;
}
