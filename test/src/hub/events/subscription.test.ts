import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Feed } from '../../../../src/hub/events/feed.ts';
import type { Frame } from '../../../../src/hub/events/frame.ts';
import { selecting } from '../../../../src/hub/events/selection.ts';
import type { Outlet } from '../../../../src/hub/events/subscription.ts';
import type { GleitzeitEvent } from '../../../../src/index.ts';
import type { ReadOptions } from '../../../../src/journal/journal.ts';
import { finished } from '../../../../src/work.ts';

/** A system that says what it is told to, and a journal that answers when it is told to. */
class Stage {
  readonly facts: GleitzeitEvent[] = [];
  readonly feed: Feed;
  durableSeq = 0;
  /** As where only the facts of some workflow are asked for. */
  nothingIsRead = false;
  private seq = 0;
  private handler: (event: GleitzeitEvent) => void = () => undefined;
  private reads: (() => void)[] = [];
  /** Events that are still to be shown. */
  private shown: GleitzeitEvent[] = [];

  constructor(backlogBytes: number) {
    const core = { clock: { now: () => 0, setTimer: () => ({ cancel: () => undefined }) } };
    Object.defineProperty(core, 'durableSeq', { get: () => this.durableSeq });
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    this.feed = new Feed(
      {
        core: core as never,
        log,
        journal: { read: (options) => new Promise((resolve) => this.reads.push(() => resolve(this.read(options)))) },
        watch: (handler) => {
          this.handler = handler;
          return () => {
            this.handler = () => undefined;
          };
        },
      },
      { backlogBytes, cursorMs: 1_000 },
    );
  }

  /** One batch: `true` for an event that is recorded. All of it is durable before any of it is seen. */
  say(batch: readonly boolean[]): void {
    this.commit(batch);
    this.show();
  }

  /** Has a batch recorded, which nobody is told of yet. */
  commit(batch: readonly boolean[]): void {
    this.show();
    this.shown = batch.map((isRecorded) => this.make(isRecorded));
    this.facts.push(...this.shown.filter(({ type }) => type === 'workflow:started'));
  }

  show(): void {
    this.durableSeq = this.facts.at(-1)?.seq ?? 0;
    for (const event of this.shown.splice(0)) this.handler(event);
  }

  /** Says something that overtakes what waits for the journal. */
  sayAside(): void {
    this.handler(this.make(false));
  }

  /** Answers what was read from the journal, as it is now. */
  answer(): void {
    this.reads.shift()?.();
  }

  private make(isRecorded: boolean): GleitzeitEvent {
    const seq = ++this.seq;
    const type = isRecorded ? 'workflow:started' : 'workflow:step_completed';
    return {
      type,
      data: { workflowId: 'w' },
      id: `e${seq}`,
      seq,
      time: 0,
      source: 's',
      severity: 'info',
      correlation: { correlationId: 'w', workflowId: 'w' },
    } as GleitzeitEvent;
  }

  private read({ afterSeq = 0, limit }: ReadOptions = {}): readonly GleitzeitEvent[] {
    return this.nothingIsRead ? [] : this.facts.filter(({ seq }) => seq > afterSeq).slice(0, limit);
  }
}

class Ear implements Outlet {
  readonly roomSeekers = new Set<() => void>();
  readonly heard: { readonly name: string; readonly seq: number }[] = [];
  room = 0;

  hasRoom(): boolean {
    return this.room > 0;
  }

  send({ text }: Frame): void {
    this.room--;
    const [name, { seq }] = JSON.parse(text.slice(text.indexOf('['))) as [string, { readonly seq: number }];
    this.heard.push({ name, seq });
  }

  /** Reads so much of what it was sent. */
  take(room: number): void {
    this.room = Math.max(0, this.room) + room;
    for (const seek of [...this.roomSeekers]) if (this.hasRoom()) seek();
  }

  leave(): void {
    throw new Error('It was told to leave.');
  }

