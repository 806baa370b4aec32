/** The licences of what is bundled: their texts have to come along with the code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where they stand in the build. */
export const noticesFile = 'THIRD-PARTY-NOTICES.txt';

const licence = /^(licen[cs]e|copying|notice)/i;

/**
 * The notices for the packages that files of a bundle came from.
 * @param inputs - Paths of the files, from `root` on.
 * @throws Error for a package that brings no text of its licence
 */
export function noticesOf(inputs, root) {
  const parts = packagesOf(inputs).map((folder) => partOf(join(root, folder)));
  return ['What follows is part of this package, under licences of its own.\n', ...parts].join(`\n${'-'.repeat(80)}\n\n`);
}

/** Folders of packages, a package inside of another by itself. */
function packagesOf(inputs) {
  const folders = inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path) ?? []);
  return [...new Set(folders)].sort();
}

function partOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && licence.test(entry.name));
  if (files.length === 0)
    throw new Error(`The package ${name}@${version} is bundled, and brings no file LICENSE, COPYING or NOTICE: leave it out of the bundle.`);
  const texts = files.map((file) => readFileSync(join(folder, file.name), 'utf8').trim());
  return `${name} ${version} (${license})\n\n${texts.join('\n\n')}\n`;
}
