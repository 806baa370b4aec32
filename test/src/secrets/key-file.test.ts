import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { KeyRing } from '../../../src/secrets/key.ts';
import { Sealer } from '../../../src/secrets/sealer.ts';

const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-key-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const place = () => join(folder, `w${files++}.db-key`);

describe('the file of a key', () => {
  it('is made when something is sealed, not before, for its owner alone', () => {
    const file = place();
    const sealer = new Sealer(new KeyRing({ file }));
    sealer.open('nothing in it');
    expect(existsSync(file)).toBe(false);
    sealer.seal('a');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(file, 'utf8'), 'base64url')).toHaveLength(32);
    expect(readdirSync(folder).filter((name) => name.startsWith('w0'))).toEqual(['w0.db-key']);
  });

  it.each([0o644, 0o640, 0o602])('is refused where others may use it, and the message says what to do: %i', (mode) => {
    const file = place();
    new Sealer(new KeyRing({ file })).seal('a');
    chmodSync(file, mode);
    const refused = expect.objectContaining({
      code: 'PERSISTENCE_READ_FAILED',
      retryable: false,
      message: expect.stringContaining(`chmod 600 ${file}`),
    });
    expect(() => new Sealer(new KeyRing({ file })).seal('a')).toThrow(refused);
    chmodSync(file, 0o400);
    expect(new Sealer(new KeyRing({ file })).seal('a')).toEqual(expect.any(String));
  });

  it('is the same for the next one', () => {
    const file = place();
    const token = new Sealer(new KeyRing({ file })).seal('a');
    const next = new Sealer(new KeyRing({ file }));
    expect(next.open(token)).toBe('a');
    expect(next.seal('a')).toBe(token);
  });

  it('is not made, and opens all the same, where another key seals', () => {
    const file = place();
    const token = new Sealer(new KeyRing({ file })).seal('a');
    const later = new Sealer(new KeyRing({ option: 'k'.repeat(32), file }));
    expect(later.open(token)).toBe('a');
    expect(later.seal('a')).not.toBe(token);
    const without = place();
    new Sealer(new KeyRing({ option: 'k'.repeat(32), file: without })).seal('a');
    expect(existsSync(without)).toBe(false);
  });

  it.each(['', 'short', 'x'.repeat(60)])('is refused when it holds %j', (text) => {
    const file = place();
    writeFileSync(file, text, { mode: 0o600 });
    const refusal = { code: 'PERSISTENCE_INTEGRITY_ERROR', message: expect.stringContaining(file), retryable: false };
    expect(() => new Sealer(new KeyRing({ file })).seal('a')).toThrow(expect.objectContaining(refusal));
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('is told when it cannot be made, and leaves nothing behind', () => {
    const file = join(folder, 'missing', 'w.db-key');
    expect(() => new Sealer(new KeyRing({ file })).seal('a')).toThrow(
      expect.objectContaining({ code: 'PERSISTENCE_WRITE_FAILED', retryable: false }),
    );
    const unreadable = place();
    new Sealer(new KeyRing({ file: unreadable })).seal('a');
    chmodSync(unreadable, 0o000);
    // Root may read everything.
    if (process.getuid?.() !== 0)
      expect(() => new Sealer(new KeyRing({ file: unreadable })).seal('a')).toThrow(expect.objectContaining({ code: 'PERSISTENCE_READ_FAILED' }));
  });
});
