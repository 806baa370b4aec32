/** What a start says, without having been asked to, of what it brought back: a process of its own, since it goes to its stderr. */
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

import { createSystem, loadWorkflow, sqliteJournal } from '../../../src/index.ts';
import { placeForJournal } from '../journal/places.ts';

const library = pathToFileURL('src/index.ts').href;

/** A system with nothing but a journal, in a program of a user's. */
function startOn(path: string): string {
  const program = `
    import { createSystem, sqliteJournal } from '${library}';
    const system = createSystem({ journal: sqliteJournal(${JSON.stringify(path)}) });
    await system.start();
    await system.stop({ deadlineMs: 0 });
  `;
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(status).toBe(0);
  return stderr;
}

it('is one line on stderr where something was brought back, and nothing where nothing was', { timeout: 30_000 }, async () => {
  const path = placeForJournal();
  expect(startOn(path)).toBe('');
  const system = createSystem({ journal: sqliteJournal(path) });
  await system.start();
  await system.submit(await loadWorkflow({ name: 'later', tasks: [{ id: 'a', method: 'core/sleep', parameters: { ms: 3_600_000 } }] }), { id: 'w' });
  await system.stop({ deadlineMs: 0 });
  expect(startOn(path).trimEnd().split('\n')).toEqual([expect.stringContaining('brought back what was in flight: 1 workflow')]);
});
