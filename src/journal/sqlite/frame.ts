/**
 * Frames: how facts are packed into rows, and how a row is known to be as it was written.
 *
 * The body is one line of JSON per fact, deflated: facts of one batch repeat nearly everything, so that it shrinks to a tenth,
 * and what is not written need not be synced.
 */
import { crc32, deflateRawSync, inflateRawSync } from 'node:zlib';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { type ScheduleChange, scheduleChangeOf } from '../standing-schedules.ts';
import { type HeadChange, headChangeOf } from '../workflow-head.ts';

/** Bounds what a reader of one workflow has to unpack of others. */
const maxFacts = 256;

/** Facts ready to be written: made where they are stated, cheap to hand to another thread. */
export interface Packed {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly facts: number;
  readonly lines: string;
  /** How many facts of which workflow; `''` for those of none. */
  readonly touches: readonly (readonly [workflowId: string, facts: number])[];
}

export interface Batch {
  readonly frames: readonly Packed[];
  /** In the order of the facts that say so. */
  readonly changes: readonly (readonly [seq: number, change: HeadChange])[];
  readonly schedules: readonly (readonly [seq: number, change: ScheduleChange])[];
}

export function packBatch(facts: readonly GleitzeitEvent[]): Batch {
  const frames: Packed[] = [];
  for (let from = 0; from < facts.length; from += maxFacts) frames.push(pack(facts.slice(from, from + maxFacts)));
  const changes: [number, HeadChange][] = [];
  const schedules: [number, ScheduleChange][] = [];
  for (const fact of facts) {
    const change = headChangeOf(fact);
    if (change !== undefined) changes.push([fact.seq, change]);
    const schedule = scheduleChangeOf(fact);
    if (schedule !== undefined) schedules.push([fact.seq, schedule]);
  }
  return { frames, changes, schedules };
}

function pack(facts: readonly GleitzeitEvent[]): Packed {
  const touches = new Map<string, number>();
  const lines: string[] = [];
  for (const fact of facts) {
    lines.push(JSON.stringify(fact));
    const { workflowId = '' } = fact.correlation;
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

/** The fact that a line of an intact frame holds. */
export function factOf(line: string): GleitzeitEvent {
  // What is in an intact frame was written by `pack`.
  return JSON.parse(line) as GleitzeitEvent;
}
