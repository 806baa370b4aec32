/**
 * Answers to questions about what actors hold: nothing is told that a crash could undo.
 *
 * Actors are ahead of the journal while a commit is under way. An answer is read from them at once, and told when everything that
 * was stated up to that moment is durable: so it holds all that was stated before the question and nothing that is not durable,
 * and waits for two commits at the most, however much is stated after it. With nothing under way it does not wait at all. The
 * other order (wait first, then read) would not do: by the time of the reading, turns have stated more.
 *
 * While the journal takes nothing there is no telling when that would be: then the answer is what is recorded, at once.
 */
import type { Core } from './core.ts';

export interface Question<Answer> {
  /** Reads the answer from the actors, all of it before it returns. */
  readonly live: () => Answer;
  /** Finds the answer, or refuses it, without them. */
  readonly recorded: () => Answer | Promise<Answer>;
}

/** @throws what the question throws; GleitzeitError SYSTEM_SHUTDOWN when the system ends before the answer may be told */
export async function told<Answer>(core: Pick<Core, 'settled'>, { live, recorded }: Question<Answer>): Promise<Answer> {
  const isSettled = core.settled();
  if (isSettled === true) return live();
  if (isSettled === false) return recorded();
  // What refuses the question follows from the actors as an answer does.
  const answer = readingOf(live);
  return (await isSettled) ? answer() : recorded();
}

/** Resolves when what was stated up to now is recorded; at once while the journal takes nothing. @throws GleitzeitError SYSTEM_SHUTDOWN */
export async function caughtUp(core: Pick<Core, 'settled'>): Promise<void> {
  const isSettled = core.settled();
  if (typeof isSettled !== 'boolean') await isSettled;
}

function readingOf<Answer>(live: () => Answer): () => Answer {
  try {
    const answer = live();
    return () => answer;
  } catch (thrown) {
    return () => {
      throw thrown;
    };
  }
}
