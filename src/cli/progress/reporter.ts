/**
 * Shows a run while it runs: a picture that is redrawn where the screen allows it, lines elsewhere.
 *
 * Drawing is on a timer, ten times a second at most, so that a run is no slower for being watched.
 */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { oneLine, say, type Terminal } from '../terminal.ts';
import { frameOf } from './frame.ts';
import { eventLine, lineOf } from './lines.ts';
import { createProgress } from './progress.ts';

export interface Reporter {
  hear(event: GleitzeitEvent): void;
  /** Takes in what happened before, without telling it. */
  recall(event: GleitzeitEvent): void;
  /** Tells something beside the events, for example what a handler logs. */
  note(text: string): void;
  /** Takes the picture away; nothing is shown after it. */
  stop(): void;
}

export interface ReporterOptions {
  readonly name: string;
  /** Show every event, as a line. */
  readonly everything: boolean;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

const framesPerSecond = 10;

/** Shows a run on a terminal. */
export function createReporter(terminal: Terminal, options: ReporterOptions): Reporter {
  return terminal.live ? livePicture(terminal, options) : lines(terminal, options);
}

function lines(terminal: Terminal, { everything }: ReporterOptions): Reporter {
  const progress = createProgress();
  let isStopped = false;
  return {
    hear(event) {
      if (isStopped) return;
      progress.apply(event);
      const line = everything ? eventLine(event) : lineOf(event, progress);
      if (line !== undefined) say(terminal, line);
    },
    recall: (event) => progress.apply(event),
    note: (text) => say(terminal, oneLine(text)),
    stop: () => {
      isStopped = true;
    },
  };
}

function livePicture({ stderr, colors }: Terminal, { name, everything, now }: ReporterOptions): Reporter {
  const progress = createProgress();
  let above: string[] = [];
  let height = 0;
  let isStopped = false;
  // One write a frame, so that no half of one is ever seen.
  const redraw = (frame: readonly string[]) => {
    const erase = height === 0 ? '' : `\u001b[${height}A\u001b[0J`;
    const text = [...above, ...frame].map((line) => `${line}\n`).join('');
    if (erase !== '' || text !== '') stderr.write(erase + text);
    above = [];
    height = frame.length;
  };
  const draw = () => redraw(frameOf(progress.view, { name, now: now(), columns: stderr.columns ?? 80, rows: stderr.rows ?? 24, colors }));
  const timer = setInterval(draw, 1_000 / framesPerSecond);
  timer.unref();
  return {
    hear(event) {
      if (isStopped) return;
      progress.apply(event);
      if (everything) above.push(colors.dim(eventLine(event)));
    },
    recall: (event) => progress.apply(event),
    note(text) {
      above.push(oneLine(text));
      if (isStopped) redraw([]);
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
      redraw([]);
    },
  };
}
