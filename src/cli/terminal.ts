/** Where a command speaks: data on stdout, talk on stderr, colours and cursor moves only where a person reads. */
import { createColors } from 'picocolors';

/** The part of a stream that the commands use. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  /** Whether nobody reads any more. */
  readonly destroyed?: boolean;
}

export type Colors = ReturnType<typeof createColors>;

export interface Terminal {
  readonly stdout: Screen;
  readonly stderr: Screen;
  /** Colours of the talk; they leave text as it is where none are wanted. */
  readonly colors: Colors;
  /** Whether the talk may move the cursor. */
  readonly live: boolean;
}

export interface TerminalOptions {
  readonly stdout: Screen;
  readonly stderr: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Looks at the streams and at NO_COLOR, FORCE_COLOR and TERM. */
export function terminalOf({ stdout, stderr, env }: TerminalOptions): Terminal {
  const isDumb = env['TERM'] === 'dumb';
  const isWatched = stderr.isTTY === true && !isDumb;
  const refused = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '' && env['FORCE_COLOR'] !== '0';
  return { stdout, stderr, colors: createColors(!refused && (forced || isWatched)), live: isWatched };
}

/** Writes a line of data. */
export function print({ stdout }: Terminal, text: string): void {
  stdout.write(`${stdout.isTTY === true ? harmless(text) : text}\n`);
}

/** Writes a value as JSON, the whole of a command's data. */
export function printJson({ stdout }: Terminal, value: unknown): void {
  stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Writes a line of talk. */
export function say({ stderr }: Terminal, text: string): void {
  stderr.write(`${text}\n`);
}

const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text of others without what a terminal would obey: line ends and tabs stay. */
export function harmless(text: string): string {
  return text.replaceAll(controls, '\ufffd');
}

/** The same, on one line. */
export function oneLine(text: string): string {
  return harmless(text.replaceAll(/[\r\n\t]+/g, ' '));
}
