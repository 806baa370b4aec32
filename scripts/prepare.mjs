/**
 * Builds, unless the build is newer than everything that it is made from: npm asks for it after an install, and `npx` asks
 * again when it links a clone for the first time.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const sources = ['machines', 'src', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

/** When a file or anything in a folder last changed, in epoch milliseconds; 0 for what is not there. */
function changedAt(url) {
  const found = statSync(url, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found?.mtimeMs ?? 0;
  return Math.max(found.mtimeMs, ...readdirSync(url).map((name) => changedAt(new URL(`${url.href}/${name}`))));
}

// The executable bit is the last thing that a build sets: without it the build broke off.
const main = new URL('dist/cli.js', root);
const isWhole = ((statSync(main, { throwIfNoEntry: false })?.mode ?? 0) & 0o100) !== 0;
const builtAt = isWhole ? changedAt(main) : 0;
if (builtAt < Math.max(...sources.map((path) => changedAt(new URL(path, root))))) {
  const npm = process.env.npm_execpath;
  const [command, args] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  const { status } = spawnSync(command, [...args, 'run', 'build'], { cwd: fileURLToPath(root), stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
