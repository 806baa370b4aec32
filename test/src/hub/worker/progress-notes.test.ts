import { expect, it } from 'vitest';

import { type ProgressNote, ProgressNotes } from '../../../../src/hub/worker/progress-notes.ts';

it('tells of each attempt one note at a time, and after it only the latest', () => {
  const sent: { readonly note: ProgressNote; readonly answered: () => void }[] = [];
  let isConnected = true;
  const notes = new ProgressNotes((note, answered) => isConnected && sent.push({ note, answered }) > 0);
  for (const fraction of [0.1, 0.2, 0.3]) notes.tell({ leaseId: 'a', fraction });
  notes.tell({ leaseId: 'b', fraction: 0.5 });
  expect(sent.map(({ note }) => [note.leaseId, note.fraction])).toEqual([
    ['a', 0.1],
    ['b', 0.5],
  ]);
  sent[0]?.answered();
  sent[1]?.answered();
  expect(sent.map(({ note }) => note.fraction)).toEqual([0.1, 0.5, 0.3]);
  isConnected = false;
  notes.clear();
  notes.tell({ leaseId: 'a', fraction: 0.6 });
  isConnected = true;
  notes.tell({ leaseId: 'a', fraction: 0.7 });
  expect(sent.at(-1)?.note.fraction).toBe(0.7);
});
