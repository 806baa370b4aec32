/** Every shape on the wire as JSON Schema (draft 7, which AsyncAPI's own dialect is), each under its name. */
import * as z from 'zod';

import { eventTypes, specOf } from '../../../machines/events/catalogue.ts';
import { workflowDefinitionSchema } from '../../../machines/events/definition.ts';
import { failureSchema } from '../../../machines/events/payloads.ts';
import { connectionNotices, wireError } from '../protocol/answers.ts';
import { requests } from '../protocol/requests.ts';
import { subscribeData, subscriptionNotices } from '../protocol/subscriptions.ts';
import { hubMessages, workerMessages } from '../protocol/workers.ts';
import { answers, errorInfo, reason, refusal, subscribed, workerAnswers } from './answers.ts';
import { envelope } from './envelope.ts';

/** Refers to a shape by its name. */
export function shape(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` };
}

/** What a message is beside an event: asked, answered, noted by the hub, or sent to a worker. */
export type Role = 'request' | 'answer' | 'notice' | 'order';

/** The name of a shape or a message: that on the wire, without colons, which some tools do not take. */
export function named(type: string, role?: Role): string {
  const name = type.replaceAll(':', '.');
  return role === undefined ? name : `${role}.${name}`;
}

type Named = readonly [name: string, schema: z.ZodType];

/** Parts that many shapes have; everything else is written out where it stands. */
const shared: readonly Named[] = [
  ['Envelope', envelope],
  ['Failure', failureSchema],
  ['ErrorInfo', errorInfo],
  ['WireError', wireError],
  ['WorkflowDefinition', workflowDefinitionSchema],
];

/** @returns every shape by its name */
export function schemasOf(): Readonly<Record<string, object>> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of shared) registry.add(schema, { id });
  // A copy of each: where two have the same shape, each has its name.
  for (const [id, schema] of all()) registry.add(schema.clone(), { id });
  const { schemas } = z.toJSONSchema(registry, {
    target: 'draft-7',
    io: 'input',
    uri: (id) => shape(id).$ref,
    override: ({ jsonSchema }) => tidy(jsonSchema),
  });
  return Object.fromEntries(Object.entries(schemas).map(([name, { $schema: _, $id: __, ...schema }]) => [name, schema]));
}

function all(): readonly Named[] {
  return [
    ['Refusal', refusal],
    ...eventTypes.map((type): Named => [named(type), specOf(type).data]),
    ...entriesOf(requests, 'request', ({ data }) => data),
    ...entriesOf(workerMessages, 'request', (schema) => schema),
    [named('subscribe', 'request'), subscribeData],
    ...entriesOf(answers, 'answer', (schema) => schema.extend({ ok: z.literal(true), storage: reason.exactOptional() })),
    ...entriesOf({ ...workerAnswers, subscribe: subscribed }, 'answer', (schema) => schema.extend({ ok: z.literal(true) })),
    ...entriesOf({ ...subscriptionNotices, ...connectionNotices }, 'notice', (schema) => schema),
    ...entriesOf(hubMessages, 'order', (schema) => schema),
  ];
}

function entriesOf<Of>(schemas: Readonly<Record<string, Of>>, role: Role, schemaOf: (entry: Of) => z.ZodType): readonly Named[] {
  return Object.entries(schemas).map(([type, entry]) => [named(type, role), schemaOf(entry)]);
}

/** That an integer is one that a double can hold says nothing to anybody. */
function tidy(schema: z.core.JSONSchema.BaseSchema): void {
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
}
