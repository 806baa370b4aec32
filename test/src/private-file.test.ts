import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';

import { withHubOptions } from '../../src/cli/place-options.ts';
import { readPrivate } from '../../src/private-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-private-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};

describe('a file that is its owner alone’s', () => {
  it('is read without the space around it', () => {
    expect(readPrivate(file('good', 's3cret\n'), 'The token file')).toBe('s3cret');
  });

  it.each([0o640, 0o604, 0o622])('is refused with mode %o, with what to do', (mode) => {
    const path = file(`mode-${mode}`, 's3cret', mode);
    expect(() => readPrivate(path, 'The token file')).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION_ERROR', message: expect.stringContaining(`chmod 600 ${path}`) }),
    );
  });

  it('is refused when it is empty, not UTF-8, or not there', () => {
    const bytes = file('bytes', '');
    writeFileSync(bytes, Buffer.from([0x67, 0xfc, 0x6e]));
    for (const path of [file('empty', ' \n'), bytes, join(folder, 'nowhere')])
      expect(() => readPrivate(path, 'The token file')).toThrow(expect.objectContaining({ code: 'CONFIGURATION_ERROR' }));
  });
});

describe('--token-file', () => {
  const tokenBy = async (...args: string[]): Promise<unknown> => {
    const command = withHubOptions(new Command('x').exitOverride()).action(() => undefined);
    await command.parseAsync(args, { from: 'user' });
    return command.getOptionValue('token');
  };

  it('stands for the token in it, and for none beside it', async () => {
    const path = file('token', 's3cret\n');
    expect(await tokenBy('--token-file', path)).toBe('s3cret');
    await expect(tokenBy('--token-file', path, '--token', 'x')).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR' });
  });
});
