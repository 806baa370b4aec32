/** What handlers and the runtime log, told among the progress of a run. */
import type { Logger } from '../../runtime/logger.ts';
import type { Reporter } from './reporter.ts';

/** A log that a person reads while a run goes on; debugging lines are left out. */
export function progressLog(reporter: Pick<Reporter, 'note'>): Logger {
  const write = (prefix: string) => (fields: object, message: string) => {
    const task = 'taskId' in fields ? `${String(fields.taskId)}: ` : '';
    const error = 'err' in fields && fields.err instanceof Error ? `: ${fields.err.message}` : '';
    reporter.note(`${prefix}${task}${message}${error}`);
  };
  return { debug: () => {}, info: write(''), warn: write('warning: '), error: write('error: ') };
}
