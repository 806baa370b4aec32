/**
 * Lets the built files take CommonJS packages by `require`.
 *
 * Where an ES module imports names from a CommonJS package, Node first reads the whole package with a lexer that looks for
 * its names: for immutable that takes six times as long as running it, and a quarter of the time in which the library was
 * imported. It is the same instance of the package either way.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const imported = /^import \{([^}]*)\} from '(immutable|xstate|rxjs\/internal\/[\w/]+)';$/gm;
const names = new Map();

const fileOf = (name) => join(dist, 'interop', `${name.replaceAll('/', '-')}.js`);

function rewrite(path) {
  const text = readFileSync(path, 'utf8');
  const rewritten = text.replace(imported, (_, list, name) => {
    const known = names.get(name) ?? new Set();
    for (const part of list.split(',')) known.add(part.trim().split(' as ')[0]);
    names.set(name, known);
    const to = relative(dirname(path), fileOf(name)).split(sep).join('/');
    return `import {${list}} from '${to.startsWith('.') ? to : `./${to}`}';`;
  });
  if (rewritten !== text) writeFileSync(path, rewritten);
}

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (entry.isFile() && entry.name.endsWith('.js')) rewrite(join(entry.parentPath, entry.name));
}
mkdirSync(join(dist, 'interop'), { recursive: true });
for (const [name, list] of names) {
  const found = [...list].filter((one) => one !== '').sort();
  writeFileSync(
    fileOf(name),
    `import { createRequire } from 'node:module';\n\nexport const { ${found.join(', ')} } = createRequire(import.meta.url)('${name}');\n`,
  );
}
