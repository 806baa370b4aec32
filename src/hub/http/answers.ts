/**
 * Answers over plain HTTP whose length nobody knows before they are made.
 *
 * What is looked up is looked up by few at a time, and becomes text in pieces; the text is let go of as it is read, and more of it is
 * made only then. So what is held for those who do not read is bounded, for each of them and in all. All of it is done in portions, as
 * a part of what whoever asks may have of the hub's time.
 */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

import { deferToEventLoop } from '../../system/defer.ts';
import type { Work } from '../../work.ts';
import type { HubLimits } from '../protocol/limits.ts';
import { Turnstile } from '../turnstile.ts';
import { jsonPieces } from '../work/json-pieces.ts';
import type { Portions } from '../work/portions.ts';
import { AnswerBytes, type Holder } from './answer-bytes.ts';
import { type Piece, SharedAnswer } from './shared-answer.ts';

/** A part of an answer, as pieces of text. The next part is asked for once this one has been handed over. */
export interface Part {
  readonly pieces: Iterable<string>;
  readonly isLast: boolean;
}
export type Parts = AsyncIterator<Part, void>;

/** Requests over HTTP that are looked up at the same time; each holds what it found. */
const lookupsAtOnce = 8;
/** Parts of longer answers that are read at the same time, beside them. */
const partsAtOnce = 2;
/** What any connection may hold, in bytes. Most answers are no longer. */
const freeBytes = 2 ** 15;
const types = { json: 'application/json', text: 'text/plain; charset=UTF-8' } as const;

/** Who asks, and how what it asks for is made. */
export interface Asking {
  /** Whose share of the hub's time it is of. */
  readonly share: string;
  /** What makes it the same as another one; each is made for itself without. */
  readonly key?: string | undefined;
}

export class Answers {
  private readonly lookups = new Turnstile(lookupsAtOnce);
  private readonly partLookups = new Turnstile(partsAtOnce);
  private readonly room: AnswerBytes;
  private readonly portions: Pick<Portions, 'run'>;
  /** Those that are made or read just now, by their keys. */
  private readonly shared = new Map<string, SharedAnswer>();

  constructor({ answerBytes }: Pick<HubLimits, 'answerBytes'>, portions: Pick<Portions, 'run'>) {
    this.room = new AnswerBytes({ bytes: answerBytes });
    this.portions = portions;
  }

  /** Answers with one value. @throws what finding it throws; GleitzeitError RESOURCE_EXHAUSTED */
  async json(c: Context, asking: Asking, find: () => Promise<object>): Promise<Response> {
    const answer = this.answerOf(asking, find);
    const leave = answer.join(() => cut(c));
    const pieces = await answer.pieces;
    c.header('Content-Type', types.json);
    if (c.req.method !== 'HEAD' && pieces.length > 1) {
      // Who goes before it has read anything cancels no stream.
      c.req.raw.signal.addEventListener('abort', leave, { once: true });
      return c.body(answer.readable(pieces, leave));
    }
    leave();
    return c.req.method === 'HEAD' ? c.body(null) : c.body(pieces[0] ?? '');
  }

  /** Answers with one text. @throws as {@link json} does */
  text(c: Context, asking: Asking, find: () => Promise<string>): Promise<Response> {
    return this.stream(c, asking, { parts: once(find), type: 'text' });
  }

  /** Answers with JSON in parts. @throws what the first one throws; what a later one throws cuts the connection */
  parts(c: Context, asking: Asking, parts: Parts): Promise<Response> {
    return this.stream(c, asking, { parts, type: 'json' });
  }

  private answerOf({ key, share }: Asking, find: () => Promise<object>): SharedAnswer {
    const known = key === undefined ? undefined : this.shared.get(key);
    if (known !== undefined) return known;
    const make = (holder: Holder): Promise<readonly Piece[]> =>
      this.lookups.run(async () => {
        const pieces = await this.portions.run(share, bytesOf(jsonPieces({ ok: true, ...(await find()) })));
        const length = lengthOf(pieces);
        if (length > freeBytes) await this.room.take(holder, length);
        return pieces;
      }, share);
    const made: SharedAnswer = new SharedAnswer(this.room, make, () => {
      if (key !== undefined && this.shared.get(key) === made) this.shared.delete(key);
    });
    if (key !== undefined) this.shared.set(key, made);
    return made;
  }

