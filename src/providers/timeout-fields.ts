/** The time limit of one call, beside that of its task: in seconds, as everywhere in workflow files, or in milliseconds. */
import * as z from 'zod';

/** Longer than a task may take at all. */
const longestMs = 86_400_000;

export const timeoutFields = {
  timeout: z
    .number()
    .positive()
    .max(longestMs / 1_000)
    .describe('In seconds.')
    .optional(),
  timeoutMs: z.number().positive().max(longestMs).optional(),
};

export function timeoutMsOf(params: { readonly timeout?: number | undefined; readonly timeoutMs?: number | undefined }): number | undefined {
  return params.timeoutMs ?? (params.timeout === undefined ? undefined : params.timeout * 1_000);
}
