/** What a log says of one task, attempt by attempt. */
import type { EventOf, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import { type LogRule, nameOf, type Violation } from './violation.ts';

type Report = EventOf<'task:completed' | 'task:failed'>;

/** Keeps count of the attempts of a task, and of its end. */
export class TaskRecord {
  private started: EventOf<'task:started'> | undefined;
  private attempt = 0;
  private end: GleitzeitEvent | undefined;

  get hasEnded(): boolean {
    return this.end !== undefined;
  }

  take(fact: GleitzeitEvent): readonly Violation[] {
    switch (fact.type) {
      case 'task:started':
        return [...this.afterEnd(fact), ...this.start(fact)];
      case 'task:completed':
        return [...this.finish(fact), ...this.report(fact)];
      case 'task:failed':
        return [...this.afterEnd(fact), ...this.report(fact)];
      case 'task:retry_exhausted':
      case 'task:cancelled':
      case 'task:skipped':
        return this.finish(fact);
      default:
        return [];
    }
  }

  /** Forgets an end that is not for ever, because the workflow goes on. @returns whether it was none */
  revive(): boolean {
    if (this.end?.type === 'task:completed') return false;
    this.end = undefined;
    this.started = undefined;
    return true;
  }

  private start(fact: EventOf<'task:started'>): readonly Violation[] {
    const expected = this.attempt + 1;
    this.attempt = fact.data.attempt;
    this.started = fact;
    if (fact.data.attempt === expected) return [];
    return [violation(fact, 'attempts', `begins attempt ${fact.data.attempt} of a task whose next one is ${expected}`)];
  }

  private report(fact: Report): readonly Violation[] {
    const { attempt, leaseId } = fact.data;
    const { started } = this;
    this.attempt = attempt;
    this.started = undefined;
    // Without a lease it never ran: a fan-out, or a task whose parameters could not be made.
    if (leaseId === undefined) return [];
    if (started === undefined) return [violation(fact, 'attempts', `ends attempt ${attempt}, which is not under way`)];
    if (attempt !== started.data.attempt)
      return [violation(fact, 'attempts', `ends attempt ${attempt}, and attempt ${started.data.attempt} is under way`)];
    return leaseId === started.data.leaseId
      ? []
      : [violation(fact, 'lease', `is reported under lease '${leaseId}', and the attempt runs under '${started.data.leaseId}'`)];
  }

  private finish(fact: GleitzeitEvent): readonly Violation[] {
    const after = this.afterEnd(fact);
    this.end ??= fact;
    return after;
  }

  private afterEnd(fact: GleitzeitEvent): readonly Violation[] {
    return this.end === undefined ? [] : [violation(fact, 'end', `comes after ${nameOf(this.end)}, the end of its task`)];
  }
}

function violation(fact: GleitzeitEvent, rule: LogRule, what: string): Violation {
  return { seq: fact.seq, rule, message: `${nameOf(fact)} of task '${fact.correlation.taskId ?? ''}' ${what}.` };
}
