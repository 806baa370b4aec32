/** What is said at the hub, by whom, in which namespace, and what it is answered with. */
import { eventTypes, specOf } from '../../../machines/events/catalogue.ts';
import { type Namespace, namespaceOf, namespaces } from '../../../machines/events/namespace.ts';
import { connectionNotices } from '../protocol/answers.ts';
import { requests } from '../protocol/requests.ts';
import { subscriptionNotices } from '../protocol/subscriptions.ts';
import { hubMessages, workerMessages } from '../protocol/workers.ts';
import { named, type Role, shape } from './schemas.ts';

export interface Message {
  /** The name of the Socket.IO event that carries it; of an answer, that of the request. */
  readonly name: string;
  readonly summary: string;
  readonly payload: object;
}
export type Messages = Readonly<Record<string, Message>>;

/** Something that the hub sends or receives. */
export interface Operation {
  readonly action: 'send' | 'receive';
  readonly namespace: Namespace;
  readonly summary: string;
  readonly messages: Messages;
  readonly answers?: Messages;
}
type Operations = Readonly<Record<string, Operation>>;

/** Every operation by its id. */
export function operationsOf(): Operations {
  return {
    ...eachNamespace('events', eventsOf),
    ...eachNamespace('subscribe', subscriptionTo),
    ...eachNamespace('notices', noticesOf),
    ...Object.fromEntries(
      Object.entries(requests).map(([type, { roles }]) => [named(type, 'request'), asked(type, '/engine', `For ${roles.join(' and ')}.`)]),
    ),
    ...Object.fromEntries(Object.keys(workerMessages).map((type) => [named(type, 'request'), asked(type, '/pool', 'For worker.')])),
    orders,
  };
}

function eachNamespace(id: string, operationOf: (namespace: Namespace) => Operation): Operations {
  return Object.fromEntries(namespaces.map((namespace) => [`${namespace.slice(1)}.${id}`, operationOf(namespace)]));
}

function eventsOf(namespace: Namespace): Operation {
  const types = eventTypes.filter((type) => namespaceOf(type) === namespace);
  const messages = types.map((type): readonly [string, Message] => [
    named(type),
    {
      name: type,
      summary: `${specOf(type).description}${specOf(type).recorded ? ' Recorded.' : ''}`,
      payload: { allOf: [shape('Envelope'), { type: 'object', properties: { type: { const: type }, data: shape(named(type)) } }] },
    },
  ]);
  const summary = 'Events that a subscription selects, once they are durable. Those that are recorded come again from the journal for fromSeq.';
  return { action: 'send', namespace, summary, messages: Object.fromEntries(messages) };
}

function subscriptionTo(namespace: Namespace): Operation {
  return asked('subscribe', namespace, 'Which events of the namespace to send, in place of what was asked for before. For client and observer.');
}

function noticesOf(namespace: Namespace): Operation {
  const messages = {
    ...messagesOf(Object.keys(subscriptionNotices), 'notice', 'How far a subscription is.'),
    ...messagesOf(Object.keys(connectionNotices), 'notice', 'The hub ends the connection.'),
  };
  return { action: 'send', namespace, summary: 'What the hub says of a subscription and of the connection beside its events.', messages };
}

const orders: Operation = {
  action: 'send',
  namespace: '/pool',
  summary: 'What the hub has a worker do.',
  messages: messagesOf(Object.keys(hubMessages), 'order', 'To the worker of that lease alone.'),
};

function asked(type: string, namespace: Namespace, summary: string): Operation {
  return {
    action: 'receive',
    namespace,
    summary,
    messages: messagesOf([type], 'request', summary),
    answers: {
      [named(type, 'answer')]: {
        name: type,
        summary: `The acknowledgement of ${type}.`,
        payload: { oneOf: [shape(named(type, 'answer')), shape('Refusal')] },
      },
    },
  };
}

function messagesOf(types: readonly string[], role: Role, summary: string): Messages {
  return Object.fromEntries(types.map((type) => [named(type, role), { name: type, summary, payload: shape(named(type, role)) }]));
}
