/** Definitions as deep and as wide as they come are read, validated and run: no recursion limit, no quadratic step. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { inTurns, medianOf, microsOf, note, tell } from './figures.mjs';
import { loadWorkflow } from './library.mjs';
import { chain, runThrough, wide, withSystem } from './workflows.mjs';

const bound = 1.5;

const texts = {
  json: (definition) => JSON.stringify(definition),
  yaml: ({ name, tasks }) => [`name: ${name}`, 'tasks:', ...tasks.map(yamlOf)].join('\n'),
};

function yamlOf({ id, method, params, dependencies = [] }) {
  const waits = dependencies.length === 0 ? '' : `\n    dependencies: [${dependencies.join(', ')}]`;
  return `  - id: ${id}\n    method: ${method}\n    params:\n      n: ${JSON.stringify(params.n)}${waits}`;
}

async function compare(format, { shape, make, small, large }, directory) {
  const fileOf = async (size) => {
    const path = join(directory, `${shape}-${size}.${format}`);
    await writeFile(path, texts[format](make(size)));
    return path;
  };
  const [ofSmall, ofLarge] = [await fileOf(small), await fileOf(large)];
  const times = large / small;
  const repeated = async () => {
    for (let time = 0; time < times; time++) await loadWorkflow(ofSmall);
  };
  await loadWorkflow(ofSmall);
  const costs = await inTurns({ small: () => microsOf(repeated), large: () => microsOf(() => loadWorkflow(ofLarge)) }, 3);
  const [cheap, dear] = [medianOf(costs.small), medianOf(costs.large)];
  const detail = `${(dear / large).toFixed(1)} µs a task, ${(dear / 1e6).toFixed(2)} s in all`;
  tell(`reading ${format}, ${shape} of ${large} against ${small}, cost per task`, { value: dear / cheap, unit: 'x', atMost: bound, detail });
  return ofLarge;
}

const directory = await mkdtemp(join(tmpdir(), 'gleitzeit-bench-'));
try {
  for (const format of ['json', 'yaml']) {
    for (const shape of [
      { shape: 'chain', make: chain, small: 1_000, large: 10_000 },
      { shape: 'wide', make: wide, small: 10_000, large: 100_000 },
    ]) {
      const path = await compare(format, shape, directory);
      if (format === 'json') continue;
      const micros = await withSystem(async (system) => microsOf(async () => runThrough(system, await loadWorkflow(path))));
      note(`${shape.shape} of ${shape.large} from a file`, `read, validated and run to its end in ${(micros / 1e6).toFixed(1)} s`);
    }
  }
} finally {
  await rm(directory, { recursive: true });
}
