import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { KeyRing } from '../../../src/secrets/key.ts';
import { Sealer } from '../../../src/secrets/sealer.ts';
import { withoutTokens } from '../../../src/secrets/token.ts';
import { key } from './making.ts';

const sealer = new Sealer(new KeyRing({ option: key }));
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('a sealed value', () => {
  it('opens to what was sealed, with its type', () => {
    fc.assert(fc.property(json, (value) => void expect(sealer.open(sealer.seal(value))).toEqual(value)));
  });

  it('opens inside of a text, wherever it stands and whatever stands next to it', () => {
    const text = fc.string({ unit: 'binary' }).filter((each) => !each.includes('⟦'));
    const property = fc.property(text, fc.string({ unit: 'binary' }), text, fc.string(), (before, first, between, second) => {
      const whole = `${before}${sealer.seal(first)}${between}${sealer.seal(second)}`;
      expect(sealer.open(`${whole}.`)).toBe(`${before}${first}${between}${second}.`);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('stands as JSON inside of a text where it is no text', () => {
    expect(sealer.open(`a ${sealer.seal({ b: [1] })} ${sealer.seal(2)} ${sealer.seal(null)}`)).toBe('a {"b":[1]} 2 null');
  });

  it('is the same for the same value, and another for another value or key', () => {
    const other = new Sealer(new KeyRing({ option: 'o'.repeat(32) }));
    expect(sealer.seal('a')).toBe(sealer.seal('a'));
    expect(sealer.seal('a')).not.toBe(sealer.seal('b'));
    expect(sealer.seal('1')).not.toBe(sealer.seal(1));
    expect(sealer.seal('a')).not.toBe(other.seal('a'));
  });

  it('tells its length to 16 bytes only, and nothing of what it is', () => {
    expect(sealer.seal('hunter2')).toHaveLength(sealer.seal('').length);
    expect(sealer.seal('hunter2')).not.toContain(Buffer.from('hunter2').toString('base64url'));
  });

  it('is not opened again when what was in it looks like one', () => {
    const inner = sealer.seal('hunter2');
    expect(sealer.open(sealer.seal(inner))).toBe(inner);
    expect(sealer.open(`x${sealer.seal(inner)}`)).toBe(`x${inner}`);
  });

  it('is refused without its key, in words that say what to do', () => {
    const other = new Sealer(new KeyRing({ option: 'o'.repeat(32), file: '/nowhere/w.db-key' }));
    const refusal = {
      code: 'CONFIGURATION_ERROR',
      retryable: false,
      message: expect.stringMatching(/secrets\.key.*GLEITZEIT_SECRET_KEY.*w\.db-key/),
    };
    expect(() => other.open(sealer.seal('a'))).toThrow(expect.objectContaining(refusal));
  });

  it('is refused when a bit of it was changed', () => {
    const token = sealer.seal('hunter2');
    const payload = Buffer.from(token.slice(11, -1), 'base64url');
    for (let at = 4; at < payload.length; at++) {
      const changed = Buffer.from(payload);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => sealer.open(`⟦sealed:v1:${changed.toString('base64url')}⟧`)).toThrow(
        expect.objectContaining({ code: 'PERSISTENCE_INTEGRITY_ERROR' }),
      );
    }
  });

  it.each([1, 8, 16, 27, 31])('is refused when it is cut to %i bytes', (length) => {
    const payload = Buffer.from(sealer.seal('hunter2').slice(11, -1), 'base64url').subarray(0, length);
    expect(() => sealer.open(`⟦sealed:v1:${payload.toString('base64url')}⟧`)).toThrow();
  });

  it.each(['⟦', '⟦sealed:v1:⟧', '⟦sealed:v2:AAAA⟧', 'sealed:v1:AAAA', '⟦sealed:v1:AA AA⟧'])('is not seen in %s', (text) => {
    expect(sealer.open(text)).toBe(text);
  });

  it('stands as [sealed] where people read, be it cut or not', () => {
    const token = sealer.seal('hunter2');
    expect(withoutTokens(`a ${token}b ${token}`)).toBe('a [sealed]b [sealed]');
    expect(withoutTokens(`a ${token.slice(0, 40)}…`)).toBe('a [sealed]…');
    expect(withoutTokens('nothing')).toBe('nothing');
  });
});

describe('a ring of keys', () => {
  it('seals with the option before the environment, and opens with either', () => {
    const before = new Sealer(new KeyRing({ environment: 'e'.repeat(32) }));
    const both = new Sealer(new KeyRing({ option: key, environment: 'e'.repeat(32) }));
    expect(both.open(before.seal('a'))).toBe('a');
    expect(both.seal('a')).toBe(sealer.seal('a'));
  });

  it('takes bytes for the text that they are', () => {
    expect(new Sealer(new KeyRing({ option: Buffer.from(key) })).seal('a')).toBe(sealer.seal('a'));
  });

  it('refuses what is too short, and does not tell it', () => {
    const refusal = (sources: ConstructorParameters<typeof KeyRing>[0]) => {
      try {
        return new KeyRing(sources);
      } catch (error) {
        return error;
      }
    };
    for (const error of [refusal({ option: 'hunter2' }), refusal({ environment: 'hunter2' }), refusal({ option: Buffer.from('hunter2') })]) {
      expect(error).toMatchObject({ code: 'CONFIGURATION_ERROR', message: expect.stringContaining('got 7') });
      expect(JSON.stringify(error)).not.toContain('hunter2');
    }
  });

  it('makes up a key of its own where nobody gives one', () => {
    const [one, other] = [new Sealer(new KeyRing({})), new Sealer(new KeyRing({}))];
    expect(one.open(one.seal('a'))).toBe('a');
    expect(one.seal('a')).not.toBe(other.seal('a'));
  });
});
