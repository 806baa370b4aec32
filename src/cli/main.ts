#!/usr/bin/env node
/** The program `gleitzeit`, also called `gz`. */
import { runProgram } from './program.ts';
import { terminalOf } from './terminal.ts';

// Whoever reads the output may stop reading: `gleitzeit machines | head` is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const exitCode = await runProgram(process.argv.slice(2), terminalOf({ stdout: process.stdout, stderr: process.stderr, env: process.env }));

// A provider of the user's own may keep a socket or a timer; what it has to say is said.
const written = (stream: NodeJS.WriteStream) => new Promise<void>((resolve) => stream.write('', () => resolve()));
await Promise.all([written(process.stdout), written(process.stderr)]);
process.exit(exitCode);
