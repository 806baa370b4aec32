/** Collects what is wrong with what a caller gave, and tells all of it at once: what it is about, the rule, the value got. */
import { type ErrorCode, failure } from '../machines/failures.ts';
import { GleitzeitError, type Issue } from './errors.ts';
import { describeValue } from './thrown.ts';
import { pathText } from './workflow/faults.ts';
import { workflowDefaults } from './workflow/limits.ts';
import { suggestion } from './workflow/nearest.ts';
import { readPlain } from './workflow/plain.ts';

/** What a schema said of a value: the part of zod's answer that is looked at. */
interface Checked {
  readonly success: boolean;
  readonly error?: { readonly issues: readonly SchemaIssue[] } | undefined;
}
interface SchemaIssue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[] | undefined;
}

interface About {
  /** The value that was checked. */
  readonly of: unknown;
  /** What it is called; empty for the whole. */
  readonly at: string;
  /** The keys that it may have, to name the one that was probably meant. */
  readonly known?: readonly string[];
}

/** Past this many they are only counted: whoever sends a million wrong values must not have each of them described. */
const maxKept = 100;

export class Complaints {
  private readonly issues: Issue[] = [];
  private count = 0;

  get none(): boolean {
    return this.count === 0;
  }

  /** `rule` is read after "must be". */
  add(path: string, rule: string, got: unknown): void {
    this.tell(path, 'value', `${path === '' ? 'it' : path} must be ${rule}, got ${describeValue(got)}`);
  }

  /** Adds what a schema found. */
  addAll({ error }: Checked, { of, at, known = [] }: About): void {
    for (const { code, path, message, keys } of error?.issues ?? []) {
      if (this.isFull) {
        this.count += keys?.length ?? 1;
        continue;
      }
      const steps = path.map((step) => (typeof step === 'number' ? step : String(step)));
      const inside = pathText(steps);
      const place = at === '' || inside === '' || inside.startsWith('[') ? `${at}${inside}` : `${at}.${inside}`;
      if (code === 'unrecognized_keys') this.addUnknown(keys ?? [], { place, known });
      // A sentence of its own says all there is to say.
      else if (/^[A-Z]/.test(message)) this.tell(place, 'value', `${place}: ${message}, got ${describeValue(valueAt(of, steps))}`);
      else this.add(place, message, valueAt(of, steps));
    }
  }

  /** Adds what of some data cannot be kept as it is, see `json-rules.ts`. */
  addMisfits(data: unknown): void {
    for (const { path, rule, message } of readPlain(data, workflowDefaults.bounds).faults) {
      const place = pathText(path);
      this.tell(place, rule, `${place === '' ? 'it' : place} ${message}`);
    }
  }

  /** One error of all; nothing where there is nothing to say. */
  error(subject: string, code: ErrorCode): GleitzeitError | undefined {
    if (this.none) return undefined;
    const said = this.issues.map(({ message }) => message);
    const more = this.count > said.length ? [`and ${this.count - said.length} more`] : [];
    const message =
      this.count === 1 ? `${subject}: ${said[0]}` : [`${subject} was given ${this.count} values that are not right:`, ...said, ...more].join('\n  ');
    return new GleitzeitError(failure(code, message, { details: { issues: this.issues } }), { issues: this.issues });
  }

  private get isFull(): boolean {
    return this.issues.length >= maxKept;
  }

  private addUnknown(keys: readonly string[], { place, known }: { readonly place: string; readonly known: readonly string[] }): void {
    const told = keys.slice(0, maxKept - this.issues.length);
    for (const key of told) {
      const path = place === '' ? key : `${place}.${key}`;
      this.tell(path, 'unknown_key', `${path} is not a known option.${suggestion(key, known)}`);
    }
    this.count += keys.length - told.length;
  }

  private tell(path: string, rule: string, message: string): void {
    this.count += 1;
    if (!this.isFull) this.issues.push({ path, rule, message });
  }
}

/**
 * Refuses data of a caller's in which something stands that cannot be kept.
 * @throws GleitzeitError INVALID_PARAMS with every place of it
 */
export function refuseMisfits(subject: string, data: unknown): void {
  const complaints = new Complaints();
  complaints.addMisfits(data);
  const error = complaints.error(subject, 'INVALID_PARAMS');
  if (error !== undefined) throw error;
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  let found = value;
  // A schema complains only about what it could walk to.
  for (const step of path) found = (found as Readonly<Record<string | number, unknown>> | undefined)?.[step];
  return found;
}
