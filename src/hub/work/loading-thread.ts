/** The thread that reads and checks the workflows that clients send, so that nobody waits for that but who sent one. */
import { parentPort, workerData } from 'node:worker_threads';

import { toError } from '../../errors.ts';
import { checked } from '../protocol/checking.ts';
import { requests } from '../protocol/requests.ts';
import { parseJson } from '../server/scan.ts';
import { type LoadingAnswer, type LoadingOptions, type LoadingRequest, workflowOf } from './loading.ts';
import { prepared } from './prepared.ts';

// What the loader starts this thread with.
const { bounds, batches } = workerData as LoadingOptions;
/** Faults that are told of one workflow; more of them nobody reads. */
const mostIssues = 1_000;

async function answerTo({ id, name, text }: LoadingRequest): Promise<LoadingAnswer> {
  try {
    const data = checked(requests[name].data, name, parseJson(text, 0, bounds));
    const { definition: _, yaml: __, workflow: ___, ...options } = data;
    return { id, workflow: prepared(await workflowOf(data, batches)), options: JSON.stringify(options) };
  } catch (thrown) {
    const error = toError(thrown);
    return { id, fault: error.toJSON(), issues: error.issues?.slice(0, mostIssues) };
  }
}

parentPort?.on('message', (request: LoadingRequest) => {
  void answerTo(request).then((answer) => parentPort?.postMessage(answer));
});
