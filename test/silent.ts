/** A log that nobody reads, for systems whose tests are not about what they log. */
export { silentLogger as silent } from '../src/runtime/logger.ts';
