#!/usr/bin/env node
/** The program `gleitzeit`, also called `gz`. */
import { runProgram } from './program.ts';
import { endAtStrayFaults } from './stray-faults.ts';
import { terminalOf } from './terminal.ts';

// Whoever reads the output may stop reading: `gleitzeit machines | head` is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const args = process.argv.slice(2);
const terminal = terminalOf({ stdout: process.stdout, stderr: process.stderr, env: process.env });
endAtStrayFaults(terminal, args.includes('--json'));
const exitCode = await runProgram(args, terminal);

// A provider of the user's own may keep a socket or a timer; what it has to say is said.
const written = (stream: NodeJS.WriteStream) => new Promise<void>((resolve) => stream.write('', () => resolve()));
await Promise.all([written(process.stdout), written(process.stderr)]);
process.exit(exitCode);
