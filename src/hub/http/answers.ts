/**
 * Answers over plain HTTP whose length nobody knows before they are made.
 *
 * What is looked up is looked up by few at a time, and becomes text in pieces; the text is let go of as it is read, and more of it is
 * made only then. So what is held for those who do not read is bounded, for each of them and in all.
 */
import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

import type { HubLimits } from '../protocol/limits.ts';
import { Turnstile } from '../turnstile.ts';
import { jsonPieces } from '../work/json-pieces.ts';
import { AnswerBytes, type Holder } from './answer-bytes.ts';

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

export class Answers {
  private readonly lookups = new Turnstile(lookupsAtOnce);
  private readonly partLookups = new Turnstile(partsAtOnce);
  private readonly room: AnswerBytes;

  constructor({ answerBytes }: Pick<HubLimits, 'answerBytes'>) {
    this.room = new AnswerBytes({ bytes: answerBytes });
  }

  /** Answers with one value. @throws what finding it throws; GleitzeitError RESOURCE_EXHAUSTED */
  json(c: Context, find: () => Promise<object>): Promise<Response> {
    return this.answer(c, { parts: once(async () => jsonPieces({ ok: true, ...(await find()) })), lookups: this.lookups });
  }

  /** Answers with one text. @throws as {@link json} does */
  text(c: Context, find: () => Promise<string>): Promise<Response> {
    return this.answer(c, { parts: once(async () => [await find()]), lookups: this.partLookups, type: 'text' });
  }

  /** Answers with JSON in parts. @throws what the first one throws; what a later one throws cuts the connection */
  parts(c: Context, parts: Parts): Promise<Response> {
    return this.answer(c, { parts, lookups: this.partLookups });
  }

  private async answer(c: Context, { parts, lookups, type = 'json' }: Making): Promise<Response> {
    const stream = new AnswerStream({ room: this.room, lookups, parts, cut: () => cut(c) });
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
  readonly lookups: Turnstile;
  readonly type?: keyof typeof types;
}

async function* once(find: () => Promise<Iterable<string>>): AsyncGenerator<Part, void> {
  yield { pieces: await find(), isLast: true };
}

/** Behind another server than Node's, that is its own matter. */
function cut(c: Context): void {
  const { outgoing } = (c.env ?? {}) as Partial<HttpBindings>;
  outgoing?.destroy();
}

interface StreamOptions {
  readonly room: AnswerBytes;
  readonly lookups: Turnstile;
  readonly parts: Parts;
  /** Ends the connection. */
  readonly cut: () => void;
}

class AnswerStream {
  private readonly options: StreamOptions;
  private readonly holder: Holder;
  private made: Buffer<ArrayBuffer>[] = [];
  private isLast = false;
  private isOver = false;

  constructor(options: StreamOptions) {
    this.options = options;
    this.holder = options.room.holder(() => this.fail());
  }

  /** Makes text of the next part. What was found is held only until it is text. */
  lookUp(): Promise<void> {
    const { lookups, parts, room } = this.options;
    return lookups.run(async () => {
      const { value } = await parts.next();
      this.isLast = value === undefined || value.isLast;
      const made = value === undefined ? [] : await bytesOf(value.pieces);
      const length = made.reduce((sum, piece) => sum + piece.length, 0);
      if (length > freeBytes) await room.take(this.holder, length);
      if (this.isOver) this.end();
      else this.made = made;
    });
  }

  /** The answer, where it is so short that it need not be handed over in pieces. */
  whole(): Buffer<ArrayBuffer> | undefined {
    return this.isLast && this.made.length < 2 && this.holder.bytes === 0 ? (this.made[0] ?? Buffer.alloc(0)) : undefined;
  }

  readable(): ReadableStream<Uint8Array> {
    // Nothing is made before it is asked for.
    return new ReadableStream({ pull: (controller) => this.pull(controller), cancel: () => this.end() }, { highWaterMark: 0 });
  }

  /** Lets go of everything. */
  end(): void {
    this.isOver = true;
    this.made = [];
    this.options.room.read(this.holder, this.holder.bytes);
    this.options.parts.return?.()?.catch(() => undefined);
  }

  private async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      while (this.made.length === 0 && !this.isLast && !this.isOver) await this.lookUp();
    } catch {
      // Its status has been sent: an end before the end is all that can be said.
      this.fail();
    }
    const piece = this.made.shift();
    if (piece !== undefined) {
      controller.enqueue(piece);
      this.options.room.read(this.holder, piece.length);
    }
    if (this.isOver || (this.isLast && this.made.length === 0)) controller.close();
  }

  private fail(): void {
    if (this.isOver) return;
    this.options.cut();
    this.end();
  }
}

async function bytesOf(pieces: Iterable<string>): Promise<Buffer<ArrayBuffer>[]> {
  const made: Buffer<ArrayBuffer>[] = [];
  for (const piece of pieces) {
    const bytes = Buffer.from(piece);
    for (let at = 0; at < bytes.length; at += freeBytes) made.push(bytes.subarray(at, at + freeBytes));
    // Others have their turn between two pieces.
    if (made.length > 1) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return made;
}
