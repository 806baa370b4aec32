/** What `gleitzeit doctor` looks at, and what it finds. */
import { oneLine } from './terminal.ts';

/** `missing` and `warning` keep nothing from running; `fault` does. */
export type Level = 'ok' | 'missing' | 'warning' | 'fault';

export interface Finding {
  readonly name: string;
  readonly level: Level;
  readonly detail: string;
  /** What to do about it; there for everything that is not `ok`. */
  readonly advice?: string;
}

export interface Check {
  readonly name: string;
  /** Says what was found; throws a {@link Trouble}. */
  readonly look: () => string | Promise<string>;
  /** What to do where it throws anything else. */
  readonly advice: string;
}

/** What is not as it should be, and what to do about it. */
export class Trouble extends Error {
  readonly level: Level;
  readonly advice: string;

  constructor(level: Exclude<Level, 'ok'>, message: string, advice: string) {
    super(message);
    this.level = level;
    this.advice = advice;
  }
}

/** Never rejects: what a check throws is what it found. */
export async function examine({ name, look, advice }: Check): Promise<Finding> {
  try {
    return { name, level: 'ok', detail: oneLine(await look()) };
  } catch (thrown) {
    if (thrown instanceof Trouble) return { name, level: thrown.level, detail: oneLine(thrown.message), advice: oneLine(thrown.advice) };
    return { name, level: 'fault', detail: oneLine(thrown instanceof Error ? thrown.message : String(thrown)), advice };
  }
}
