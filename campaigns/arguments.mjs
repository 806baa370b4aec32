/** What a campaign is asked for, and what the machine has for it. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

/** Whole numbers by name; each has a default. */
export function numbersAsked(defaults) {
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: 'string' }]));
  const { values } = parseArgs({ options });
  return Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => {
      const number = Number(values[name] ?? value);
      if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} must be a whole number from 0, got ${values[name]}`);
      return [name, number];
    }),
  );
}

/** Whether system calls can be watched and tampered with here. */
export function hasStrace() {
  if (process.env['GLEITZEIT_NO_STRACE'] === '1') return false;
  const { status } = spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=rename', process.execPath, '-e', '0'], { stdio: 'ignore' });
  return status === 0;
}
