import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { expect, it } from 'vitest';

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
