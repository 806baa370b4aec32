import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { readTokens } from '../../../src/cli/tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-tokens-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('--tokens', () => {
  it('refuses a file that is not UTF-8: half of its tokens would be others', () => {
    const file = join(folder, 'tokens.json');
    writeFileSync(file, Buffer.from('[{ "token": "gr\u00fcn" }]', 'latin1'), { mode: 0o600 });
    expect(() => readTokens(file)).toThrow(
      expect.objectContaining({
        code: 'CONFIGURATION_ERROR',
        message: expect.stringMatching(/tokens\.json, is not UTF-8: byte 0xfc at offset 15, in line 1/),
      }),
    );
  });
});
