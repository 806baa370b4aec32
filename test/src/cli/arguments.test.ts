import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { checkOutput, readCount, readInput, readSeconds } from '../../../src/cli/arguments.ts';
import { pathOf, pathToRunOn } from '../../../src/cli/database.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-arguments-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('--input', () => {
  it('is nothing where nothing is given', async () => {
    expect(await readInput(undefined)).toBeUndefined();
  });

  it.each([
    ['{"a":[1]}', { a: [1] }],
    ['null', null],
    ['3', 3],
  ])('reads the JSON %s', async (given, value) => {
    expect(await readInput(given)).toEqual(value);
  });

  it('reads the file behind an @', async () => {
    writeFileSync(join(folder, 'input.json'), '{"a":1}');
    expect(await readInput(`@${join(folder, 'input.json')}`)).toEqual({ a: 1 });
  });

  it('refuses a file that is not UTF-8', async () => {
    writeFileSync(join(folder, 'latin.json'), Buffer.from('"gr\u00fcn"', 'latin1'));
    await expect(readInput(`@${join(folder, 'latin.json')}`)).rejects.toThrow(/latin\.json', which is not UTF-8: byte 0xfc at offset 3, in line 1/);
  });

  it.each(['{a:1}', '', '@', '@/not/there.json'])('refuses %j with a typed error', async (given) => {
    await expect(readInput(given)).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR', message: expect.stringContaining('--input') });
  });
});

describe('--output', () => {
  it('accepts a file that is not there yet, and one that is', async () => {
    writeFileSync(join(folder, 'there.json'), '');
    await checkOutput(undefined);
    await checkOutput(join(folder, 'new.json'));
    await checkOutput(join(folder, 'there.json'));
  });

  it('refuses a folder, and a file in a folder that is not there', async () => {
    await expect(checkOutput(folder)).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR', message: expect.stringContaining('is a folder') });
    await expect(checkOutput(join(folder, 'no', 'where.json'))).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR' });
  });
});

describe('--timeout', () => {
  it('is in seconds', () => {
    expect([readSeconds(undefined, '--timeout'), readSeconds('0.5', '--timeout'), readSeconds('90', '--timeout')]).toEqual([undefined, 500, 90_000]);
  });

  it.each(['0', '-1', 'soon', '', 'Infinity', 'NaN'])('refuses %j', (given) => {
    expect(() => readSeconds(given, '--timeout')).toThrow(expect.objectContaining({ code: 'CONFIGURATION_ERROR' }));
  });
});

describe('--db', () => {
  it('is the path of a journal, which outlives the command', () => {
    expect(pathOf({ db: 'a.db' })).toBe('a.db');
    for (const db of ['', ' ', ':memory:']) expect(() => pathOf({ db })).toThrow(expect.objectContaining({ code: 'CONFIGURATION_ERROR' }));
  });

  it('may be memory for a run, which has its end to itself', () => {
    expect([pathToRunOn(undefined), pathToRunOn(':memory:'), pathToRunOn('a.db')]).toEqual([undefined, undefined, 'a.db']);
    expect(() => pathToRunOn('')).toThrow(expect.objectContaining({ code: 'CONFIGURATION_ERROR' }));
  });
});

describe('a count', () => {
  it.each(['-1', '1.5', 'x', '', '1e3', '9'.repeat(16)])('is not %j', (given) => {
    expect(() => readCount(given, '--at')).toThrow(expect.objectContaining({ code: 'CONFIGURATION_ERROR' }));
  });

  it('is a whole number from 0', () => {
    expect([readCount(undefined, '--at'), readCount('0', '--at'), readCount('12', '--at')]).toEqual([undefined, 0, 12]);
  });
});
