/** Starts threads from modules of this package, built or not. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a thread with a module that stands beside another one.
 * @param module - The module without its ending, for example `./writer-thread`; the build puts all modules into one folder, so that
 * it is found beside whichever chunk asks.
 * @param from - `import.meta.url` of whoever asks.
 */
export function startThread(module: string, from: string, options: WorkerOptions): Worker {
  if (!from.endsWith('.ts')) return new Worker(new URL(`${module}.js`, from), options);
  // From the sources, the thread has to be taught TypeScript by itself: what the process was started with does not reach it.
  // Resolving knows of the CommonJS one only; the other stands beside it.
  const teacher = pathToFileURL(
    createRequire(import.meta.url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs'),
  ).href;
  const thread = new URL(`${module}.ts`, from).href;
  const text = `import(${JSON.stringify(teacher)}).then(({ register }) => { register(); return import(${JSON.stringify(thread)}); })`;
  return new Worker(text, { ...options, eval: true, execArgv: [] });
}
