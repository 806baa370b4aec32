/**
 * The hub: clients and workers anywhere.
 *
 * An adapter around a system: `createHub` lets others reach it over Socket.IO and HTTP, `createRemoteWorker` carries out its tasks in
 * another process, `connect` asks it as one would ask a system of the same process. docs/hub-protocol.md is what they speak.
 */
export { connect } from './client/connect.ts';
export type { HubClient, ListOptions, SelectOptions } from './client/hub-client.ts';
export type { ConnectOptions } from './client/options.ts';
export { type AsyncApiDocument, asyncApiDocument } from './description/asyncapi.ts';
export { type HubLimits, hubLimitDefaults } from './protocol/limits.ts';
export { protocolVersion } from './protocol/requests.ts';
export { type Role, roles, type TokenGrant } from './protocol/roles.ts';
export { createHub } from './server/hub.ts';
export type { HubOptions } from './server/options.ts';
export type { CloseOptions, Hub, HubConnection, HubFigures } from './server/running-hub.ts';
export type { RemoteWorkerOptions } from './worker/options.ts';
export { createRemoteWorker, RemoteWorker } from './worker/remote-worker.ts';
