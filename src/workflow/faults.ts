/**
 * Collects every fault of a definition, so that its author sees all of them at once, each with its place.
 *
 * A place is looked up only when there is something to say: what is sound pays nothing for it.
 */
import { type ErrorCode, failure } from '../../machines/failures.ts';
import { headOf } from '../../machines/policies/text.ts';
import { GleitzeitError, type Issue } from '../errors.ts';

/** The keys and positions that lead to a part of a definition, as its author wrote them. */
export type Path = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Finds where a part of a text stands; undefined where there is no text, or nothing of the kind in it. */
export type Locate = (path: Path) => Place | undefined;

export interface Fault {
  readonly path: Path;
  readonly rule: string;
  /** What is wrong, to be read after the path: `must be …, got …`. */
  readonly message: string;
  /** Where the fault stands, when its path does not say: a key that stands twice has one path. */
  readonly place?: Place | undefined;
}

/** Rules that say that a text is not readable at all. */
const unreadable: ReadonlySet<string> = new Set(['syntax', 'too_large', 'too_deep', 'too_many_aliases']);
/** Suggestions cost time in the number of names: past this many a reader has other worries. */
const maxSuggestions = 20;
const maxShown = 50;
/** Past this many, more than there can be tasks, faults are only counted: to keep a text of nothing else takes seconds. */
const maxKept = 100_000;

export class Faults {
  readonly #found: Fault[] = [];
  #count = 0;
  #suggestions = 0;

  get none(): boolean {
    return this.#count === 0;
  }

  add(path: Path, rule: string, message: string): void {
    this.#count += 1;
    if (this.#count <= maxKept) this.#found.push({ path, rule, message });
  }

  addAll(faults: Iterable<Fault>): void {
    for (const fault of faults) {
      this.#count += 1;
      if (this.#count <= maxKept) this.#found.push(fault);
    }
  }

  /** Says a suggestion, as long as there were not too many. */
  suggest(suggest: () => string): string {
    this.#suggestions += 1;
    return this.#suggestions > maxSuggestions ? '' : suggest();
  }

  /**
   * Throws one error with every fault that is kept, or does nothing where there is none.
   *
   * @throws GleitzeitError PARSE_ERROR, WORKFLOW_CIRCULAR_DEPENDENCY (for cycles alone) or WORKFLOW_VALIDATION_FAILED.
   */
  raise(subject: string, locate: Locate = () => undefined): void {
    if (this.none) return;
    const issues = this.issues('The definition', locate);
    throw errorWith(codeOf(this.#found), messageOf(subject, issues, this.#count), issues);
  }

  /** Those that are kept, as users see them, in the order of the text. `whole` is what a fault without a path is about. */
  issues(whole = 'The definition', locate: Locate = () => undefined): readonly Issue[] {
    const issues = this.#found.map((fault) => issueOf(fault, { whole, locate }));
    return issues.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  }
}

/** The error of a code that lists issues, in its details as well. */
export function errorWith(code: ErrorCode, message: string, issues: readonly Issue[]): GleitzeitError {
  return new GleitzeitError(failure(code, message, { details: { issues } }), { issues });
}

/** `tasks[2].retry.max_attempts` */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_$][\w$-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(headOf(step, 80, '…'))}]`;
  }
  return headOf(text, longestPath, '…');
}

/** A value may be a thousand levels deep. */
const longestPath = 500;

function issueOf({ path, rule, message, place }: Fault, { whole, locate }: { readonly whole: string; readonly locate: Locate }): Issue {
  const text = pathText(path);
  return { path: text, ...(place ?? locate(path)), rule, message: `${text === '' ? whole : text} ${message}` };
}

function codeOf(faults: readonly Fault[]): ErrorCode {
  if (faults.some(({ rule }) => unreadable.has(rule))) return 'PARSE_ERROR';
  return faults.every(({ rule }) => rule === 'cycle') ? 'WORKFLOW_CIRCULAR_DEPENDENCY' : 'WORKFLOW_VALIDATION_FAILED';
}

function messageOf(subject: string, issues: readonly Issue[], count: number): string {
  const shown = issues.slice(0, maxShown).map(lineOf);
  if (count === 1) return `${subject}: ${shown[0]}`;
  const left = count - shown.length;
  return [`${subject} has ${count} faults:`, ...shown, ...(left > 0 ? [`and ${left} more`] : [])].join('\n  ');
}

/** A fault on a line: where it stands, and what it is. */
export function lineOf({ line, column, message }: Issue): string {
  return line === undefined ? message : `line ${line}, column ${column}: ${message}`;
}
