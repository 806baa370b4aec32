import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { memoryJournal } from '../../src/journal/memory.ts';
import { defineWorkflow } from '../../src/workflow/define.ts';
import { loadWorkflow } from '../../src/workflow/load.ts';
import { scene } from './scene.ts';

const order = (more: object = {}) =>
  loadWorkflow({ name: 'order', input: { currency: 'EUR' }, tasks: [{ id: 'a', method: 'core/echo', parameters: { v: '${input.v}' } }], ...more });
const refused = { code: 'WORKFLOW_INVALID_STATE', message: expect.stringContaining("ifKnown: 'join'") };
const key = 'a key of 32 characters or a few more';

describe('a submit under a known id', () => {
  it('with another input is refused, and answers with the run for the same one or none', async () => {
    const { system, submit, play } = await scene({ builtins: true });
    const workflow = await order();
    await play(workflow, { id: 'order-17', input: { v: '10 EUR', w: 1 } });
    await expect(system.submit(workflow, { id: 'order-17', input: { v: '99 EUR', w: 1 } })).rejects.toMatchObject(refused);
    await expect(system.submit(workflow, { id: 'order-17', input: {} })).rejects.toMatchObject(refused);
    // The order of keys does not matter, nor whether a default is said.
    for (const input of [{ w: 1, v: '10 EUR' }, { currency: 'EUR', w: 1, v: '10 EUR' }, undefined]) {
      const run = await submit(workflow, { id: 'order-17', ...(input !== undefined && { input }) });
      expect(run.known).toBe('completed');
      expect((await run.result()).tasks['a']?.result).toEqual({ v: '10 EUR' });
    }
    expect((await submit(workflow, { input: { v: 1 } })).known).toBeUndefined();
  });

  it('with another definition or input joins the run that is there, when told to', async () => {
    const { system, submit, play } = await scene({ builtins: true });
    await play(await order(), { id: 'order-17', input: { v: '10 EUR' } });
    const other = await order({ description: 'another one' });
    await expect(system.submit(other, { id: 'order-17' })).rejects.toMatchObject(refused);
    const run = await submit(other, { id: 'order-17', ifKnown: 'join', input: { v: '99 EUR' } });
    expect((await run.result()).tasks['a']?.result).toEqual({ v: '10 EUR' });
    const fresh = await submit(other, { id: 'order-18', ifKnown: 'join', input: { v: 1 } });
    expect(fresh.known).toBeUndefined();
    await expect(system.submit(other, { id: 'x', ifKnown: 'never' as 'same' })).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
  });

  it('is the same by what was given, whatever a schema makes of it', async () => {
    const { system, submit, play } = await scene({ builtins: true });
    let calls = 0;
    const input = z.object({ v: z.string().transform((v) => `${v} ${++calls}`), at: z.number().default(() => ++calls) });
    const workflow = defineWorkflow({ name: 'odd', input, tasks: (task, { v }) => ({ a: task('a', { method: 'core/echo', params: { v } }) }) });
    await play(workflow, { id: 'odd', input: { v: 'x' } as never });
    expect((await submit(workflow, { id: 'odd', input: { v: 'x' } as never })).known).toBe('completed');
    await expect(system.submit(workflow, { id: 'odd', input: { v: 'y' } as never })).rejects.toMatchObject(refused);
    // What no input is right for is no matter where none is needed.
    expect((await submit(workflow, { id: 'odd' })).known).toBe('completed');
  });

  it('goes on over a restart, and tells secrets apart without a word of them', async () => {
    const journal = memoryJournal({ keepFacts: 10_000 });
    const secrets = { key };
    const first = await scene({ builtins: true, journal, secrets });
    const workflow = await order();
    await first.play(workflow, { id: 'order-17', input: { v: 1, password: 'hunter22' } });
    const digest = first.only('workflow:submitted').data.inputDigest;
    expect(digest).toMatch(/^hmac:[0-9a-f]{8}:[0-9a-f]{64}$/);
    await first.system.stop({ deadlineMs: 0 });
    const second = await scene({ builtins: true, journal, secrets, seed: 'second', startAt: 100_000 });
    expect((await second.submit(workflow, { id: 'order-17', input: { v: 1, password: 'hunter22' } })).known).toBe('completed');
    await expect(second.system.submit(workflow, { id: 'order-17', input: { v: 1, password: 'hunter23' } })).rejects.toMatchObject(refused);
    await second.system.stop({ deadlineMs: 0 });
    // Without the key nobody can tell: neither a wrong yes nor a wrong no.
    const third = await scene({ builtins: true, journal, secrets: { key: `${key}, another` }, seed: 'third', startAt: 200_000 });
    const asked = third.system.submit(workflow, { id: 'order-17', input: { v: 1, password: 'hunter22' } });
    await expect(asked).rejects.toMatchObject({ code: 'CONFIGURATION_ERROR', message: expect.stringContaining('digested with key') });
    expect((await third.submit(workflow, { id: 'order-17' })).known).toBe('completed');
  });

  it('needs no key where there is no secret, or none is sealed', async () => {
    for (const secrets of [{ key }, false] as const) {
      const { play, only } = await scene({ builtins: true, secrets });
      await play(await order(), { id: 'order-17', input: { v: 1 } });
      expect(only('workflow:submitted').data.inputDigest).toMatch(/^sha256:/);
    }
  });
});
