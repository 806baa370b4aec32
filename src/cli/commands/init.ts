/** `gleitzeit init NAME`: makes a folder with a workflow and a provider to start from. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { usageError } from '../faults.ts';
import { print, printJson, say, type Terminal } from '../terminal.ts';

export interface InitOptions {
  readonly json?: boolean;
}

/** Writes the files of a new project; never over what is there. */
export async function initCommand(name: string, { json }: InitOptions, terminal: Terminal): Promise<ExitCode> {
  const folder = resolve(name);
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw usageError(`'${name}' cannot become a project: ${error.message}`);
  });
  if (there.length > 0) throw usageError(`'${name}' is a folder with files in it; nothing was written.`);
  await mkdir(folder, { recursive: true });
  const files = Object.entries(filesOf(basename(folder)));
  for (const [file, text] of files) await writeFile(join(folder, file), text, { flag: 'wx' });
  const paths = files.map(([file]) => join(name, file));
  if (json === true) printJson(terminal, { folder: name, files: paths });
  else for (const path of paths) print(terminal, path);
  say(terminal, `Try: gleitzeit run ${join(name, 'workflow.yaml')}`);
  return exitCodes.done;
}

function filesOf(name: string): Record<string, string> {
  return { 'workflow.yaml': workflow(name), 'providers.ts': providers };
}

const workflow = (name: string) => `# Run it: gleitzeit run workflow.yaml
name: ${JSON.stringify(name)}
input:
  words: [to, be, or, not]
tasks:
  - id: each
    for_each: "\${input.words}"          # once per word, results in the order of the words
    method: core/echo
    parameters: { word: "\${item}", place: "\${index}" }

  - id: report
    method: core/echo                    # waits for each by itself, since it refers to it
    parameters: { first: "\${each[0].word}", all: "\${each}" }
    retry: { max_attempts: 3 }

output: "\${report}"
`;

const providers = `/** Providers of your own: gleitzeit run workflow.yaml --providers providers.ts makes text/words a method. */
import { defineProvider } from 'gleitzeit';

export const text = defineProvider({
  protocol: 'text/v1',
  methods: {
    'text/words': {
      run: ({ text }) => ({ words: String(text).split(/\\s+/).filter(Boolean).length }),
    },
  },
});
`;
