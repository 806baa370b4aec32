/** Work in other languages: `process/v1` runs any program, without a shell; `python/v1` runs Python with values in and out. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSystem, loadWorkflow } from 'gleitzeit';

const system = createSystem();
await system.start();

const sorting = "const { numbers } = JSON.parse(require('fs').readFileSync(0)); process.stdout.write(numbers.sort((a, b) => a - b).join(' '))";
const programs = await loadWorkflow({
  name: 'programs',
  input: { numbers: [10, 9, 2] },
  tasks: [
    // Lists and objects become JSON text inside a string.
    { id: 'sort', method: 'process/exec', params: { command: process.execPath, args: ['-e', sorting], stdin: '{"numbers":${input.numbers}}' } },
    // What comes from a task is data: the shell that would run `rm` is not there.
    { id: 'safe', method: 'process/exec', params: { command: process.execPath, args: ['-p', 'process.argv[1]', '; rm -rf ${sort.stdout}'] } },
    // A program that hangs is killed with all that it started.
    { id: 'hangs', method: 'process/exec', params: { command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] }, timeout: 0.4 },
  ],
  failure_policy: 'continue_on_error',
});
const { tasks } = await (await system.submit(programs)).result();
const stdout = (id: string): string => (tasks[id]?.result as { readonly stdout: string } | undefined)?.stdout ?? '';
console.log(`sort: ${stdout('sort')}   safe: ${stdout('safe').trim()}   hangs: ${tasks['hangs']?.error?.code}`);
assert.equal(stdout('sort'), '2 9 10');
assert.equal(stdout('safe').trim(), '; rm -rf 2 9 10');
assert.equal(tasks['hangs']?.error?.code, 'TASK_TIMEOUT');

if (spawnSync('python3', ['--version']).error === undefined) {
  const python = await loadWorkflow({
    name: 'python',
    input: { text: 'the quick brown fox jumps over the lazy dog' },
    tasks: [
      {
        id: 'count',
        method: 'python/execute',
        params: {
          code: "from collections import Counter\nresult = dict(Counter(context['text'].split()).most_common(1))\nprint('counted')",
          context: { text: '${input.text}' },
        },
      },
      // `${count.result}` is the variable `result` of the code; `${count.stdout}` is what it printed.
      { id: 'say', method: 'core/echo', params: { times: '${count.result.the}', printed: '${count.stdout}' } },
    ],
  });
  const result = await (await system.submit(python)).result();
  console.log('python:', result.tasks['say']?.result);
  assert.deepEqual(result.tasks['say']?.result, { times: 2, printed: 'counted\n' });
} else {
  console.log('python: there is no python3 here, so that part is left out');
}
await system.stop();
