/** Finds the name that somebody probably meant. */
import { distance } from 'fastest-levenshtein';

const longest = 64;

/** The known name closest to a wrong one, or undefined where none is close: at most a third of its letters may differ. */
export function nearest(wrong: string, known: Iterable<string>): string | undefined {
  if (wrong.length > longest) return undefined;
  const plain = fold(wrong);
  let best: string | undefined;
  let least = Math.max(2, Math.floor(plain.length / 3)) + 1;
  for (const name of known) {
    if (Math.abs(name.length - wrong.length) >= least + 2) continue;
    const apart = distance(plain, fold(name));
    if (apart >= least || apart >= Math.max(plain.length, name.length)) continue;
    best = name;
    least = apart;
    if (apart === 0) break;
  }
  return best;
}

/** ` Did you mean "x"?`, or nothing. */
export function suggestion(wrong: string, known: Iterable<string>): string {
  const name = nearest(wrong, known);
  return name === undefined ? '' : ` Did you mean ${JSON.stringify(name)}?`;
}

/** Spellings that differ only in case or in separators are the same name to a reader. */
function fold(name: string): string {
  return name.toLowerCase().replaceAll(/[_\-\s]/g, '');
}
