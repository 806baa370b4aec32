/** What was sent, what came of it, and what should not have. */

/** Faults that are kept in words; the others are counted. */
const kept = 20;

export class Tally {
  sent = 0;
  /** Requests that had to be refused, and were. */
  refused = 0;
  /** Answers and statuses by their code. */
  codes = {};
  /** Messages by their kind. */
  kinds = {};
  faults = [];
  faultCount = 0;

  count(kind, times = 1) {
    this.sent += times;
    this.kinds[kind] = (this.kinds[kind] ?? 0) + times;
  }

  code(code) {
    this.codes[code] = (this.codes[code] ?? 0) + 1;
  }

  fault(text) {
    this.faultCount++;
    if (this.faults.length < kept) this.faults.push(text);
  }

  toJSON() {
    const { sent, refused, codes, kinds, faults, faultCount } = this;
    return { sent, refused, codes, kinds, faults, faultCount };
  }
}
