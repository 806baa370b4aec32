/**
 * Frames: how facts are packed into rows, and how a row is known to be as it was written.
 *
 * The body is one line of JSON per fact, deflated: facts of one batch repeat nearly everything, so that it shrinks to a tenth,
 * and what is not written need not be synced.
 */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { keyIdsIn } from '../../secrets/token.ts';
import { type ScheduleChange, scheduleChangeOf } from '../standing-schedules.ts';
import { type HeadChange, headChangeOf } from '../workflow-head.ts';

/** Bound what a reader of one workflow has to unpack of others, and what one text can hold; a larger fact has a frame of its own. */
const maxFacts = 256;
const maxLength = 4 * 2 ** 20;

/** Facts ready to be written: made where they are stated, cheap to hand to another thread. */
export interface Packed {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly facts: number;
  readonly lines: string;
  /** How many facts of which workflow, or of none. */
  readonly touches: readonly (readonly [workflowId: string | undefined, facts: number])[];
}

export interface Batch {
  readonly frames: readonly Packed[];
  /** In the order of the facts that say so. */
  readonly changes: readonly (readonly [seq: number, change: HeadChange])[];
  readonly schedules: readonly (readonly [seq: number, change: ScheduleChange])[];
  /** The ids of the keys that secrets in it are sealed with. */
  readonly keys: readonly string[];
}

export function packBatch(facts: readonly GleitzeitEvent[]): Batch {
  const frames = packFrames(facts);
  const changes: [number, HeadChange][] = [];
  const schedules: [number, ScheduleChange][] = [];
  for (const fact of facts) {
    const change = headChangeOf(fact);
    if (change !== undefined) changes.push([fact.seq, change]);
    const schedule = scheduleChangeOf(fact);
    if (schedule !== undefined) schedules.push([fact.seq, schedule]);
  }
  return { frames, changes, schedules, keys: frames.flatMap(({ lines }) => keyIdsIn(lines)) };
}

function packFrames(facts: readonly GleitzeitEvent[]): readonly Packed[] {
  const frames: Packed[] = [];
  let lines: string[] = [];
  let length = 0;
  const close = (end: number): void => {
    if (lines.length > 0) frames.push(pack(facts.slice(end - lines.length, end), lines));
    lines = [];
    length = 0;
  };
  for (const [at, fact] of facts.entries()) {
    const line = JSON.stringify(fact);
    if (lines.length === maxFacts || length + line.length > maxLength) close(at);
    lines.push(line);
    length += line.length;
  }
  close(facts.length);
  return frames;
}

function pack(facts: readonly GleitzeitEvent[], lines: readonly string[]): Packed {
  const touches = new Map<string | undefined, number>();
  for (const { correlation } of facts) {
    const { workflowId } = correlation;
    touches.set(workflowId, (touches.get(workflowId) ?? 0) + 1);
  }
  return { firstSeq: facts[0]?.seq ?? 0, lastSeq: facts.at(-1)?.seq ?? 0, facts: facts.length, lines: lines.join('\n'), touches: [...touches] };
}

/** A row of `frames`. */
export interface FrameRow {
  readonly seq: number;
  readonly n: number;
  readonly first_seq: number;
  readonly facts: number;
  /** Of the body as it was first written. */
  readonly sum: number;
  readonly chain: number;
  /** How many workflows have facts in it, those of no workflow counting as one. */
  readonly live: number;
  /** Of the body after a sweep took facts out of it. */
  readonly kept_sum: number | null;
  readonly body: Buffer;
}

export function encodeBody(lines: string): Buffer {
  return deflateRawSync(lines, { level: 1 });
}

export function sumOf(body: Buffer): number {
  return crc32(body);
}

/** The chain after a frame: it follows from everything that was ever written before it. */
export function chainAfter(chain: number, { seq, n, first_seq, facts, sum }: Pick<FrameRow, 'seq' | 'n' | 'first_seq' | 'facts' | 'sum'>): number {
  return crc32(`${n} ${first_seq} ${seq} ${facts} ${sum}`, chain);
}

/** A checksum over the fields of a small row. */
export function rowSum(...fields: readonly (string | number | null)[]): number {
  return crc32(JSON.stringify(fields));
}

/** Whether the row has numbers where there must be numbers: a flipped bit can make nothing or a text of them. */
export function isShaped({ n, first_seq, facts, sum, chain }: Pick<FrameRow, 'n' | 'first_seq' | 'facts' | 'sum' | 'chain'>): boolean {
  return [n, first_seq, facts, sum, chain].every(Number.isSafeInteger);
}

export function isIntact({ body, sum, kept_sum }: Pick<FrameRow, 'body' | 'sum' | 'kept_sum'>): boolean {
  return Buffer.isBuffer(body) && sumOf(body) === (kept_sum ?? sum);
}

export function linesOf(body: Buffer): readonly string[] {
  const text = inflateRawSync(body).toString();
  return text === '' ? [] : text.split('\n');
}

/** The fact that a line holds. @throws Error where it holds none: what an intact frame holds is only as sound as who wrote it */
export function factOf(line: string): GleitzeitEvent {
  const value: unknown = JSON.parse(line);
  if (!isFact(value)) throw new Error('a line of it is no event');
  return value;
}

/** The lines of a frame and the facts that they hold; nothing where the frame is not as it was written, or holds what is no fact. */
export function readableLines(
  frame: Pick<FrameRow, 'body' | 'sum' | 'kept_sum'>,
): readonly (readonly [line: string, fact: GleitzeitEvent])[] | undefined {
  if (!isIntact(frame)) return undefined;
  try {
    return linesOf(frame.body).map((line) => [line, factOf(line)] as const);
  } catch {
    return undefined;
  }
}

/** Whether it has what every reader of facts relies on; `checkLog` holds the rest against the schemas. */
function isFact(value: unknown): value is GleitzeitEvent {
  if (!isObject(value) || !isObject(value['correlation']) || !isObject(value['data'])) return false;
  const { workflowId } = value['correlation'];
  const isOfOne = workflowId === undefined || typeof workflowId === 'string';
  return typeof value['type'] === 'string' && Number.isSafeInteger(value['seq']) && typeof value['time'] === 'number' && isOfOne;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
