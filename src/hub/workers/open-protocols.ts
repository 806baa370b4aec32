/**
 * Which protocols workers may serve, and with which token.
 *
 * A worker gets the tasks of its protocol with their secrets opened, and its reports count. So what the engine carries out itself is
 * closed to workers unless the hub opens it by name: the built-in protocols, also where the built-in providers are left out; those of
 * the providers of the system; and the functions of its own workflows. Everything else is open to every token for workers that does
 * not name its protocols: which ones there will be is not known when the token is made.
 */
import { errorOf, type GleitzeitError } from '../../errors.ts';
import { builtinProtocols } from '../../providers/builtin.ts';
import type { SystemPort } from '../../runtime/port.ts';
import { describeValue } from '../../thrown.ts';
import { functionProtocol } from '../../workflow/task-list.ts';
import type { Registration } from './enrolled-worker.ts';

type Offer = Pick<Registration, 'protocol' | 'methods' | 'holder'>;

export class OpenProtocols {
  private readonly providers: Pick<SystemPort['providers'], 'own'>;
  private readonly opened: ReadonlySet<string>;

  /** @param opened - What is open although the engine carries it out itself. */
  constructor(providers: Pick<SystemPort['providers'], 'own'>, opened: readonly string[]) {
    this.providers = providers;
    this.opened = new Set(opened);
  }

  /** Why an offer is not taken; nothing for one that is. */
  refusalOf({ protocol, methods, holder }: Offer): GleitzeitError | undefined {
    const reason = this.opened.has(protocol) ? undefined : this.reasonAgainst(protocol, methods);
    if (reason !== undefined)
      return errorOf(
        'AUTHORIZATION_FAILED',
        `Workers may not serve ${describeValue(protocol)}: ${reason}. Open it by \`gleitzeit serve --remote ${protocol}\` or \`createHub({ remote: [${describeValue(protocol)}] })\`, or serve another protocol.`,
      );
    const { name, protocols } = holder;
    if (protocols !== undefined && !protocols.has(protocol))
      return errorOf(
        'AUTHORIZATION_FAILED',
        `Workers with the token of ${describeValue(name)} may serve ${[...protocols].join(', ')}, got ${describeValue(protocol)}. Add it to the \`protocols\` of the token, or take another token.`,
      );
    return undefined;
  }

  private reasonAgainst(protocol: string, methods: readonly string[]): string | undefined {
    if (builtinProtocols.has(protocol)) return 'it is built in';
    const own = this.providers.own().get(protocol);
    if (own === undefined) return undefined;
    // One protocol has the functions of all workflows, and those of each run where its code is.
    if (protocol !== functionProtocol) return 'a provider of the engine carries it out';
    const taken = methods.find((method) => own.has(method));
    return taken === undefined ? undefined : `the engine itself has the function ${describeValue(taken)}`;
  }
}
