/** Durations in milliseconds as options and parameters have them: what they may be, and how that is said. */
import * as z from 'zod';

import { longestMs } from '../machines/policies/instants.ts';

/** The longest that a timer of Node can wait, 24 days; one for longer ends at once. */
export const longestTimerMs = 2 ** 31 - 1;

const aboveZero = 'a number of milliseconds above 0';
const fromZero = 'a number of milliseconds from 0';
const timerRule = `a number of milliseconds above 0 to ${longestTimerMs} (24 days)`;
const timerFromZeroRule = `a number of milliseconds from 0 to ${longestTimerMs} (24 days)`;

/** What a duration from 0 is that a time can be added to. */
export const durationRule = `${fromZero} to ${longestMs} (1,000 years)`;

/** No longer than what a time can be added to. */
const millisOf = (rule: string) => z.number({ error: rule }).max(longestMs, { error: `${rule} to ${longestMs} (1,000 years)` });
export const millis = millisOf(aboveZero).positive({ error: aboveZero });
export const millisFromZero = millisOf(fromZero).min(0, { error: fromZero });

/** What a timer of Node waits for. */
export const timerMillis = z.number({ error: timerRule }).positive({ error: timerRule }).max(longestTimerMs, { error: timerRule });
export const timerMillisFromZero = z
  .number({ error: timerFromZeroRule })
  .min(0, { error: timerFromZeroRule })
  .max(longestTimerMs, { error: timerFromZeroRule });

/** Whether a duration from 0 is one that a time can be added to. */
export function isDuration(ms: number): boolean {
  return Number.isFinite(ms) && ms >= 0 && ms <= longestMs;
}
