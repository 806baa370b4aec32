/**
 * One answer that is made once and held once, however many ask for it at the same time, and whether they read it or not.
 *
 * Who reads it keeps it from being cut off; who reads nothing of it costs nothing more. It is let go of when nobody is left who wants
 * it.
 */
import { deferToEventLoop } from '../../system/defer.ts';
import type { AnswerBytes, Holder } from './answer-bytes.ts';

export type Piece = Buffer<ArrayBuffer>;

export class SharedAnswer {
  /** Held until everybody has it. */
  readonly holder: Holder;
  /** Everything of it. */
  readonly pieces: Promise<readonly Piece[]>;
  private readonly room: AnswerBytes;
  private readonly onOver: () => void;
  /** Who wants it, and how to end its connection. */
  private readonly users = new Set<() => void>();
  private isOver = false;

  /**
   * @param make - Makes it, and takes the room for it.
   * @param onOver - Told when nobody may ask for it any more.
   */
  constructor(room: AnswerBytes, make: (holder: Holder) => Promise<readonly Piece[]>, onOver: () => void) {
    this.room = room;
    this.onOver = onOver;
    this.holder = room.holder(() => this.fail());
    this.pieces = make(this.holder).then((pieces) => {
      if (this.isOver) this.release();
      return pieces;
    });
    // Who asked for it is told; nobody else need be.
    this.pieces.catch(() => this.end());
  }

  /**
   * Says that somebody wants it.
   * @param cut - Ends its connection.
   * @returns says that it wants no more of it; saying so again does nothing
   */
  join(cut: () => void): () => void {
    const user = (): void => cut();
    this.users.add(user);
    return () => {
      if (this.users.delete(user) && this.users.size === 0) this.end();
    };
  }

  /** A stream of its pieces, from the first one, for somebody who has joined. */
  readable(pieces: readonly Piece[], leave: () => void): ReadableStream<Uint8Array> {
    let at = 0;
    let isLeft = false;
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      // Of many who ask at once each gets a piece before one gets the next, and everything else has its turn.
      await new Promise<void>(deferToEventLoop);
      if (isLeft) return;
      const piece = pieces[at++];
      if (piece !== undefined) {
        controller.enqueue(piece);
        this.room.touch(this.holder);
      }
      if (at < pieces.length) return;
      leave();
      controller.close();
    };
    const cancel = (): void => {
      isLeft = true;
      leave();
    };
    // Nothing is handed over before it is asked for.
    return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
  }

  private fail(): void {
    const users = [...this.users];
    this.end();
    for (const cut of users) cut();
  }

  private end(): void {
    this.isOver = true;
    this.users.clear();
    this.release();
    this.onOver();
  }

  private release(): void {
    this.room.read(this.holder, this.holder.bytes);
  }
}
