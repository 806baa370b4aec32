/** Gives the built command its executable bit: tsc keeps the shebang but not the mode, and npm sets it only where it links. */
import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

chmodSync(fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url)), 0o755);
