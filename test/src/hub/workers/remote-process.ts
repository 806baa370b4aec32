/** A process with remote workers as the desk sees it: operated by hand, over connections that come and go. */
import type { TaskAbort, TaskExecute, WorkerAnswers, WorkerMessage, WorkerMessageName } from '../../../../src/hub/protocol/workers.ts';
import type { WorkerConnection, WorkerDesk } from '../../../../src/hub/workers/worker-desk.ts';

export interface RemoteProcessOptions {
  readonly workerId?: string;
  readonly protocol?: string;
  readonly methods?: readonly string[];
  readonly slots?: number;
  readonly instance?: string | undefined;
  /** Names the token that it comes with. */
  readonly holder?: string;
  /** What its token says. */
  readonly protocols?: readonly string[];
}

type Register = Partial<WorkerMessage<'worker:register'>>;

export interface RemoteProcess {
  /** All that it was told to run, in order. */
  readonly executions: readonly TaskExecute[];
  readonly aborts: readonly TaskAbort[];
  /** Opens a connection; the one before is left as it is, like one that broke without a word. */
  connect(): void;
  /** Ends the connection. */
  disconnect(): void;
  say<Name extends WorkerMessageName>(name: Name, data: object): Promise<WorkerAnswers[Name]>;
  register(more?: Register): Promise<WorkerAnswers['worker:register']>;
  /** What it says of the latest execution of a task. */
  about(taskId: string): Pick<TaskExecute, 'leaseId' | 'workflowId' | 'taskId' | 'attempt'>;
  succeed(taskId: string, result?: unknown): Promise<WorkerAnswers['attempt:succeeded']>;
}

let connections = 0;

/** @param during - Lets happen what an answer waits for. */
export function remoteProcess(desk: WorkerDesk, during: () => Promise<void>, options: RemoteProcessOptions = {}): RemoteProcess {
  const { workerId = 'far', protocol = 'demo/v1', methods = ['demo/work'], slots = 2, holder = 'workers', protocols } = options;
  const instance = 'instance' in options ? options.instance : 'process-1';
  const executions: TaskExecute[] = [];
  const aborts: TaskAbort[] = [];
  let connection: WorkerConnection | undefined;
  const open = (): WorkerConnection => {
    const name = `connection-${++connections}`;
    return desk.attach({
      id: name,
      holder: { id: `token of ${holder}`, name: 'workers', ...(protocols !== undefined && { protocols: new Set(protocols) }) },
      send: (message, data) => void (message === 'task:execute' ? executions.push(data as TaskExecute) : aborts.push(data as TaskAbort)),
    });
  };
  const say: RemoteProcess['say'] = async (name, data) => {
    connection ??= open();
    const answer = connection.handle(name, data);
    answer.catch(() => undefined);
    await during();
    return (await answer) as never;
  };
  const about: RemoteProcess['about'] = (taskId) => {
    const execution = executions.findLast((each) => each.taskId === taskId);
    if (execution === undefined) throw new Error(`It was never told to run '${taskId}'.`);
    const { leaseId, workflowId, attempt } = execution;
    return { leaseId, workflowId, taskId, attempt };
  };
  return {
    executions,
    aborts,
    connect() {
      connection = open();
    },
    disconnect() {
      connection?.closed('transport close');
      connection = undefined;
    },
    say,
    register: (more) => say('worker:register', { workerId, protocol, methods, slots, ...(instance !== undefined && { instance }), ...more }),
    about,
    succeed: (taskId, result = null) => say('attempt:succeeded', { ...about(taskId), result }),
  };
}
