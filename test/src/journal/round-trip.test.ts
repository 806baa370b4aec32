/** Whatever facts a journal takes, it gives back: now, to a check, and after it was opened again. */
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import type { Journal } from '../../../src/journal/journal.ts';
import { checkJournal } from '../../../src/journal/sqlite/check.ts';
import { mentionsOf, mentionsOne } from '../../../src/journal/sqlite/mentions.ts';
import { sqliteJournal } from '../../../src/journal/sqlite.ts';
import { factOf } from './contract.ts';
import { completed, placeForJournal, submitted } from './places.ts';

async function opened(path: string): Promise<Journal> {
  const journal = sqliteJournal(path, { writer: 'inline', durability: 'relaxed' });
  await journal.open();
  return journal;
}

const halves = fc.constantFrom('\ud83d', '\ude00', 'x\ud83d', '\ude00\ud83d');
const awkward = fc.constantFrom(
  '"',
  '\\',
  '\\"',
  '\n',
  '\r',
  '\0',
  '\0json:',
  '\u2028',
  '\u0001',
  '\ufffd',
  '"workflowId":"',
  '__proto__',
  'toJSON',
  '😀',
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.oneof(halves, awkward, fc.string())).map((parts) => parts.join('')),
);

function nested(depth: number): unknown {
  let value: unknown = 'bottom';
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { workflowId: value };
  return value;
}

/** What `copyJson` lets through: JSON, with `__proto__` as a key like any other, and no negative zero. */
const value = fc.oneof(
  fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      text,
      tie('list'),
      tie('map'),
    ),
    list: fc.array(tie('node')),
    map: fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'workflowId', 'length')), tie('node'), { noNullPrototype: true }),
  })).node,
  fc.constantFrom(1, 999).map(nested),
  fc.constantFrom(1, 300_000).map((length) => ({ workflowId: '\u0001'.repeat(length) })),
);
const plain = (fact: GleitzeitEvent): GleitzeitEvent => JSON.parse(JSON.stringify(fact)) as GleitzeitEvent;

const submittedAs =
  (workflowId: string, name: string, input: unknown) =>
  (seq: number): GleitzeitEvent =>
    factOf(
      'workflow:submitted',
      { workflowId, name, versionHash: name, definition: { name, failurePolicy: 'fail_fast', tasks: [] }, input },
      { seq },
    );
const resulted =
  (workflowId: string, taskId: string, result: unknown) =>
  (seq: number): GleitzeitEvent =>
    // The journal reads of a fact its envelope and what changes a head.
    factOf('task:completed', { workflowId, taskId, attempt: 1, result, durationMs: 1 } as never, { seq });

describe('facts that were written', () => {
  const later = (id: fc.Arbitrary<string>) =>
    fc.oneof(
      fc.tuple(id, text, value).map((given) => resulted(...given)),
      id.map((workflowId) => (seq: number) => completed(workflowId, seq)),
    );
  const batches = fc
    .uniqueArray(text, { minLength: 1, maxLength: 4 })
    .chain((ids) =>
      fc
        .tuple(
          fc.tuple(...ids.map((id) => fc.tuple(text, value).map((given) => submittedAs(id, ...given)))),
          fc.array(fc.array(later(fc.constantFrom(...ids)), { minLength: 1, maxLength: 6 }), { maxLength: 3 }),
        )
        .map(([first, more]) => [first, ...more]),
    );

  it('are given back as they were, each workflow by its id, whatever stands in them', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (made) => {
        const path = placeForJournal();
        let seq = 0;
        const given = made.map((batch) => batch.map((make) => plain(make(++seq))));
        const facts = given.flat();
        let journal = await opened(path);
        for (const batch of given) await journal.append(batch);
        const look = async () => {
          expect(await journal.read()).toEqual(facts);
          const heads = await journal.list();
          expect(heads).toHaveLength(made[0]!.length);
          for (const { workflowId, name, status } of heads) {
            const its = facts.filter(({ correlation }) => correlation.workflowId === workflowId);
            expect(its[0]?.data).toMatchObject({ workflowId, name });
            expect(await journal.read({ workflowId })).toEqual(its);
            expect(await journal.find(workflowId)).toMatchObject({ workflowId, name, status });
            expect(status).not.toBe('damaged');
          }
          return heads;
        };
        const before = await look();
        await journal.close();
        expect((await checkJournal(path)).damages).toEqual([]);
        journal = await opened(path);
        expect(await look()).toEqual(before);
        await journal.close();
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  it('are read beside two million characters that JSON escapes, under the key that is looked for', async () => {
    const path = placeForJournal();
    const journal = await opened(path);
    onTestFinished(() => journal.close());
    await journal.append([submitted('x', 1), submitted('y', 2), resulted('x', 'a', { workflowId: '\u0001'.repeat(2_000_000) })(3)]);
    expect((await journal.read({ workflowId: 'y' })).map(({ seq }) => seq)).toEqual([2]);
    expect((await journal.read({ workflowId: 'x' })).map(({ seq }) => seq)).toEqual([1, 3]);
    expect((await checkJournal(path)).damages).toEqual([]);
  });

  it('are packed so that no text grows without bound: large ones of one batch lie apart', async () => {
    const path = placeForJournal();
    const journal = await opened(path);
    onTestFinished(() => journal.close());
    const large = Array.from({ length: 5 }, (_, at) => resulted('x', 'a', 'x'.repeat(3 * 2 ** 20))(at + 2));
    await journal.append([submitted('x', 1), ...large]);
    expect(await journal.read({ workflowId: 'x' })).toEqual([submitted('x', 1), ...large]);
    expect(await checkJournal(path)).toMatchObject({ frames: 5, facts: 6, damages: [] });
  });
});

describe('a line that mentions a workflow', () => {
  it.each([
    ['names it', { correlation: { workflowId: 'a' } }, true],
    ['names another', { correlation: { workflowId: 'ab' } }, false],
    ['names it later', { correlation: { workflowId: 'b' }, data: { workflowId: 'a' } }, true],
    ['holds its name in a text only', { correlation: { workflowId: '"workflowId":"a"' } }, false],
    ['holds no text under the key', { correlation: { workflowId: 7 } }, false],
  ])('%s', (_, line, expected) => {
    expect(mentionsOne(JSON.stringify(line), mentionsOf(['a']))).toBe(expected);
  });

  it('is found whatever the id is, as parsing finds it', () => {
    fc.assert(
      fc.property(text, text, (id, other) => {
        const line = JSON.stringify({ correlation: { workflowId: other, of: { workflowId: id } }, data: other });
        expect(mentionsOne(line, mentionsOf([id]))).toBe(true);
        expect(mentionsOne(JSON.stringify({ workflowId: other }), mentionsOf([id]))).toBe(id === other);
      }),
    );
  });
});
