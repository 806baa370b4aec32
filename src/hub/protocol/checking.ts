/** Holds what came over the wire against its schema. */
import type * as z from 'zod';

import { Complaints } from '../../complaints.ts';

/**
 * The data of a message, as its schema takes it.
 * @throws GleitzeitError INVALID_PARAMS with everything that is not right
 */
export function checked<Schema extends z.ZodType>(schema: Schema, name: string, data: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const complaints = new Complaints();
  complaints.addAll(parsed, { of: data, at: '' });
  throw complaints.error(`The data of '${name}'`, 'INVALID_PARAMS') ?? parsed.error;
}
