import { describe, expect, it, onTestFinished } from 'vitest';

import type { EnrolmentOptions } from '../../../../src/hub/workers/enrolment.ts';
import { WorkerDesk } from '../../../../src/hub/workers/worker-desk.ts';
import { builtinProtocols, builtinProviders } from '../../../../src/providers/builtin.ts';
import { defineProvider } from '../../../../src/providers/provider.ts';
import { defineWorkflow } from '../../../../src/workflow/define.ts';
import { loadWorkflow } from '../../../../src/workflow/load.ts';
import { functionMethod } from '../../../../src/workflow/task-list.ts';
import { type SceneOptions, scene } from '../../../scenarios/scene.ts';
import { type RemoteProcessOptions, remoteProcess } from './remote-process.ts';

const local = defineProvider({ protocol: 'local/v1', methods: { 'local/work': { run: () => 'here' } } });

async function stage(desk: EnrolmentOptions = {}, options: SceneOptions = {}) {
  const set = await scene({ providers: [local], builtins: true, ...options });
  const made = new WorkerDesk(set.system, desk);
  onTestFinished(() => made.close());
  return { ...set, process: (given: RemoteProcessOptions = {}) => remoteProcess(made, () => set.advance(0), given) };
}

const offer = (protocol: string) => ({ protocol, methods: [`${protocol.split('/')[0]}/work`] });
const refused = (text: string) => ({ code: 'AUTHORIZATION_FAILED', retryable: false, message: expect.stringContaining(text) });

describe('the protocols of workers', () => {
  it('are none of the built-in ones, whichever those are', async () => {
    expect([...builtinProtocols].sort()).toEqual(
      builtinProviders()
        .map(({ protocol }) => protocol)
        .sort(),
    );
    for (const builtins of [true, false]) {
      const { process } = await stage({}, { builtins });
      for (const protocol of builtinProtocols)
        await expect(process().register(offer(protocol))).rejects.toMatchObject(refused(`serve --remote ${protocol}`));
    }
  });

  it('are none that a provider of the engine carries out, unless they are opened by name', async () => {
    const { process, system, submit, advance } = await stage();
    await expect(process().register(offer('local/v1'))).rejects.toMatchObject(refused('createHub({ remote: ["local/v1"] })'));
    const run = await submit(await loadWorkflow({ name: 'w', tasks: [{ id: 'a', method: 'local/work' }] }));
    await advance(0);
    expect((await run.result()).tasks['a']?.result).toBe('here');
    // Whoever took it away has it carried out elsewhere.
    system.unregister('local/v1');
    await process().register(offer('local/v1'));
  });

  it('are those that are opened by name, each alone', async () => {
    const { process } = await stage({ remote: ['python/v1', 'local/v1'] });
    await process({ workerId: 'one' }).register(offer('python/v1'));
    await process({ workerId: 'two' }).register(offer('local/v1'));
    await expect(process({ workerId: 'three' }).register(offer('process/v1'))).rejects.toMatchObject(refused('it is built in'));
  });

  it('are those of their token and no others, also of what is opened', async () => {
    const { process } = await stage({ remote: ['python/v1'] });
    const far = process({ protocols: ['llm/v1', 'process/v1'] });
    await far.register(offer('llm/v1'));
    for (const protocol of ['python/v1', 'demo/v1', 'llm/v10']) {
      await expect(far.register({ ...offer(protocol), workerId: 'more' })).rejects.toMatchObject(refused('may serve llm/v1, process/v1'));
    }
    // The token does not open what the hub keeps closed.
    await expect(far.register({ ...offer('process/v1'), workerId: 'more' })).rejects.toMatchObject(refused('--remote process/v1'));
  });

  it('have the functions of workflows, but of those that the engine has itself', async () => {
    const workflow = defineWorkflow({ name: 'mine', tasks: (task) => ({ a: task('a', { params: {}, run: () => 1 }) }) });
    const { process } = await stage({}, { workflows: [workflow] });
    await process().register({ protocol: 'function/v1', methods: ['yours/a'] });
    await expect(
      process({ workerId: 'thief' }).register({ protocol: 'function/v1', methods: ['yours/b', functionMethod('mine', 'a')] }),
    ).rejects.toMatchObject(refused(`the function "${functionMethod('mine', 'a')}"`));
  });

  it('are given up when the engine comes to carry them out itself: what runs is finished', async () => {
    const { process, system, submit, advance } = await stage();
    const [far, other] = [process(), process({ workerId: 'other', protocol: 'other/v1', methods: ['other/work'] })];
    await far.register();
    await other.register();
    const demo = await loadWorkflow({ name: 'w', tasks: [{ id: 'a', method: 'demo/work' }] });
    await submit(demo);
    system.register(defineProvider({ protocol: 'demo/v1', methods: { 'demo/work': { run: () => 'here' } } }));
    await advance(0);
    const run = await submit(demo);
    await advance(0);
    expect((await run.result()).tasks['a']?.result).toBe('here');
    expect(await far.succeed('a')).toEqual({ accepted: true });
    await advance(0);
    await expect(far.say('worker:heartbeat', { leases: [] })).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(far.register()).rejects.toMatchObject(refused('a provider of the engine carries it out'));
    expect(await other.say('worker:heartbeat', { leases: [] })).toEqual({ lost: [] });
  });

  it('attract no task whose protocol is only implied by its method', async () => {
    const { process, system } = await stage({}, { builtins: false });
    await process().register({ protocol: 'evil/v1', methods: ['http/request'] });
    const workflow = await loadWorkflow({ name: 'w', tasks: [{ id: 'a', method: 'http/request', parameters: { url: 'https://example.org' } }] });
    await expect(system.submit(workflow)).rejects.toMatchObject({ code: 'PROTOCOL_NOT_FOUND' });
  });
});
