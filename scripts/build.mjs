/**
 * Builds the library and the command: types by tsc, code by esbuild.
 *
 * Loading a module costs more than running it, and there are hundreds of them, zod's among them: in a few files the library is
 * imported in a third of the time. Everything lands in one folder, so that a file finds the threads beside it, whichever chunk
 * it came to stand in. Packages stay packages, but for zod.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const { dependencies } = createRequire(import.meta.url)('../package.json');
const bundled = new Set(['zod']);
const packages = Object.keys(dependencies).filter((name) => !bundled.has(name));

/**
 * Where an ES module imports names from a CommonJS package, Node first reads the whole package with a lexer that looks for its
 * names: for immutable that takes six times as long as running it. Required, it is the same instance without that.
 */
const requireCommonJs = {
  name: 'require-commonjs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(immutable|xstate|rxjs\/internal\/.+)$/ }, ({ path, namespace }) =>
      namespace === 'commonjs' ? { path, external: true } : { path, namespace: 'commonjs' },
    );
    onLoad({ filter: /.*/, namespace: 'commonjs' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
      resolveDir: root,
    }));
  },
};

rmSync(dist, { recursive: true, force: true });
const typescript = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const { status } = spawnSync(process.execPath, [typescript, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);

await build({
  absWorkingDir: root,
  entryPoints: {
    index: 'src/index.ts',
    testing: 'src/testing/index.ts',
    hub: 'src/hub/index.ts',
    cli: 'src/cli/main.ts',
    'writer-thread': 'src/journal/sqlite/writer-thread.ts',
    'thread-runner': 'src/providers/thread-runner.ts',
  },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  external: packages.flatMap((name) => [name, `${name}/*`]),
  plugins: [requireCommonJs],
  banner: { js: "import { createRequire as createRequireOfModule } from 'node:module';\nconst require = createRequireOfModule(import.meta.url);" },
  logLevel: 'warning',
});
// npm sets the executable bit only where it links.
chmodSync(join(dist, 'cli.js'), 0o755);
