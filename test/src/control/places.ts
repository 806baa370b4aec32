/** Journals with an engine on them, and without. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import {
  type ControlServer,
  defineProvider,
  type GleitzeitEvent,
  type GleitzeitSystem,
  type ServeOptions,
  serveControl,
  sqliteJournal,
} from '../../../src/index.ts';
import { createSystem } from '../../../src/runtime/system.ts';
import { silent } from '../../silent.ts';

export function placeForJournal(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-control-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'test.db');
}

/** A provider whose one task waits until it is let go, and what of it was ever called. */
export function gate() {
  const calls: string[] = [];
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const note = (what: string) => () => void calls.push(what);
  const provider = defineProvider({
    protocol: 'gate/v1',
    start: note('start'),
    stop: note('stop'),
    check: note('check'),
    methods: {
      'gate/wait': {
        run: async (_: object, call) => {
          calls.push(call.taskId);
          await Promise.race([opened, call.sleep(60_000)]);
          return { passed: call.taskId };
        },
      },
      'gate/fail': {
        run: () => {
          calls.push('fail');
          throw new Error('it fails');
        },
      },
    },
  });
  return { provider, calls, open: () => open() };
}

export interface Running {
  readonly system: GleitzeitSystem;
  readonly ear: ControlServer;
  readonly events: readonly GleitzeitEvent[];
  stop(): Promise<void>;
}

/** An engine that owns a journal and listens; it ends with the test. */
export async function engineOn(path: string, { provider }: Pick<ReturnType<typeof gate>, 'provider'>, options: ServeOptions = {}): Promise<Running> {
  const system = createSystem({ journal: sqliteJournal(path, { writer: 'inline' }), providers: [provider], strict: true, log: silent });
  const events: GleitzeitEvent[] = [];
  system.events$.subscribe((event) => events.push(event));
  await system.start();
  const ear = await serveControl(system, path, options);
  const stop = async (): Promise<void> => {
    await ear.close();
    await system.stop({ deadlineMs: 0 });
  };
  onTestFinished(stop);
  return { system, ear, events, stop };
}

/** Resolves when a condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
