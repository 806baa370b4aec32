/** `gleitzeit validate FILE`: says whether a workflow could be run, and everything that is wrong with it. */
import { GleitzeitError } from '../../errors.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { type ExitCode, exitCodeOfError, exitCodes } from '../exit-codes.ts';
import { tellError } from '../faults.ts';
import { print, printJson, type Terminal } from '../terminal.ts';
import { count } from '../text.ts';

export interface ValidateOptions {
  readonly providers?: string;
  readonly json?: boolean;
}

/** Validates a workflow file, its protocols and methods included, and those parameters that refer to nothing. */
export async function validateCommand(file: string, options: ValidateOptions, terminal: Terminal): Promise<ExitCode> {
  try {
    const { name, tasks, levels } = await examine(file, options);
    if (options.json === true) printJson(terminal, { valid: true, name, tasks, levels, issues: [] });
    else print(terminal, `${name} is valid: ${count(tasks, 'task')} in ${count(levels, 'level')}.`);
    return exitCodes.done;
  } catch (thrown) {
    if (!(thrown instanceof GleitzeitError)) throw thrown;
    const { code, rpcCode, message, issues = [] } = thrown;
    if (options.json === true) printJson(terminal, { valid: false, error: { code, rpcCode, message }, issues });
    tellError(terminal, thrown);
    return exitCodeOfError(code);
  }
}

async function examine(file: string, { providers: own }: ValidateOptions) {
  const [{ loadWorkflow }, { builtinProviders }, { schemasIn }, { checkMethods }, { checkParams }] = await Promise.all([
    import('../../workflow/load.ts'),
    import('../../providers/builtin.ts'),
    import('../../providers/provider.ts'),
    import('../../workflow/methods.ts'),
    import('../../workflow/params.ts'),
  ]);
  const workflow = await loadWorkflow(file);
  const { levels } = workflow;
  const providers = [...builtinProviders({}), ...(own === undefined ? [] : await loadOwn(own))];
  const definition = checkMethods(workflow, methodsOf(providers));
  await checkParams({ ...workflow, definition }, (protocol, method) => schemasIn(providers, protocol, method));
  return { name: definition.name, tasks: definition.tasks.length, levels };
}

async function loadOwn(file: string): Promise<readonly AnyProvider[]> {
  const { loadProviders } = await import('../../providers/load.ts');
  return loadProviders(file);
}

function methodsOf(providers: readonly AnyProvider[]): ReadonlyMap<string, ReadonlySet<string>> {
  const known = new Map<string, Set<string>>();
  for (const { protocol, methods } of providers) known.set(protocol, new Set([...(known.get(protocol) ?? []), ...Object.keys(methods)]));
  return known;
}
