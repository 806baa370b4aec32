/**
 * The TCP connections to a server of the hub's own: as many as there are descriptors for.
 *
 * Who has not said yet who it is makes way for others, the silent ones first: so nobody keeps others out by connecting, and something
 * is left for the journal and for commands.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

import type { HubLimits } from '../protocol/limits.ts';
import { connectionsWithin } from './descriptors.ts';
import { Newcomers } from './newcomers.ts';

/** Beside those of clients that are in, there are those of clients that come and go, and of long polling. */
const wanted = (connections: number): number => 2 * connections + 100;

export class TcpConnections {
  private readonly most: number;
  private readonly all = new Set<Socket>();
  private readonly newcomers: Newcomers<Socket>;

  /** @param descriptors - That this process may have. */
  constructor(server: Server, limits: Pick<HubLimits, 'connections' | 'newcomers' | 'newcomersPerAddress'>, descriptors: number) {
    this.most = Math.min(wanted(limits.connections), connectionsWithin(descriptors));
    this.newcomers = new Newcomers({
      most: Math.min(limits.newcomers, Math.ceil(this.most / 2)),
      perAddress: Math.min(limits.newcomersPerAddress, Math.ceil(this.most / 4)),
      isSilent: ({ bytesRead }) => bytesRead === 0,
      end: (socket) => socket.destroy(),
    });
    // Before the server's own, so that it has nothing to do with one that is not taken.
    server.prependListener('connection', (socket) => this.take(socket));
  }

  /** Says that whoever is at the other end has said who it is. */
  recognise(socket: Socket): void {
    this.newcomers.remove(socket);
  }

  private take(socket: Socket): void {
    // A connection that is handed back by what it was upgraded to is none more.
    if (this.all.has(socket)) return;
    if (this.all.size >= this.most && !this.newcomers.makeRoom()) {
      socket.destroy();
      return;
    }
    this.all.add(socket);
    this.newcomers.add(socket, socket.remoteAddress);
    socket.once('close', () => {
      this.all.delete(socket);
      this.newcomers.remove(socket);
    });
  }
}
