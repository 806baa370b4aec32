/** A directory for journals that is gone after the test, and facts to fill them with. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { factOf } from './contract.ts';

export function placeForJournal(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gleitzeit-journal-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'test.db');
}

export const submitted = (workflowId: string, seq: number): GleitzeitEvent =>
  factOf(
    'workflow:submitted',
    { workflowId, name: 'n', versionHash: 'h', definition: { name: 'n', failurePolicy: 'fail_fast', tasks: [] }, input: `of ${workflowId}` },
    { seq },
  );
export const started = (workflowId: string, seq: number): GleitzeitEvent => factOf('workflow:started', { workflowId, totalTasks: 1 }, { seq });
export const completed = (workflowId: string, seq: number): GleitzeitEvent =>
  factOf('workflow:completed', { workflowId, durationMs: 1, counts: { completed: 1, failed: 0, cancelled: 0, skipped: 0 } }, { seq });

/** Batches of three facts each: one workflow from its submission to its end. */
export const lives = (count: number, from = 1): GleitzeitEvent[][] =>
  Array.from({ length: count }, (_, at) => {
    const seq = from + 3 * at;
    const id = `w${seq}`;
    return [submitted(id, seq), started(id, seq + 1), completed(id, seq + 2)];
  });
