import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Source text by path, and the rules that it breaks: none where the layering and determinism rules allow it. */
const cases: Readonly<Record<string, readonly [source: string, ...rules: string[]]>> = {
  'machines/allowed.ts': [
    "import { assign } from 'xstate';\nimport { Map } from 'immutable';\nimport { b } from './events/b.ts';\nexport const a = [assign, Map, b];",
  ],
  'machines/events/b.ts': ["import { z } from 'zod';\nimport { d } from '../d.ts';\nexport const b = [z, d];"],
  'machines/d.ts': ['export const d = 1;'],
  'machines/library.ts': ["import { Subject } from 'rxjs';\nexport const a = Subject;", 'noRestrictedImports'],
  'machines/subpath.ts': ["import { a } from 'xstate/graph';\nexport const b = a;", 'noRestrictedImports'],
  'machines/node.ts': ["import { readFileSync } from 'node:fs';\nexport const a = readFileSync;", 'noRestrictedImports'],
  'machines/runtime.ts': ["import { a } from '../src/system/a.ts';\nexport const b = a;", 'noRestrictedImports'],
  'machines/events/runtime.ts': ["import { a } from '../../src/system/a.ts';\nexport const b = a;", 'noRestrictedImports'],
  'machines/now.ts': ['export const a = Date.now();', 'noRestrictedGlobals'],
  'machines/date.ts': ['export const a = new Date();', 'noRestrictedGlobals'],
  'machines/chance.ts': ['export const a = Math.random();', 'noJsRestrictedProperties'],
  'machines/taken-apart.ts': ['const { random } = Math;\nexport const a = random();', 'noJsRestrictedProperties'],
  'machines/global.ts': ['export const a = globalThis.Date.now();', 'noRestrictedGlobals'],
  'machines/timer.ts': ['setTimeout(() => {}, 1);', 'noRestrictedGlobals'],
  'machines/interval.ts': ['setInterval(() => {}, 1);', 'noRestrictedGlobals'],
  'machines/id.ts': ['export const a = crypto.randomUUID();', 'noJsRestrictedProperties', 'noRestrictedGlobals'],
  'machines/console.ts': ["console.log('a');", 'noConsole'],
  'src/system/clock.ts': ['export const now = () => Date.now();'],
  'src/system/ids.ts': ["import { randomUUID } from 'node:crypto';\nexport const id = () => randomUUID();"],
  'src/system/a.ts': ["import { createHash } from 'node:crypto';\nexport const a = createHash;"],
  'src/system/id.ts': ["import { randomUUID } from 'node:crypto';\nexport const id = randomUUID();", 'noRestrictedImports'],
  'src/system/nano.ts': ["import { nanoid } from 'nanoid';\nexport const id = nanoid();", 'noRestrictedImports'],
  'src/system/lap.ts': ['export const a = performance.now();', 'noRestrictedGlobals'],
  'src/system/wait.ts': ["import { setTimeout } from 'node:timers/promises';\nexport const a = setTimeout;", 'noRestrictedImports'],
  'src/system/watcher.ts': ["import { c } from '../observe/c.ts';\nexport const b = c;", 'noRestrictedImports'],
  'src/journal/hub.ts': ["import { c } from '../hub/c.ts';\nexport const b = c;", 'noRestrictedImports'],
  'src/journal/ear.ts': ["import { c } from '../control/c.ts';\nexport const b = c;", 'noRestrictedImports'],
  'src/runtime/ear.ts': ["import { c } from '../control/c.ts';\nexport const b = c;", 'noRestrictedImports'],
  'src/runtime/front.ts': ["import { b } from '../cli/b.ts';\nexport const a = b;", 'noRestrictedImports'],
  'src/runtime/adapter.ts': ["import { h } from '../hub/h.ts';\nexport const b = h;", 'noRestrictedImports'],
  'src/control/adapter.ts': ["import { h } from '../hub/h.ts';\nexport const b = h;", 'noRestrictedImports'],
  'src/hub/h.ts': ["import { c } from '../control/c.ts';\nexport const h = [c, Date.now()];"],
  'src/hub/front.ts': ["import { b } from '../cli/b.ts';\nexport const a = b;", 'noRestrictedImports'],
  'src/cli/caller.ts': ["import { h } from '../hub/h.ts';\nexport const b = h;"],
  'src/control/c.ts': ["import { c } from '../observe/c.ts';\nexport const b = [c, Date.now()];"],
  'src/control/front.ts': ["import { b } from '../cli/b.ts';\nexport const a = b;", 'noRestrictedImports'],
  'src/workflow/now.ts': ['export const a = Date.now();', 'noRestrictedGlobals'],
  'src/observe/c.ts': ['export const c = Date.now();'],
  'src/observe/front.ts': ["import { b } from '../cli/b.ts';\nexport const a = b;", 'noRestrictedImports'],
  'src/index.ts': ["export { b } from './cli/b.ts';", 'noRestrictedImports'],
  'src/cli/b.ts': ["import { c } from '../observe/c.ts';\nimport { e } from './e.ts';\nexport const b = [c, e];\nconsole.error('a');"],
  'src/cli/e.ts': ['export const e = 1;'],
  'src/cli/test.ts': ["import { a } from '../../test/a.ts';\nexport const b = a;", 'noRestrictedImports'],
  'src/hub/ring.ts': ["import { b } from './gnir.ts';\nexport const a = () => b;", 'noImportCycles'],
  'src/hub/gnir.ts': ["import { a } from './ring.ts';\nexport const b = () => a;", 'noImportCycles'],
  'src/hub/any.ts': ['export const a: any = 1;', 'noExplicitAny'],
  'src/hub/default.ts': ['const a = 1;\nexport default a;', 'noDefaultExport'],
  'src/hub/params.ts': ['export const f = (a: number, b: number, c: number, d: number) => a + b + c + d;', 'useMaxParams'],
  'src/hub/enum.ts': ['export enum Colour {\n  red = 0,\n}', 'noEnum'],
  'src/hub/long.ts': [`export function f() {\n  let a = 0;\n${'  a += 1;\n'.repeat(41)}  return a;\n}`, 'noExcessiveLinesPerFunction'],
  'src/hub/endless.ts': [Array.from({ length: 301 }, (_, i) => `export const a${i} = ${i};`).join('\n'), 'noExcessiveLinesPerFile'],
  'vitest.config.ts': ['export default {};'],
};

interface Report {
  readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: unknown } }[];
}

describe('the lint rules', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gleitzeit-lint-'));
  const broken = new Map<string, Set<string>>();

  beforeAll(() => {
    cpSync('biome.json', join(folder, 'biome.json'));
    for (const [path, [source]] of Object.entries(cases)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), `${source}\n`);
    }
    const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
    const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'];
    const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    for (const { category, location } of (JSON.parse(stdout) as Report).diagnostics) {
      const path = typeof location.path === 'string' ? location.path : JSON.stringify(location.path);
      const name = Object.keys(cases).find((one) => path.includes(one));
      if (name !== undefined) broken.set(name, (broken.get(name) ?? new Set()).add(category.split('/').at(-1) ?? ''));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(Object.keys(cases))('judge %s', (path) => {
    const [, ...rules] = cases[path] ?? [''];
    expect([...(broken.get(path) ?? [])].sort()).toEqual(rules);
  });
});
