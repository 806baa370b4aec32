/**
 * Which provider serves a method, and if none does, why not and until when.
 *
 * What is known of each candidate is a fold of what its provider and its circuit say; the choice is a pure function of
 * that. Candidates stand in the order of their registration, those of this process before those that stand for remote workers,
 * who take what is offered for the others too.
 */
import type { DataOf, EventOf } from '../events/catalogue.ts';

/** What a method knows of one provider of it. */
export interface Candidate {
  readonly providerId: string;
  /** Whether it stands for remote workers. */
  readonly remote: boolean;
  /** The circuit that guards its calls; null: it goes unguarded. */
  readonly circuit: string | null;
  /** The epoch of that circuit; calls carry it, so that late results are known. */
  readonly epoch: number;
  /** Whether that circuit is open, and until when; `until` is null where only a person closes it. */
  readonly rest: { readonly until: number | null } | null;
  readonly standing: 'starting' | 'started' | 'degraded' | 'overloaded' | 'unhealthy' | 'stopped';
  /** Until when it is overloaded, or when it is checked next while it is unhealthy. */
  readonly until: number | null;
}

/** What makes a candidate known, or changes what is known of it. */
export type CandidateEvent = EventOf<
  | 'provider:registered'
  | 'provider:extended'
  | 'provider:reduced'
  | 'provider:unregistered'
  | 'provider:started'
  | 'provider:stopped'
  | 'provider:degraded'
  | 'provider:unhealthy'
  | 'provider:overloaded'
  | 'circuit:opened'
  | 'circuit:half_open'
  | 'circuit:closed'
  | 'health:check_completed'
  | 'health:check_failed'
>;

export type UnavailableReason = DataOf<'method:unavailable'>['reason'];

/** Why a method is not available; `until` is absent where nobody knows. */
export interface Unavailability {
  readonly reason: UnavailableReason;
  readonly until?: number | undefined;
}

/** Who serves a method, at which epoch of which circuit. */
export interface Service {
  readonly providerId: string;
  readonly circuit: string | null;
  readonly epoch: number;
}

/** What a provider says of methods that it has. */
export type Offer = DataOf<'provider:registered' | 'provider:extended'>;

/** The circuit that guards a method of a provider; null: none does. */
export function circuitOf({ providerId, circuit }: Offer, method: string): string | null {
  if (circuit === null) return null;
  return circuit.scope === 'provider' ? providerId : `${providerId}/${method}`;
}

/** What is known of the candidates of a method after an event; the same list where it tells nothing about them. */
export function learn(candidates: readonly Candidate[], event: CandidateEvent, method: string): readonly Candidate[] {
  switch (event.type) {
    case 'provider:registered':
      return register(candidates, event.data, method);
    case 'provider:extended':
      return extend(candidates, event.data, method);
    case 'provider:reduced':
    case 'provider:unregistered':
      return candidates.filter(({ providerId }) => providerId !== event.data.providerId);
    case 'health:check_completed':
    case 'health:check_failed':
      return heed(candidates, event.data);
    case 'circuit:opened':
    case 'circuit:half_open':
    case 'circuit:closed':
      return change(candidates, ({ circuit }) => circuit === event.data.circuit, { epoch: event.data.epoch, rest: restOf(event) });
    default:
      return change(candidates, ({ providerId }) => providerId === event.data.providerId, standingOf(event));
  }
}

const notStarted = { standing: 'starting', until: null } as const;

function register(candidates: readonly Candidate[], data: DataOf<'provider:registered'>, method: string): readonly Candidate[] {
  const isSame = ({ providerId }: Candidate) => providerId === data.providerId;
  if (!methodsOf(data).has(method)) return candidates.filter((candidate) => !isSame(candidate));
  const circuit = circuitOf(data, method);
  const known = candidates.find(isSame);
  const guarded = known !== undefined && known.circuit === circuit ? { epoch: known.epoch, rest: known.rest } : { epoch: 0, rest: null };
  // A provider that is registered once more goes on as it is; only one that had stopped starts anew, and says so.
  const { standing, until } = known === undefined || known.standing === 'stopped' ? notStarted : known;
  const { providerId, remote } = data;
  const candidate: Candidate = { providerId, remote, circuit, ...guarded, standing, until };
  return known === undefined ? withCandidate(candidates, candidate) : candidates.map((other) => (other === known ? candidate : other));
}