  private async stream(c: Context, { share }: Asking, { parts, type }: Making): Promise<Response> {
    const { room, partLookups: lookups, portions } = this;
    const stream = new AnswerStream({ room, lookups, portions, share, parts, cut: () => cut(c) });
    await stream.lookUp();
    c.header('Content-Type', types[type]);
    const whole = stream.whole();
    if (whole !== undefined) return c.body(whole);
    if (c.req.method !== 'HEAD') return c.body(stream.readable());
    stream.end();
    return c.body(null);
  }
}

interface Making {
  readonly parts: Parts;
  readonly type: keyof typeof types;
}

async function* once(find: () => Promise<string>): AsyncGenerator<Part, void> {
  yield { pieces: [await find()], isLast: true };
}

/** Behind another server than Node's, that is its own matter. */
function cut(c: Context): void {
  const { outgoing } = (c.env ?? {}) as Partial<HttpBindings>;
  outgoing?.destroy();
}

interface StreamOptions {
  readonly room: AnswerBytes;
  readonly lookups: Turnstile;
  readonly portions: Pick<Portions, 'run'>;
  readonly share: string;
  readonly parts: Parts;
  /** Ends the connection. */
  readonly cut: () => void;
}

class AnswerStream {
  private readonly options: StreamOptions;
  private readonly holder: Holder;
  private made: Piece[] = [];
  private isLast = false;
  private isOver = false;
  private isCancelled = false;

  constructor(options: StreamOptions) {
    this.options = options;
    this.holder = options.room.holder(() => this.fail());
  }

  /** Makes text of the next part. What was found is held only until it is text. */
  lookUp(): Promise<void> {
    const { lookups, parts, room, portions, share } = this.options;
    return lookups.run(async () => {
      const { value } = await parts.next();
      this.isLast = value === undefined || value.isLast;
      const made = value === undefined ? [] : await portions.run(share, bytesOf(value.pieces));
      const length = lengthOf(made);
      if (length > freeBytes) await room.take(this.holder, length);
      if (this.isOver) this.end();
      else this.made = made;
    }, share);
  }

  /** The answer, where it is so short that it need not be handed over in pieces. */
  whole(): Piece | undefined {
    return this.isLast && this.made.length < 2 && this.holder.bytes === 0 ? (this.made[0] ?? Buffer.alloc(0)) : undefined;
  }

  readable(): ReadableStream<Uint8Array> {
    // Nothing is made before it is asked for.
    return new ReadableStream({ pull: (controller) => this.pull(controller), cancel: () => this.cancel() }, { highWaterMark: 0 });
  }

  /** Lets go of everything. */
  end(): void {
    this.isOver = true;
    this.made = [];
    this.options.room.read(this.holder, this.holder.bytes);
    this.options.parts.return?.()?.catch(() => undefined);
  }

  private cancel(): void {
    this.isCancelled = true;
    this.end();
  }

  private async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      while (this.made.length === 0 && !this.isLast && !this.isOver) await this.lookUp();
    } catch {
      // Its status has been sent: an end before the end is all that can be said.
      this.fail();
    }
    // Of many who ask at once each gets a piece before one gets the next, and everything else has its turn.
    await new Promise<void>(deferToEventLoop);
    const piece = this.made.shift();
    if (piece !== undefined) {
      controller.enqueue(piece);
      this.options.room.read(this.holder, piece.length);
    }
    if (this.isCancelled) return;
    if (this.isOver || (this.isLast && this.made.length === 0)) controller.close();
  }

  private fail(): void {
    if (this.isOver) return;
    this.options.cut();
    this.end();
  }
}

function* bytesOf(pieces: Iterable<string>): Work<Piece[]> {
  const made: Piece[] = [];
  for (const piece of pieces) {
    const bytes = Buffer.from(piece);
    for (let at = 0; at < bytes.length; at += freeBytes) made.push(bytes.subarray(at, at + freeBytes));
    yield;
  }
  return made;
}

function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
