/** The provider `core/v1`: small methods for trying things out, and for tests. */
import * as z from 'zod';

import { errorCodes, isErrorCode } from '../../machines/failures.ts';
import { longestMs } from '../../machines/policies/instants.ts';
import { errorOf } from '../errors.ts';
import { defineProvider } from './provider.ts';

export const coreProvider = defineProvider({
  protocol: 'core/v1',
  // A sleep waits on a clock, which costs nothing.
  pool: { slots: 16 },
  circuit: false,
  methods: {
    'core/echo': {
      description: 'Returns its parameters.',
      run: (params) => params,
    },
    'core/sleep': {
      description: 'Waits, on the clock of the system.',
      params: z.strictObject({
        ms: z.number().min(0).max(longestMs).describe('How long, in milliseconds.'),
      }),
      run: async ({ ms }, { sleep }) => {
        await sleep(ms);
        return { ms };
      },
    },
    'core/fail': {
      description: 'Fails its first attempts, then succeeds.',
      params: z.strictObject({
        times: z.int().min(0).describe('How many attempts fail.').default(Number.MAX_SAFE_INTEGER),
        code: z.string().refine(isErrorCode, { error: 'must be one of the codes of errors' }).optional(),
        retryable: z.boolean().describe('Whether another attempt is worth it; the code decides where this is left out.').optional(),
        message: z.string().optional(),
      }),
      run: ({ times, code = 'TASK_EXECUTION_FAILED', retryable = errorCodes[code].retryable, message }, { attempt }) => {
        if (attempt > times) return { attempt };
        throw errorOf(code, message ?? `Attempt ${attempt} failed, as it was asked to`, { retryable });
      },
    },
    'core/random': {
      description: 'Draws a number that the seed of the system and the task decide: in [0, 1), or an integer from min to max.',
      params: z
        .strictObject({ min: z.int().optional(), max: z.int().optional() })
        .refine(({ min = 0, max = min }) => min <= max, { error: 'min must not be more than max' }),
      run: ({ min, max }, { random }) => {
        const fraction = random();
        if (max === undefined) return { value: fraction };
        const from = min ?? 0;
        return { value: from + Math.floor(fraction * (max - from + 1)) };
      },
    },
  },
});
