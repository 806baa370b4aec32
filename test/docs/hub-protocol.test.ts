/** The page about the hub's protocol: every example is what it says it is, and no table differs from the code. */
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { catalogue, isEventType } from '../../machines/events/catalogue.ts';
import { namespaceOf } from '../../machines/events/namespace.ts';
import { errorCodes } from '../../machines/failures.ts';
import { answers, refusal, subscribed, workerAnswers } from '../../src/hub/description/answers.ts';
import { envelope } from '../../src/hub/description/envelope.ts';
import { connectionNotices } from '../../src/hub/protocol/answers.ts';
import { hubLimitDefaults } from '../../src/hub/protocol/limits.ts';
import { requests } from '../../src/hub/protocol/requests.ts';
import { subscribeData, subscriptionNotices } from '../../src/hub/protocol/subscriptions.ts';
import { hubMessages, workerMessages } from '../../src/hub/protocol/workers.ts';
import { accessOf } from '../../src/hub/server/access.ts';

const page = readFileSync('docs/hub-protocol.md', 'utf8');
const blocks = [...page.matchAll(/^```json(.*)\n([\s\S]*?)^```$/gm)].map(([, label = '', text = '']) => [label.trim(), text] as const);

const granted = z.array(z.unknown()).refine((tokens) => !accessOf(tokens as never).isOpen);
const answered = { ...answers, ...workerAnswers, subscribe: subscribed };
/** What a block is held against, by its label. */
const schemas: Readonly<Record<string, z.ZodType>> = {
  handshake: z.strictObject({ token: z.string() }),
  tokens: granted,
  refusal,
  ...labelled('request', { ...workerMessages, subscribe: subscribeData }),
  ...Object.fromEntries(Object.entries(requests).map(([name, { data }]) => [`request ${name}`, data])),
  ...Object.fromEntries(
    Object.entries(answered).map(([name, schema]) => [`answer ${name}`, z.strictObject({ ...schema.shape, ok: z.literal(true) })]),
  ),
  ...labelled('notice', { ...subscriptionNotices, ...connectionNotices }),
  ...labelled('order', hubMessages),
  ...Object.fromEntries(Object.entries(catalogue).map(([type, { data }]) => [`event ${type}`, envelope.extend({ type: z.literal(type), data })])),
};

function labelled(role: string, of: Readonly<Record<string, z.ZodType>>): Record<string, z.ZodType> {
  return Object.fromEntries(Object.entries(of).map(([name, schema]) => [`${role} ${name}`, schema]));
}

/** The first cells of the rows of a table, by what stands in its head. */
function rowsBelow(head: string): string[][] {
  const [, table = ''] = page.split(`| ${head} |`);
  const rows = table.split('\n\n', 1)[0]?.split('\n').slice(2) ?? [];
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}
const codesIn = (cell: string | undefined): string[] => [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

describe('the page about the protocol', () => {
  it('has examples', () => {
    expect(blocks.length).toBeGreaterThan(25);
  });

  it.each(blocks)('has an example that is right: %s', (label, text) => {
    expect(Object.keys(schemas)).toContain(label);
    const { success, error } = schemas[label]?.safeParse(JSON.parse(text)) ?? {};
    expect([success, error && z.prettifyError(error)]).toEqual([true, undefined]);
  });

  it('shows every message of a worker, and every order', () => {
    const shown = new Set(blocks.map(([label]) => label));
    for (const name of Object.keys(workerMessages)) expect(shown).toContain(`request ${name}`);
    for (const name of Object.keys(hubMessages)) expect(shown).toContain(`order ${name}`);
    for (const name of Object.keys({ ...subscriptionNotices, ...connectionNotices })) expect(shown).toContain(`notice ${name}`);
  });

  it('names every request of clients, with fields that there are', () => {
    const rows = rowsBelow('request | data | answer beside `ok`');
    expect(rows.flatMap(([names]) => codesIn(names)).sort()).toEqual(Object.keys(requests).sort());
    for (const [names, data, answer] of rows) {
      for (const name of codesIn(names) as (keyof typeof requests)[]) {
        const fields = Object.keys(requests[name].data.shape);
        expect(fields).toEqual(expect.arrayContaining(codesIn(data).map((field) => field.replace('?', ''))));
        expect(codesIn(answer)).toEqual(Object.keys(answers[name].shape));
      }
    }
  });

  it('puts every family into its namespace', () => {
    const said = rowsBelow('namespace | requests | events').flatMap(([namespace, , events]) =>
      codesIn(events).map((family) => [family, codesIn(namespace)[0]]),
    );
    const real = Object.keys(catalogue)
      .filter(isEventType)
      .map((type) => [`${type.split(':', 1)[0]}:*`, namespaceOf(type)]);
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(real));
  });

  it('says the limits that hold', () => {
    const said = rowsBelow('limit | default').map(([limit, value]) => [codesIn(limit)[0], Number(value)]);
    expect(Object.fromEntries(said)).toEqual(hubLimitDefaults);
  });

  it('says the numbers of the codes', () => {
    const said = rowsBelow('code | rpcCode | when').map(([code, rpcCode]) => [codesIn(code)[0], Number(rpcCode)]);
    expect(said.length).toBeGreaterThan(15);
    for (const [code, rpcCode] of said) expect([code, rpcCode]).toEqual([code, errorCodes[code as keyof typeof errorCodes]?.rpcCode]);
  });
});
