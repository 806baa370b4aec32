/**
 * The hub as an AsyncAPI 3.0 document, for those who write or generate clients in any language.
 *
 * All of it follows from the catalogue of events and from the schemas that the hub checks by: nothing is described that is not so.
 * https://www.asyncapi.com/docs/reference/specification/v3.0.0
 */
import { type Namespace, namespaces } from '../../../machines/events/namespace.ts';
import { protocolVersion } from '../protocol/requests.ts';
import { type Messages, type Operation, operationsOf } from './operations.ts';
import { schemasOf } from './schemas.ts';

export type AsyncApiDocument = Readonly<Record<string, unknown>>;

const description = `Version ${protocolVersion} of the protocol. Every message is a Socket.IO event with one argument, a map. Every request is \
acknowledged, with { ok: true, … } or { ok: false, error }. docs/hub-protocol.md says in words what the shapes here cannot.`;

const token = { type: 'apiKey', in: 'password', description: 'The handshake of each namespace carries auth: { token }.' } as const;

/** Makes the document. @param version - Of the package. */
export function asyncApiDocument(version: string): AsyncApiDocument {
  const operations = operationsOf();
  return {
    asyncapi: '3.0.0',
    info: { title: 'Gleitzeit hub', version, description, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    servers: {
      local: {
        host: '127.0.0.1:7400',
        pathname: '/socket.io/',
        protocol: 'ws',
        description: 'Socket.IO 4, protocol revision 5 over Engine.IO 4, by WebSocket or by long polling.',
        security: [{ $ref: '#/components/securitySchemes/token' }],
      },
    },
    channels: Object.fromEntries(namespaces.map((namespace) => [channelOf(namespace), channel(namespace, Object.values(operations))])),
    operations: Object.fromEntries(Object.entries(operations).map(([id, operation]) => [id, described(operation)])),
    components: { schemas: schemasOf(), securitySchemes: { token } },
  };
}

function channelOf(namespace: Namespace): string {
  return namespace.slice(1);
}

function channel(namespace: Namespace, operations: readonly Operation[]): object {
  const own = operations.filter((operation) => operation.namespace === namespace);
  const messages = own.flatMap((operation) => Object.entries({ ...operation.messages, ...operation.answers }));
  return {
    address: namespace,
    description: `The Socket.IO namespace ${namespace}.`,
    messages: Object.fromEntries(messages),
  };
}

function described({ action, namespace, summary, messages, answers }: Operation): object {
  const at = `#/channels/${channelOf(namespace)}`;
  const those = (of: Messages) => Object.keys(of).map((key) => ({ $ref: `${at}/messages/${key}` }));
  return {
    action,
    channel: { $ref: at },
    summary,
    messages: those(messages),
    ...(answers && { reply: { channel: { $ref: at }, messages: those(answers) } }),
  };
}
