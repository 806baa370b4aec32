import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { GleitzeitError } from '../../../../src/errors.ts';
import { Incoming, type Packet, PacketDecoder, PacketEncoder, packetTypes } from '../../../../src/hub/server/parser.ts';
import { unfitIn } from '../../../../src/json-text.ts';

/** What becomes of a text: packets, namespaces refused, the end of the connection. */
function read(...texts: readonly (string | Buffer)[]) {
  const decoded: Packet[] = [];
  const refused: [string, string][] = [];
  const ended: string[] = [];
  const decoder = new PacketDecoder({
    bounds: { bytes: 10_000, depth: 20 },
    admit: () => undefined,
    refuseEntry: (nsp: string, { code }: GleitzeitError) => void refused.push([nsp, code]),
    end: ({ code }: GleitzeitError) => void ended.push(code),
  });
  decoder.on('decoded', (packet: Packet) => decoded.push(packet));
  for (const text of texts) decoder.add(text);
  const messages = decoded.flatMap(({ data }) => (Array.isArray(data) && data[1] instanceof Incoming ? [data[1]] : []));
  return { decoded, messages, refused, ended };
}

const codeOf = (text: string) => read(text).messages[0]?.refusal?.code;

describe('the parser', () => {
  it('reads what clients send', () => {
    expect(read('0/engine,{"token":"t"}').decoded).toEqual([{ type: packetTypes.connect, nsp: '/engine', data: { token: 't' } }]);
    expect(read('0/engine,').decoded).toEqual([{ type: packetTypes.connect, nsp: '/engine', data: {} }]);
    expect(read('0').decoded).toEqual([{ type: packetTypes.connect, nsp: '/', data: {} }]);
    expect(read('1/engine,').decoded).toEqual([{ type: packetTypes.disconnect, nsp: '/engine' }]);
    expect(read('2/engine,["hub:info",{}]').messages[0]).toMatchObject({ name: 'hub:info', data: {}, id: undefined, refusal: undefined });
    expect(read('2/pool,12["a",{"b":[1]}]').messages[0]).toMatchObject({ name: 'a', data: { b: [1] }, id: 12 });
    expect(read('2["a"]').messages[0]).toMatchObject({ name: 'a', data: undefined });
  });

  it('writes what Socket.IO says of itself', () => {
    const encoder = new PacketEncoder();
    expect(encoder.encode({ type: 0, nsp: '/engine', data: { sid: 's' } })).toEqual(['0/engine,{"sid":"s"}']);
    expect(encoder.encode({ type: 1, nsp: '/' })).toEqual(['1']);
    expect(encoder.encode({ type: 3, nsp: '/pool', id: 7, data: [1] })).toEqual(['3/pool,7[1]']);
  });

  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  it.each([
    ['no JSON', '2/engine,1["a",', 'PARSE_ERROR'],
    ['no list', '2/engine,1{"a":1}', 'INVALID_REQUEST'],
    ['nothing', '2/engine,1', 'INVALID_REQUEST'],
    ['no name', '2/engine,1[]', 'INVALID_REQUEST'],
    ['a number for a name', '2/engine,1[7,{}]', 'INVALID_REQUEST'],
    ['more than one value', '2/engine,1["a",1,2]', 'INVALID_REQUEST'],
    ['something too deep', `2/engine,1["a",${nested(36)}]`, 'INVALID_REQUEST'],
    ['something that never closes', `2/engine,1["a",${'['.repeat(9_000)}`, 'INVALID_REQUEST'],
    ['something too large', `2/engine,1["a","${'x'.repeat(10_000)}"]`, 'RESOURCE_EXHAUSTED'],
    ['something too large in bytes', `2/engine,1["a","${'€'.repeat(4_000)}"]`, 'RESOURCE_EXHAUSTED'],
    ['the key of prototypes', '2/engine,1["a",{"__proto__":{"x":1}}]', 'INVALID_REQUEST'],
    ['the same with white space', '2/engine,1["a",{"__proto__" \n\t: 1}]', 'INVALID_REQUEST'],
    ['the same in disguise', '2/engine,1["a",{"\\u005f_proto\\u005f_":1}]', 'INVALID_REQUEST'],
    ['the same further down', '2/engine,1["a",[{"b":[{"__proto__":1}]}]]', 'INVALID_REQUEST'],
    ['something binary', '51-/engine,1["a",{"_placeholder":true,"num":0}]', 'INVALID_REQUEST'],
  ])('refuses a message with %s, by its number', (_, text, code) => {
    const { messages, ended } = read(text);
    expect(messages.map(({ id, refusal }) => [id, refusal?.code])).toEqual([[1, code]]);
    expect(ended).toEqual([]);
  });

  it('takes what only looks like that', () => {
    expect(codeOf('2/engine,1["a","__proto__"]')).toBeUndefined();
    expect(codeOf('2/engine,1["a",{"b":"[[[[[[[[[[[[[[[[[[[[[[[[["}]')).toBeUndefined();
    expect(codeOf(`2/engine,1["a",{"b\\"":"\\\\","c":"\\"${'['.repeat(30)}"}]`)).toBeUndefined();
    expect(codeOf('2/engine,1["a",{"constructor":1,"prototype":2}]')).toBeUndefined();
    expect(codeOf(`2/engine,1["a",${nested(35)}]`)).toBeUndefined();
  });

  it('swallows the binary parts of what it refused, and no others', () => {
    const { messages, ended } = read('52-/engine,1["a",{"_placeholder":true,"num":0}]', Buffer.from('x'), Buffer.from('y'), '2/engine,2["b"]');
    expect(messages.map(({ id }) => id)).toEqual([1, 2]);
    expect(ended).toEqual([]);
    expect(read(Buffer.from('x')).ended).toEqual(['INVALID_REQUEST']);
  });

  it.each(['', '7', 'x', '9/engine,["a"]', '5["a"]', '5-["a"]', '21-["a"]'])('ends a connection that says %j', (text) => {
    expect(read(text)).toMatchObject({ decoded: [], ended: ['PARSE_ERROR'] });
  });

  it('refuses to let in who says no object', () => {
    expect(read('0/engine,[1]').refused).toEqual([['/engine', 'INVALID_REQUEST']]);
    expect(read('0/engine,{').refused).toEqual([['/engine', 'PARSE_ERROR']]);
  });

  it('passes on neither acknowledgements nor errors, which nobody waits for', () => {
    expect(read('3/engine,1[]', '4/engine,{"message":"x"}', '61-/engine,1[]')).toMatchObject({ decoded: [], refused: [] });
  });

  it('never throws, and takes JSON exactly where JSON is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `2/engine,5${text}`),
        ),
        (text) => void read(text),
      ),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        const text = JSON.stringify(value);
        const expected = unfitIn(text) ? 'INVALID_REQUEST' : undefined;
        const [message] = read(`2/engine,5["name",${text}]`).messages;
        expect(message?.refusal?.code).toBe(expected);
        if (expected === undefined) expect(message?.data).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });
});
