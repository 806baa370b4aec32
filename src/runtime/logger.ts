/** The log that the runtime writes to: the part of pino's interface that is used, so that a pino logger is one. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const levels = ['debug', 'info', 'warn', 'error'] as const;

/**
 * Logs by pino to stderr, all but what is for debugging unless told. Loading pino costs time, so it waits for the first line that counts.
 */
export function defaultLogger(level: (typeof levels)[number] = 'info'): Logger {
  let pending: Promise<{ readonly logger: Logger }> | undefined;
  const load = async (): Promise<{ readonly logger: Logger }> => {
    const { destination, pino } = await import('pino');
    return { logger: pino({ name: 'gleitzeit', level }, destination(2)) };
  };
  const write = (at: (typeof levels)[number]) => (fields: object, message: string) => {
    if (levels.indexOf(at) < levels.indexOf(level)) return;
    pending ??= load();
    // It cannot be loaded where no descriptor is left, of which somebody has to read.
    pending.then(({ logger }) => logger[at](fields, message)).catch(() => writePlainly(at, message));
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Says a line without a library to say it by. */
function writePlainly(level: string, message: string): void {
  try {
    process.stderr.write(`${JSON.stringify({ level, name: 'gleitzeit', msg: message })}\n`);
  } catch {
    // There is nobody left to tell.
  }
}

/** For a system whose faults are told by what it answers. */
export const silentLogger: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A logger that never throws: what it writes is not worth what it writes about. */
export function guardLogger(logger: Logger): Logger {
  const guarded = (at: (typeof levels)[number]) => (fields: object, message: string) => {
    try {
      const answer: unknown = logger[at](fields, message);
      if (answer instanceof Promise) answer.catch(() => undefined);
    } catch {
      // There is nobody left to tell.
    }
  };
  return { debug: guarded('debug'), info: guarded('info'), warn: guarded('warn'), error: guarded('error') };
}
