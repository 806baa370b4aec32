/** Terminals for tests: what was written is kept, and a screen can be asked what a person would see. */
import { type Screen, type Terminal, terminalOf } from '../../../src/cli/terminal.ts';

export interface FakeScreen extends Screen {
  /** All that was written. */
  text(): string;
  /** What stands on the screen now, cursor moves carried out. */
  seen(): string[];
  readonly writes: readonly string[];
}

export function fakeScreen(options: { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number } = {}): FakeScreen {
  const writes: string[] = [];
  const text = () => writes.join('');
  return { ...options, writes, write: (part) => writes.push(part), text, seen: () => carryOut(text()) };
}

/** Understands line ends, cursor up and erase to the end: what the live picture uses. */
function carryOut(text: string): string[] {
  const lines: string[] = [''];
  for (const [part, up] of text.matchAll(/\u001b\[(\d+)A|\u001b\[0J|\n|[^\u001b\n]+|\u001b\[\d+m/g)) {
    if (part === '\n') lines.push('');
    else if (up !== undefined) lines.length = Math.max(1, lines.length - Number(up));
    if (up !== undefined || part === '\u001b[0J') lines[lines.length - 1] = '';
    else if (part !== '\n' && !part.startsWith('\u001b')) lines[lines.length - 1] += part;
  }
  return lines.filter((line) => line !== '');
}

export interface FakeTerminal extends Terminal {
  readonly stdout: FakeScreen;
  readonly stderr: FakeScreen;
}

export function fakeTerminal(stderr: FakeScreen = fakeScreen(), env: Readonly<Record<string, string>> = {}): FakeTerminal {
  const stdout = fakeScreen();
  return { ...terminalOf({ stdout, stderr, env }), stdout, stderr };
}