  seqs(name: string): number[] {
    return this.heard.flatMap((one) => (one.name === name ? [one.seq] : []));
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const all = [{ types: ['*'] }];

describe('a subscription', () => {
  it('loses nothing, not even what is not recorded, while the backlog has room for it', () => {
    const stage = new Stage(100_000);
    const ear = new Ear();
    stage.feed.subscribe({ namespace: '/engine', selection: finished(selecting(all, '/engine')), fromSeq: undefined, outlet: ear }).begin();
    ear.take(3);
    for (let n = 0; n < 20; n++) stage.say([true, false]);
    expect(ear.heard.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    ear.take(10);
    expect(ear.heard).toHaveLength(13);
    ear.take(100);
    stage.say([true]);
    expect(ear.heard.map(({ seq }) => seq)).toEqual(Array.from({ length: 41 }, (_, n) => n + 1));
    expect(ear.heard.some(({ name }) => name.startsWith('subscription:'))).toBe(false);
  });

  it('goes back to the journal for what the backlog does not keep, and says so', async () => {
    const stage = new Stage(2_000);
    const ear = new Ear();
    stage.feed.subscribe({ namespace: '/engine', selection: finished(selecting(all, '/engine')), fromSeq: undefined, outlet: ear }).begin();
    ear.take(3);
    for (let n = 0; n < 50; n++) stage.say([true, false]);
    ear.take(1_000);
    expect(ear.heard.at(-1)).toEqual({ name: 'subscription:behind', seq: 3 });
    // What happens while the journal is read comes after what it has, also what is not recorded.
    stage.say([false, true]);
    await settled();
    stage.answer();
    stage.say([true]);
    await settled();
    stage.say([false]);
    expect(ear.seqs('workflow:started')).toEqual(stage.facts.map(({ seq }) => seq));
    expect(ear.seqs('subscription:live')).toEqual([103]);
    expect(ear.heard.slice(-3)).toEqual([
      { name: 'workflow:started', seq: 103 },
      { name: 'subscription:live', seq: 103 },
      { name: 'workflow:step_completed', seq: 104 },
    ]);
    expect(stage.feed.figures.behind).toBe(1);
  });

  it('sends once what the journal had before it was shown', async () => {
    const stage = new Stage(100_000);
    const ear = new Ear();
    ear.room = 100;
    stage.say([true, true]);
    stage.commit([true, false]);
    stage.feed.subscribe({ namespace: '/engine', selection: finished(selecting(all, '/engine')), fromSeq: 1, outlet: ear }).begin();
    await settled();
    stage.answer();
    await settled();
    expect(ear.heard).toEqual([
      { name: 'workflow:started', seq: 2 },
      { name: 'workflow:started', seq: 3 },
      { name: 'subscription:live', seq: 3 },
    ]);
    stage.show();
    stage.say([true]);
    expect(ear.heard.slice(3)).toEqual([
      { name: 'workflow:step_completed', seq: 4 },
      { name: 'workflow:started', seq: 5 },
    ]);
  });

  it('is as far as the journal was read, also where nothing there was for it', async () => {
    const stage = new Stage(100_000);
    const ear = new Ear();
    ear.room = 100;
    stage.say([true, true, true]);
    const filters = [{ types: ['workflow:failed'], correlationId: 'other' }];
    stage.nothingIsRead = true;
    stage.feed.subscribe({ namespace: '/engine', selection: finished(selecting(filters, '/engine')), fromSeq: 0, outlet: ear }).begin();
    await settled();
    stage.answer();
    await settled();
    expect(ear.heard).toEqual([{ name: 'subscription:live', seq: 3 }]);
  });

  it('keeps nothing for those who have left', () => {
    const stage = new Stage(1_000_000);
    const ear = new Ear();
    const subscription = stage.feed.subscribe({
      namespace: '/engine',
      selection: finished(selecting(all, '/engine')),
      fromSeq: undefined,
      outlet: ear,
    });
    stage.say([true, true]);
    expect(stage.feed.backlog.end - stage.feed.backlog.first).toBe(2);
    subscription.end();
    expect(stage.feed.backlog.end - stage.feed.backlog.first).toBe(0);
    expect([...ear.roomSeekers]).toEqual([]);
  });

  type Step =
    | { readonly do: 'say'; readonly batch: readonly boolean[] }
    | { readonly do: 'take'; readonly room: number }
    | { readonly do: 'commit'; readonly batch: readonly boolean[] }
    | { readonly do: 'answer' | 'wait' | 'join' | 'aside' };
  const step = fc.oneof(
    fc.record({ do: fc.constantFrom('say' as const, 'commit' as const), batch: fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }) }),
    fc.record({ do: fc.constant('take' as const), room: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ do: fc.constantFrom('answer' as const, 'wait' as const, 'join' as const, 'aside' as const) }),
  );

  async function play(steps: readonly Step[], backlogBytes: number) {
    const stage = new Stage(backlogBytes);
    const ears: { readonly ear: Ear; readonly fromSeq: number }[] = [];
    const perform = async (each: Step): Promise<void> => {
      if (each.do === 'say') stage.say(each.batch);
      else if (each.do === 'commit') stage.commit(each.batch);
      else if (each.do === 'aside') stage.sayAside();
      else if (each.do === 'take') for (const { ear } of ears) ear.take(each.room);
      else if (each.do === 'answer') stage.answer();
      else if (each.do === 'wait') await settled();
      else if (ears.length < 4) {
        const ear = new Ear();
        ear.room = 4;
        const isNew = ears.length % 2 === 1;
        const subscription = stage.feed.subscribe({
          namespace: '/engine',
          selection: finished(selecting(all, '/engine')),
          fromSeq: isNew ? undefined : 0,
          outlet: ear,
        });
        ears.push({ ear, fromSeq: isNew ? subscription.since : 0 });
        subscription.begin();
      }
    };
    for (const each of steps) await perform(each);
    stage.show();
    for (let n = 0; n < 60; n++) for (const each of [{ do: 'take', room: 50 }, { do: 'answer' }, { do: 'wait' }] as const) await perform(each);
    return { stage, ears };
  }

  it('sends each recorded event once and in order, whoever reads how slowly and whenever', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), fc.constantFrom(500, 3_000, 1_000_000), async (steps, backlogBytes) => {
        const { stage, ears } = await play(steps, backlogBytes);
        for (const { ear, fromSeq } of ears) {
          expect(ear.seqs('workflow:started')).toEqual(stage.facts.flatMap(({ seq }) => (seq > fromSeq ? [seq] : [])));
          const order = ear.heard.flatMap(({ name, seq }) => (name.startsWith('workflow:') ? [seq] : []));
          if (!steps.some((each) => each.do === 'aside')) expect(order).toEqual([...order].sort((a, b) => a - b));
          expect(new Set(order).size).toBe(order.length);
        }
        // Whoever has read everything holds nothing.
        expect(stage.feed.backlog.end).toBe(stage.feed.backlog.first);
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});
