/** What holds after any bad input: only the infrastructure is left, and a good workflow runs as if nothing had been. */
import { expect } from 'vitest';

import type { Component } from '../../machines/events/define.ts';
import { GleitzeitError } from '../../src/errors.ts';
import type { GleitzeitSystem } from '../../src/runtime/system.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import type { Scene } from '../scenarios/scene.ts';

const ofWorkflows: readonly Component[] = ['workflow', 'resolver', 'task'];

export const good = defineWorkflow({
  name: 'good',
  tasks: (task) => {
    const one = task('one', { run: () => ({ n: 1 }) });
    return task('two', { params: { n: one.n }, run: ({ n }) => n + 1 });
  },
});

/** Nothing is left over of any workflow. */
export async function expectNothingLeft(system: GleitzeitSystem): Promise<void> {
  const counts = await system.actors();
  expect(ofWorkflows.filter((component) => counts[component] !== undefined)).toEqual([]);
}

/** Looks at a system on the simulated clock. */
export async function expectUnharmed({ system, settle, play }: Pick<Scene, 'system' | 'settle' | 'play'>): Promise<void> {
  await settle();
  expect(system.phase).toBe('running');
  await expectNothingLeft(system);
  expect(await play(good)).toMatchObject({ status: 'completed', output: 2 });
  await settle();
  await expectNothingLeft(system);
}

/** Looks at a system on the real clock. */
export async function expectAlive(system: GleitzeitSystem): Promise<void> {
  expect(system.phase).toBe('running');
  const run = await system.submit(good);
  expect(await run.result()).toMatchObject({ status: 'completed', output: 2 });
}

/** The error that something throws or rejects with: always one of ours. */
export async function errorFrom(act: () => unknown): Promise<GleitzeitError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof GleitzeitError) return error;
    throw new Error(`Not an error of ours: ${String(error)}`, { cause: error });
  }
  throw new Error('Nothing was thrown.');
}
