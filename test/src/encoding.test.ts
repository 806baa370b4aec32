import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeText, decodeUtf8 } from '../../src/encoding.ts';

describe('decodeUtf8', () => {
  it('gives back every text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void expect(decodeUtf8(Buffer.from(text))).toEqual({ text })));
  });

  it('gives no text for what it would have to replace', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const decoded = decodeUtf8(bytes);
        if ('text' in decoded) expect(Buffer.from(decoded.text)).toEqual(Buffer.from(bytes));
        else expect(Buffer.from(Buffer.from(bytes).toString('utf8'))).not.toEqual(Buffer.from(bytes));
      }),
    );
  });

  it.each([
    ['ff', 'byte 0xff at offset 0, in line 1'],
    ['610a62ff', 'byte 0xff at offset 3, in line 2'],
    ['610aff0a', 'byte 0xff at offset 2, in line 2'],
    ['c3', 'byte 0xc3 at offset 0'],
    ['eda080', 'byte 0xed at offset 0'],
  ])('says where the fault is: %s', (hex, place) => {
    expect(decodeUtf8(Buffer.from(hex, 'hex'))).toMatchObject({ problem: expect.stringContaining(place) });
  });

  it.each([
    ['fffe6100', 'is UTF-16LE by its byte order mark, and not UTF-8'],
    ['feff0061', 'is UTF-16BE by its byte order mark, and not UTF-8'],
  ])('knows UTF-16: %s', (hex, problem) => {
    expect(decodeUtf8(Buffer.from(hex, 'hex'))).toEqual({ problem });
  });
});

describe('decodeText', () => {
  it.each([
    ['iso-8859-1', 'fc', { text: 'ü' }],
    ['utf8', 'c3bc', { text: 'ü' }],
    ['utf-8', 'fc', { problem: 'is not UTF-8: byte 0xfc at offset 0, in line 1', line: 1 }],
    ['shift_jis', 'ff', { problem: 'is not in its charset shift_jis' }],
    ['none', '61', { problem: 'has the charset "none", which is unknown here' }],
  ])('%s', (charset, hex, decoded) => {
    expect(decodeText(Buffer.from(hex, 'hex'), charset)).toEqual(decoded);
  });
});
