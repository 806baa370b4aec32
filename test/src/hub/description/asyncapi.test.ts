/** The description of the hub says all that there is, refers to nothing that there is not, and stands in docs/ as it is. */
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { eventTypes } from '../../../../machines/events/catalogue.ts';
import { namespaceOf } from '../../../../machines/events/namespace.ts';
import { asyncApiCommand } from '../../../../src/cli/commands/asyncapi.ts';
import { asyncApiDocument } from '../../../../src/hub/description/asyncapi.ts';
import { connectionNotices } from '../../../../src/hub/protocol/answers.ts';
import { requests } from '../../../../src/hub/protocol/requests.ts';
import { subscriptionNotices } from '../../../../src/hub/protocol/subscriptions.ts';
import { hubMessages, workerMessages } from '../../../../src/hub/protocol/workers.ts';
import { packageVersion } from '../../../../src/package-version.ts';
import { fakeTerminal } from '../../cli/terminals.ts';

interface Ref {
  readonly $ref: string;
}
interface Message {
  readonly name: string;
  readonly summary: string;
  readonly payload: { readonly $ref?: string; readonly allOf?: readonly object[]; readonly oneOf?: readonly Ref[] };
}
interface Operation {
  readonly action: 'send' | 'receive';
  readonly channel: Ref;
  readonly messages: readonly Ref[];
  readonly reply?: { readonly channel: Ref; readonly messages: readonly Ref[] };
}
interface Document {
  readonly asyncapi: string;
  readonly channels: Readonly<Record<string, { readonly address: string; readonly messages: Readonly<Record<string, Message>> }>>;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

// The document is JSON of this shape; that it is, is what the tests below are about.
const document = asyncApiDocument(packageVersion()) as unknown as Document;

/** Every value of a key, wherever it stands. */
function valuesOf(key: string, within: unknown): unknown[] {
  if (typeof within !== 'object' || within === null) return [];
  return Object.entries(within).flatMap(([name, value]) => (name === key && typeof value === 'string' ? [value] : valuesOf(key, value)));
}

/** What a reference leads to. */
function at(ref: string): unknown {
  const [root, ...path] = ref.split('/');
  expect(root).toBe('#');
  return path.reduce<unknown>((within, key) => (within as Readonly<Record<string, unknown>> | undefined)?.[key], document);
}

/** The names on the wire of all messages of the operations that a test picks. */
function namesIn(pick: (operation: Operation, id: string) => boolean): string[] {
  const picked = Object.entries(document.operations).filter(([id, operation]) => pick(operation, id));
  return picked.flatMap(([, { messages }]) => messages.map(({ $ref }) => (at($ref) as Message).name));
}

describe('the AsyncAPI document', () => {
  it('is of version 3.0.0, and JSON through and through', () => {
    expect(document.asyncapi).toBe('3.0.0');
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });

  it('refers to nothing that is not there', () => {
    const refs = valuesOf('$ref', document) as string[];
    expect(refs.length).toBeGreaterThan(500);
    expect(refs.filter((ref) => at(ref) === undefined)).toEqual([]);
  });

  it('has keys that every tool takes', () => {
    const { schemas } = document.components;
    const keys = [schemas, document.operations, ...Object.values(document.channels).map(({ messages }) => messages)].flatMap(Object.keys);
    expect(keys.filter((key) => !/^[a-zA-Z0-9._-]+$/.test(key))).toEqual([]);
  });

  it('has every event of the catalogue, in the namespace that it comes in', () => {
    expect(namesIn((_, id) => id.endsWith('.events')).sort()).toEqual([...eventTypes].sort());
    for (const type of eventTypes) {
      const message = document.channels[namespaceOf(type).slice(1)]?.messages[type.replaceAll(':', '.')];
      expect(message).toMatchObject({
        name: type,
        payload: { allOf: [{ $ref: '#/components/schemas/Envelope' }, { properties: { type: { const: type } } }] },
      });
    }
  });

  it('has every request with its answer, which may be a refusal', () => {
    expect(namesIn(({ action, channel }) => action === 'receive' && channel.$ref === '#/channels/engine').sort()).toEqual(
      [...Object.keys(requests), 'subscribe'].sort(),
    );
    expect(namesIn(({ action, channel }) => action === 'receive' && channel.$ref === '#/channels/pool').sort()).toEqual(
      [...Object.keys(workerMessages), 'subscribe'].sort(),
    );
    for (const operation of Object.values(document.operations).filter(({ action }) => action === 'receive')) {
      const [answer] = operation.reply?.messages.map(({ $ref }) => at($ref) as Message) ?? [];
      const [fine, refused] = answer?.payload.oneOf ?? [];
      expect(at(fine?.$ref ?? '')).toMatchObject({ properties: { ok: { const: true } } });
      expect(refused?.$ref).toBe('#/components/schemas/Refusal');
    }
  });

  it('has what the hub sends of itself', () => {
    expect(namesIn((_, id) => id === 'orders')).toEqual(Object.keys(hubMessages));
    const notices = Object.keys({ ...subscriptionNotices, ...connectionNotices });
    for (const channel of Object.keys(document.channels)) expect(namesIn((_, id) => id === `${channel}.notices`)).toEqual(notices);
  });

  it('keeps the messages of an operation to the channel of it', () => {
    for (const { channel, messages, reply } of Object.values(document.operations)) {
      for (const { $ref } of [...messages, ...(reply?.messages ?? [])]) expect($ref.startsWith(`${channel.$ref}/messages/`)).toBe(true);
    }
  });

  it('writes parts that many shapes have once', () => {
    expect(document.components.schemas['task.failed']).toMatchObject({ properties: { error: { $ref: '#/components/schemas/Failure' } } });
    expect(valuesOf('$ref', document.components.schemas['Failure'])).toEqual(['#/components/schemas/Failure']);
  });

  it('stands in docs/asyncapi.yaml as it is: npm run docs writes it', () => {
    const terminal = fakeTerminal();
    asyncApiCommand({}, terminal);
    expect(readFileSync('docs/asyncapi.yaml', 'utf8')).toBe(terminal.stdout.text());
  });
});
