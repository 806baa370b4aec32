import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { secretNames } from '../../src/secrets/names.ts';

it('the page of secrets names every name that is one', () => {
  const quoted = readFileSync('docs/secrets.md', 'utf8').match(/^ +> .*$/gm) ?? [];
  const names = quoted.map((line) => line.replace(/^ +> /, '')).join(' ');
  expect(names.split(/,\s*/)).toEqual([...secretNames]);
});
