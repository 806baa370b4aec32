/** What the options of a list of workflows are held to. */
import * as z from 'zod';

import { Complaints } from '../complaints.ts';
import { headStatuses } from '../journal/journal.ts';

const limitRule = 'a whole number from 1';
const shape = z.strictObject(
  {
    status: z.enum(headStatuses, { error: 'running, completed, failed, cancelled or damaged' }).optional(),
    before: z.string({ error: 'the id of a workflow' }).optional(),
    limit: z.int({ error: limitRule }).min(1, { error: limitRule }).optional(),
  },
  { error: 'a map of options' },
);

/** @throws GleitzeitError INVALID_PARAMS */
export function checkList(options: unknown): void {
  const complaints = new Complaints();
  complaints.addAll(shape.safeParse(options), { of: options, at: '', known: Object.keys(shape.shape) });
  const error = complaints.error('list', 'INVALID_PARAMS');
  if (error !== undefined) throw error;
}
