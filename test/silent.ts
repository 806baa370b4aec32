/** A log that nobody reads, for systems whose tests are not about what they log. */
import type { Logger } from '../src/runtime/logger.ts';

export const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
