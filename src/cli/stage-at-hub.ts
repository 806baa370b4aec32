/** `gleitzeit run` at a hub: the run goes on there, whatever becomes of this command. */
import type { EventType, GleitzeitEvent } from '../../machines/events/catalogue.ts';
import type { HubClient } from '../hub/client/hub-client.ts';
import { usageError } from './faults.ts';
import { clientOf, type HubOptions } from './hub-place.ts';
import type { Stage } from './stage.ts';
import type { Terminal } from './terminal.ts';

export interface StageAtHubOptions extends HubOptions {
  readonly file: string;
  readonly id?: string;
  readonly inspect?: boolean;
}

/** What a person wants to see around a run, and no event of the run itself. */
const around: readonly EventType[] = [
  'pool:scaled',
  'pool:metrics',
  'provider:registered',
  'provider:unhealthy',
  'circuit:opened',
  'circuit:half_open',
  'circuit:closed',
  'queue:full',
];

/** @throws GleitzeitError as `connect` does; CONFIGURATION_ERROR for what only an engine in this process takes */
export async function stageAtHub(options: StageAtHubOptions, terminal: Terminal): Promise<Stage> {
  if (options.inspect === true) throw usageError('--inspect looks into an engine in this process: it does not go with --hub.');
  return new StageAtHub(await clientOf(options, terminal), options);
}

class StageAtHub implements Stage {
  readonly system: HubClient;
  readonly mayGoOn: boolean;
  private readonly file: string;

  constructor(client: HubClient, { file, id }: StageAtHubOptions) {
    this.system = client;
    this.file = file;
    this.mayGoOn = id !== undefined;
  }

  watch(runId: string, tell: (event: GleitzeitEvent) => void): () => void {
    const own = this.system.select({ correlationId: runId }).subscribe(tell);
    const others = this.system.select({ types: around }).subscribe((event) => {
      if (event.correlation.correlationId !== runId) tell(event);
    });
    return () => {
      own.unsubscribe();
      others.unsubscribe();
    };
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  interrupt(runId: string): Promise<string> {
    const there = `--hub ${this.system.url}`;
    const ways = `gleitzeit run ${this.file} ${there} --id ${runId} waits for it, gleitzeit cancel ${runId} ${there} ends it.`;
    return Promise.resolve(`It goes on at the hub: ${ways}`);
  }

  end(): Promise<void> {
    return this.system.close();
  }
}
