/**
 * The power-cut campaign: what a disk may hold after the power went, at each sync of a writer and between, must be a journal
 * that opens and holds everything that was answered.
 *
 * `npm run campaign:power -- --images 2000 --batches 150 --seed 1`. Writes are recorded with strace, where it is there, and
 * by looking at the files otherwise; then each moment's unsynced writes are dropped, kept, torn and mixed.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { hasStrace, numbersAsked } from '../arguments.mjs';
import { between, chanceOf } from '../chance.mjs';
import { cuts, Disk } from './disk.mjs';
import { recordBySteps } from './stepped.mjs';
import { recordByTrace } from './traced.mjs';
import { judge } from './verdict.mjs';

const { images, batches, seed } = numbersAsked({ images: 2_000, batches: 150, seed: Date.now() % 1_000_000 });
const chance = chanceOf(seed);
// In memory where that can be: what is synced there costs nothing.
const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gleitzeit-power-'));

/** Cuts the power at each sync, just before it is done, and at some moments between; how often follows from the number of images. */
async function cutAll(events, { durability, promised = durability, wanted, name }) {
  const moments = events.flatMap(({ kind }, at) => (kind.startsWith('sync') ? [at] : []));
  const perMoment = Math.max(1, Math.floor(wanted / Math.max(1, moments.length)));
  const stride = Math.max(1, Math.floor(moments.length / wanted));
  const chosen = new Set(moments.filter((_, at) => at % stride === 0));
  const kinds = Object.keys(cuts);
  const disk = new Disk();
  const known = { acked: 0, swept: 0 };
  const found = { images: 0, lost: 0, without: 0, wrong: [] };
  for (const [at, event] of events.entries()) {
    const times = chosen.has(at) ? perMoment : chance() < wanted / events.length / 4 ? 1 : 0;
    for (let time = 0; time < times; time++) {
      const cut = kinds[(found.images + between(chance, 0, 1)) % kinds.length];
      const { wrong, hasLost, isThere } = await tryImage(disk, { cut, durability: promised, known, name });
      found.images++;
      if (hasLost) found.lost++;
      if (!isThere) found.without++;
      found.wrong.push(...wrong.map((text) => `event ${at} of ${name} (${event.kind} ${basename(event.path)}), ${cut}: ${text}`));
    }
    if (found.wrong.length > 20) break;
    disk.take(event);
    const [, what, seq] = /^(\w+) (\d+)/.exec(event.kind === 'told' ? event.text : '') ?? [];
    if (what !== undefined) known[what] = Number(seq);
  }
  return { ...found, syncs: moments.length, events: events.length };
}

async function tryImage(disk, { cut, durability, known, name }) {
  const place = join(directory, 'image');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  disk.leave(place, { cut, chance });
  const path = join(place, `${name}.db`);
  const isThere = existsSync(path);
  return { ...(await judge(path, { durability, ...known })), isThere };
}

async function record(durability) {
  const canTrace = hasStrace();
  const name = `${durability}-${canTrace ? 'traced' : 'stepped'}`;
  const place = join(directory, name);
  mkdirSync(place);
  const task = { path: join(place, `${name}.db`), durability, seed, batches };
  return { name, events: canTrace ? await recordByTrace(task, directory) : await recordBySteps(task) };
}

function tell({ name, events }, { images: count, syncs, without, lost, wrong }) {
  const before = `${without} before there was a journal`;
  console.log(
    `  ${name}: ${count} images of ${events.length} writes and other steps, ${syncs} of them syncs; ${before}, ${lost} said what they lost`,
  );
  for (const text of wrong.slice(0, 20)) console.log(`WRONG  ${text}`);
}

const how = hasStrace() ? 'recorded by strace' : 'strace is not there: recorded by looking at the files instead';
console.log(`power-cut campaign: ${images} images, ${batches} batches, seed ${seed}, writes ${how}`);
const began = Date.now();
let [broken, total] = [0, 0];
for (const durability of ['full', 'relaxed']) {
  const recorded = await record(durability);
  const found = await cutAll(recorded.events, { durability, wanted: images / 2, name: recorded.name });
  total += found.images;
  broken += found.wrong.length;
  tell(recorded, found);
  if (durability !== 'relaxed') continue;
  // Whether this campaign sees anything at all: what was not synced is judged as if it had been promised.
  const lie = await cutAll(recorded.events, { durability, promised: 'full', wanted: Math.max(60, images / 10), name: recorded.name });
  console.log(
    `  a writer that promises to sync and does not is found out ${lie.wrong.length > 0 ? 'as it must' : 'NOT'}: ${lie.wrong[0] ?? 'no image shows it'}`,
  );
  if (lie.wrong.length === 0) broken++;
}
rmSync(directory, { recursive: true });
console.log(`${total} images in ${((Date.now() - began) / 1e3).toFixed(0)} s`);
console.log(broken === 0 ? 'Every one opens, is sound, and holds what was answered.' : `${broken} images are wrong; seed ${seed}`);
process.exitCode = broken === 0 ? 0 : 1;
