import { describe, expect, it } from 'vitest';
import * as z from 'zod';

import { toError } from '../../../../src/errors.ts';
import { checked } from '../../../../src/hub/protocol/checking.ts';
import { workerMessages } from '../../../../src/hub/protocol/workers.ts';

function refusalOf(schema: z.ZodType, data: unknown) {
  try {
    checked(schema, 'x', data);
  } catch (thrown) {
    return toError(thrown);
  }
  throw new Error('it was taken');
}

describe('a message with more wrong in it than anybody reads', () => {
  it.each([
    ['unknown keys', z.strictObject({}), Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`k${at}`, at]))],
    ['wrong values', z.array(z.string()), Array.from({ length: 5_000 }, (_, at) => at)],
    ['unknown keys in many places', z.array(z.strictObject({})), Array.from({ length: 2_500 }, () => ({ a: 1, b: 2 }))],
  ])('is told a hundred of its %s, and how many there are', (_, schema, data) => {
    const error = refusalOf(schema, data);
    expect(error.issues).toHaveLength(100);
    expect(error.message).toContain('was given 5000 values that are not right');
    expect(error.message).toMatch(/and 4900 more$/);
  });
});

describe('how long an attempt took', () => {
  it.each([1.7e308, 31_536_000_000_001])('is refused as %d ms, which is more than a thousand years', (durationMs) => {
    const report = { leaseId: 'l', workflowId: 'w', taskId: 't', attempt: 1, durationMs };
    expect(refusalOf(workerMessages['attempt:succeeded'], report).message).toContain('durationMs');
  });
});
