import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { globSync } from 'tinyglobby';
import { expect, it, onTestFinished } from 'vitest';

interface Package {
  readonly dependencies?: object;
  readonly devDependencies?: object;
  readonly engines?: object;
}

const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Package & { readonly packages?: Readonly<Record<string, Package>> };

it('The lock file has what package.json asks for: without it, a clean clone cannot be installed', () => {
  const { dependencies, devDependencies, engines } = read('package.json');
  expect(read('package-lock.json').packages?.['']).toMatchObject({ dependencies, devDependencies, engines });
});

it('zod is imported as a namespace: by the name of z, a build would hold what it says in every language', () => {
  const byName = globSync(['src/**/*.ts', 'machines/**/*.ts']).filter((path) =>
    /import (type )?\{[^}]*\bz\b[^}]*\} from 'zod'/.test(readFileSync(path, 'utf8')),
  );
  expect(byName).toEqual([]);
});

/** The parts of the build; scripts of plain JavaScript bring no types. */
const script = (name: string): Promise<unknown> => import(new URL(`../scripts/${name}.mjs`, import.meta.url).href);
const notices = async () => ((await script('notices')) as { noticesOf(inputs: readonly string[], root: string): string }).noticesOf;

it('every package that is bundled has the text of its licence in the build', async () => {
  const { bundle, root } = (await script('bundle')) as { readonly bundle: BuildOptions; readonly root: string };
  const { metafile } = await build({ ...bundle, outdir: 'dist', write: false, metafile: true });
  const inputs = Object.keys(metafile.inputs);
  const bundled = new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path)?.[1] ?? []));
  expect([...bundled]).toContain('zod');
  const text = (await notices())(inputs, root);
  for (const name of bundled) expect(text).toContain(readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8').trim());
});

it('a package without the text of its licence stops the build', async () => {
  const root = mkdtempSync(join(tmpdir(), 'gleitzeit-notices-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'node_modules', '@some', 'bare');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"name":"@some/bare","version":"1.0.0","license":"MIT"}');
  const noticesOf = await notices();
  expect(() => noticesOf(['src/a.ts', 'node_modules/@some/bare/lib/index.js'], root)).toThrow('@some/bare@1.0.0 is bundled');
  writeFileSync(join(folder, 'LICENSE.md'), 'Do as you like.');
  expect(noticesOf(['node_modules/@some/bare/lib/index.js'], root)).toContain('@some/bare 1.0.0 (MIT)\n\nDo as you like.');
});
