/** What is asked of the thread that reads and checks workflows, and what it answers; the same code reads small ones where they are. */
import type { Failure } from '../../../machines/failures.ts';
import { errorOf, type Issue } from '../../errors.ts';
import { loadWorkflow, parseWorkflow } from '../../workflow/load.ts';
import { restoreWorkflow } from '../../workflow/restore.ts';
import type { Workflow } from '../../workflow/workflow.ts';
import type { LoadingName } from '../protocol/requests.ts';
import type { JsonBounds } from '../server/scan.ts';
import type { PreparedWorkflow } from './prepared.ts';

/** The longest workflow as YAML, in bytes; reading one takes time. As an object it may be as long as a message. */
const longestText = 2 ** 18;

/** A workflow as a request brings it; `undefined` is as good as nothing. */
export interface SentWorkflow {
  readonly definition?: object | undefined;
  readonly yaml?: string | undefined;
  readonly workflow?: object | undefined;
}

/** @throws GleitzeitError INVALID_PARAMS unless it comes in exactly one form; as loading does */
export async function workflowOf({ definition, yaml, workflow }: SentWorkflow, batches: boolean): Promise<Workflow> {
  const forms = [definition, yaml, workflow].filter((form) => form !== undefined);
  if (forms.length !== 1)
    throw errorOf('INVALID_PARAMS', `A workflow comes as exactly one of definition, yaml and workflow, got ${forms.length} of them.`);
  if (definition !== undefined) return loadWorkflow(definition, { batches });
  if (yaml !== undefined) return parseWorkflow(yaml, { batches, bounds: { maxBytes: longestText } });
  return restoreWorkflow(workflow);
}

/** What the thread is started with. */
export interface LoadingOptions {
  readonly bounds: JsonBounds;
  /** Whether a workflow may list the files of this machine. */
  readonly batches: boolean;
}

export interface LoadingRequest {
  readonly id: number;
  readonly name: LoadingName;
  /** The data of the request, as JSON that nobody has looked at. */
  readonly text: string;
}

export type LoadingAnswer = { readonly id: number } & (
  | {
      /** Everything in the request but the workflow, as JSON. */
      readonly options: string;
      readonly workflow: PreparedWorkflow;
    }
  | { readonly fault: Failure; readonly issues: readonly Issue[] | undefined }
);
