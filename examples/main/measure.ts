/** What can be measured of a text: plain functions that know nothing of workflows. */
import { z } from 'zod';

export const measuresSchema = z.object({
  words: z.int(),
  sentences: z.int(),
  longestWord: z.string(),
  /** Flesch reading ease: 90 is very easy, 30 is hard. */
  readingEase: z.number(),
});
export type Measures = z.infer<typeof measuresSchema>;

export function wordsOf(text: string): string[] {
  return text.match(/[A-Za-z]+(?:['-][A-Za-z]+)*/g) ?? [];
}

/** Counts groups of vowels; a silent e at the end is none. */
function syllablesOf(word: string): number {
  const groups = word
    .toLowerCase()
    .replace(/(?<=[^aeiouy])e$/, '')
    .match(/[aeiouy]+/g);
  return Math.max(1, groups?.length ?? 0);
}

/** Where a thought ends: as Flesch counts them also at colons and semicolons, and with Dickinson at a dash that ends its line. */
const ends = /[.!?:;]+(?=["']*(?:\s|$))|-(?=\s*$)/gm;

/** The formula of Rudolf Flesch, 1948. */
export function measure(text: string): Measures {
  const words = wordsOf(text);
  const sentences = Math.max(1, text.match(ends)?.length ?? 0);
  const syllables = words.reduce((sum, word) => sum + syllablesOf(word), 0);
  const longestWord = words.reduce((longest, word) => (word.length > longest.length ? word : longest), '');
  const readingEase = 206.835 - 1.015 * (words.length / sentences) - 84.6 * (syllables / words.length);
  return { words: words.length, sentences, longestWord, readingEase: Math.round(readingEase) };
}

const tooCommon = new Set(
  'a all am an and any are as at be but by can could did do every far for from had has have he her here his i in is it its may me more my no nor not o of on or our shall she so than that the their them then there these they this those thou thy to us was we were what when where which who whose will with yet you your thee'.split(
    ' ',
  ),
);

/** The most frequent words of several texts, without those that every text is full of. */
export function frequentWords(texts: readonly string[], most: number): { readonly word: string; readonly count: number }[] {
  const counts = new Map<string, number>();
  for (const word of texts.flatMap(wordsOf).map((each) => each.toLowerCase())) {
    if (word.length > 2 && !tooCommon.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const ranked = [...counts].map(([word, count]) => ({ word, count }));
  return ranked.sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1)).slice(0, most);
}
