/** What esbuild makes of the sources: which packages come along in the bundle, and which stay packages. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
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

/** The options of a build, but for where it goes. */
export const bundle = {
  absWorkingDir: root,
  entryPoints: {
    index: 'src/index.ts',
    testing: 'src/testing/index.ts',
    hub: 'src/hub/index.ts',
    cli: 'src/cli/main.ts',
    'writer-thread': 'src/journal/sqlite/writer-thread.ts',
    'loading-thread': 'src/hub/work/loading-thread.ts',
    'thread-runner': 'src/providers/thread-runner.ts',
  },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  metafile: true,
  external: packages.flatMap((name) => [name, `${name}/*`]),
  plugins: [requireCommonJs],
  banner: { js: "import { createRequire as createRequireOfModule } from 'node:module';\nconst require = createRequireOfModule(import.meta.url);" },
  logLevel: 'warning',
};