/** A provider that has one more method takes part already. */
function extend(candidates: readonly Candidate[], data: DataOf<'provider:extended'>, method: string): readonly Candidate[] {
  const { providerId, remote } = data;
  if (candidates.some((other) => other.providerId === providerId)) return candidates;
  return withCandidate(candidates, {
    providerId,
    remote,
    circuit: circuitOf(data, method),
    epoch: 0,
    rest: null,
    standing: 'started',
    until: null,
  });
}

const methodSets = new WeakMap<object, ReadonlySet<string>>();

/** The methods of a registration: each of their routers asks, so that they are put in order once. */
function methodsOf({ methods }: Offer): ReadonlySet<string> {
  const known = methodSets.get(methods) ?? new Set(methods);
  methodSets.set(methods, known);
  return known;
}

function withCandidate(candidates: readonly Candidate[], candidate: Candidate): readonly Candidate[] {
  const local = candidates.filter(({ remote }) => !remote);
  const others = candidates.filter(({ remote }) => remote);
  return candidate.remote ? [...candidates, candidate] : [...local, candidate, ...others];
}

/** A verdict of the health monitor is a preference: it makes a candidate no worse than degraded. */
function heed(
  candidates: readonly Candidate[],
  { component, status }: { readonly component: string; readonly status: string },
): readonly Candidate[] {
  const from = status === 'healthy' ? 'degraded' : 'started';
  const to = status === 'healthy' ? 'started' : 'degraded';
  return change(candidates, ({ providerId, standing }) => standing === from && component === `provider/${providerId}`, { standing: to });
}

const restOf = (event: EventOf<'circuit:opened' | 'circuit:half_open' | 'circuit:closed'>): Candidate['rest'] =>
  event.type === 'circuit:opened' ? { until: event.data.retryAt ?? null } : null;

type StandingEvent = EventOf<'provider:started' | 'provider:stopped' | 'provider:degraded' | 'provider:unhealthy' | 'provider:overloaded'>;

function standingOf(event: StandingEvent): Pick<Candidate, 'standing' | 'until'> {
  switch (event.type) {
    case 'provider:started':
      return { standing: 'started', until: null };
    case 'provider:stopped':
      return { standing: 'stopped', until: null };
    case 'provider:degraded':
      return { standing: 'degraded', until: null };
    case 'provider:unhealthy':
      return { standing: 'unhealthy', until: event.data.retryAt };
    case 'provider:overloaded':
      return { standing: 'overloaded', until: event.data.until };
  }
}

function change(candidates: readonly Candidate[], isMeant: (candidate: Candidate) => boolean, to: Partial<Candidate>): readonly Candidate[] {
  return candidates.some(isMeant) ? candidates.map((candidate) => (isMeant(candidate) ? { ...candidate, ...to } : candidate)) : candidates;
}

/** Who serves: the first candidate that can be called, a degraded one only where no sound one can; null: nobody. */
export function serviceOf(candidates: readonly Candidate[]): Service | null {
  const able = candidates.filter((candidate) => hindranceOf(candidate) === null);
  const chosen = able.find(({ standing }) => standing === 'started') ?? able[0];
  if (chosen === undefined) return null;
  const { providerId, circuit, epoch } = chosen;
  return { providerId, circuit, epoch };
}

/** Why a candidate cannot be called; null: it can. */
export function hindranceOf({ standing, until, rest }: Candidate): Unavailability | null {
  if (standing === 'stopped') return { reason: 'draining' };
  if (standing === 'starting') return { reason: 'no_provider' };
  if (standing === 'unhealthy') return { reason: 'unhealthy', ...dated(until) };
  if (rest !== null) return { reason: 'circuit_open', ...dated(rest.until) };
  if (standing === 'overloaded') return { reason: 'overloaded', ...dated(until) };
  return null;
}

const dated = (until: number | null) => (until === null ? {} : { until });

/** Why no candidate can be called: what hinders the one that may be back first; null: some candidate can be. */
export function hindranceOfAll(candidates: readonly Candidate[]): Unavailability | null {
  let soonest: Unavailability | null = null;
  for (const candidate of candidates) {
    const hindrance = hindranceOf(candidate);
    if (hindrance === null) return null;
    if (soonest === null || (hindrance.until ?? Number.POSITIVE_INFINITY) < (soonest.until ?? Number.POSITIVE_INFINITY)) soonest = hindrance;
  }
  return soonest ?? { reason: 'no_provider' };
}
