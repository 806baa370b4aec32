import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { loadProviders } from '../../../src/providers/load.ts';
import { bench, resultOf } from './attempts.ts';

const typescript = fileURLToPath(new URL('./modules/providers.ts', import.meta.url));

function fileOf(name: string, code: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'gleitzeit-')), name);
  writeFileSync(file, code);
  return file;
}

const provider = (protocol: string): string => `{ kind: 'gleitzeit.provider', id: '${protocol}', protocol: '${protocol}', methods: {} }`;

describe('loadProviders', () => {
  it('finds the providers that a TypeScript file exports, alone and in lists, each once', async () => {
    const found = await loadProviders(typescript);
    expect(found.map(({ id }) => id)).toEqual(['one/v1', 'two/v1']);
    const [one] = found;
    expect(one && (await resultOf(bench(one).run({ method: 'one/get' })))).toBe(1);
  });

  it.each([
    ['named.mjs', `export const a = ${provider('a/v1')};`],
    ['default.mjs', `export default ${provider('a/v1')};`],
    ['list.mjs', `export default [${provider('a/v1')}];`],
    ['common.cjs', `module.exports = { a: ${provider('a/v1')} };`],
    ['single.cjs', `module.exports = ${provider('a/v1')};`],
    ['default.mts', `const a: unknown = ${provider('a/v1')}; export default a;`],
  ])('takes %s', async (name, code) => {
    expect((await loadProviders(fileOf(name, code))).map(({ id }) => id)).toEqual(['a/v1']);
  });

  it('says that there is no such file', async () => {
    await expect(loadProviders('/no/such/file.ts')).rejects.toMatchObject({
      code: 'PROVIDER_NOT_FOUND',
      message: 'No file of providers at "/no/such/file.ts"',
    });
  });

  it('says what a file exports that has no provider', async () => {
    await expect(loadProviders(fileOf('none.mjs', 'export const a = 1; export const b = [2];'))).rejects.toMatchObject({
      code: 'PROVIDER_NOT_FOUND',
      message: expect.stringContaining('it exports a, b, and a provider is what defineProvider() returns'),
    });
  });

  it.each([
    ['throws.mjs', 'throw new Error("no licence");', 'no licence'],
    ['syntax.mts', 'export const = ;', 'cannot be loaded'],
    ['imports.mjs', 'import "no-such-package";', "Cannot find package 'no-such-package': install it in the folder of the file, or above"],
    ['imports.ts', 'import { a } from "no-such-package"; export const b = a;', "'no-such-package': install it in the folder of the file, or above"],
  ])('says why %s cannot be loaded', async (name, code, message) => {
    await expect(loadProviders(fileOf(name, code))).rejects.toMatchObject({
      code: 'PROVIDER_INITIALIZATION_FAILED',
      message: expect.stringContaining(message),
    });
  });
});
