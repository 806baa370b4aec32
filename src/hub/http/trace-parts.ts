/** The trace of a workflow as JSON, read from the journal as far as it has been handed over. */
import type { GleitzeitEvent } from '../../../machines/events/catalogue.ts';
import { reasonOfStorage } from '../../observe/storage-fault.ts';
import { knownHead, notFound } from '../../runtime/known-workflow.ts';
import { portOf } from '../../runtime/port.ts';
import type { GleitzeitSystem } from '../../runtime/system.ts';
import { caughtUp } from '../../system/told.ts';
import { Pages } from '../events/pages.ts';
import { withoutPathsIn } from '../protocol/paths.ts';
import { jsonPieces } from '../work/json-pieces.ts';
import type { Part } from './answers.ts';

/** Large ones: facts that were recorded together are read together, however many of them are asked for. */
const partBounds = { first: 64, most: 4_096, bytes: 4 * 2 ** 20 } as const;

/** Whose trace it is, and what of its events whoever asks gets. */
export interface TraceAsked {
  readonly workflowId: string;
  readonly shown: (event: GleitzeitEvent) => GleitzeitEvent;
}

/** @throws GleitzeitError WORKFLOW_NOT_FOUND, before the first part; PERSISTENCE_* */
export async function* tracePartsOf(system: GleitzeitSystem, { workflowId, shown }: TraceAsked): AsyncGenerator<Part, void> {
  const { core, journal } = portOf(system);
  await caughtUp(core);
  const storage = withoutPathsIn(reasonOfStorage(core));
  await knownHead({ journal }, workflowId);
  const pages = new Pages(journal, { general: new Set(), particular: new Map([[workflowId, new Set()]]) }, partBounds);
  let seq = 0;
  for (let isFirst = true, isLast = false; !isLast; isFirst = false) {
    const { facts, isLast: isEnd } = await pages.read(seq);
    const [first] = facts;
    if (isFirst && first === undefined) throw notFound(workflowId);
    seq = facts.at(-1)?.seq ?? seq;
    isLast = isEnd;
    let length = 0;
    const pieces = function* (): Generator<string> {
      if (first !== undefined && isFirst) yield headOf(workflowId, first);
      for (const [at, fact] of facts.entries()) {
        if (!isFirst || at > 0) yield ',';
        for (const piece of jsonPieces(shown(fact))) {
          length += piece.length;
          yield piece;
        }
      }
      if (isEnd) yield storage === undefined ? ']}}' : `]},"storage":${JSON.stringify(storage)}}`;
    };
    yield { pieces: pieces(), isLast };
    pages.learn(length);
  }
}

function headOf(workflowId: string, first: GleitzeitEvent): string {
  const name = first.type === 'workflow:submitted' ? first.data.name : '';
  const head = JSON.stringify({ workflowId, name, submittedAt: first.time });
  return `{"ok":true,"trace":${head.slice(0, -1)},"events":[`;
}
