/**
 * Builds the library and the command: types by tsc, code by esbuild.
 *
 * Loading a module costs more than running it, and there are hundreds of them, zod's among them: in a few files the library is
 * imported in a third of the time. Everything lands in one folder, so that a file finds the threads beside it, whichever chunk
 * it came to stand in. Packages stay packages, but for
 * those that `bundle.mjs` names, whose licences come along.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { build } from 'esbuild';

import { bundle, root } from './bundle.mjs';
import { noticesFile, noticesOf } from './notices.mjs';

const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const typescript = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [typescript, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

const { metafile } = await build({ ...bundle, outdir: dist, sourcemap: true });
writeFileSync(join(dist, noticesFile), noticesOf(Object.keys(metafile.inputs), root));
// npm sets the executable bit only where it links.
chmodSync(join(dist, 'cli.js'), 0o755);
