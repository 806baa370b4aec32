import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { createPythonProvider } from '../../../src/providers/python.ts';
import { bench, failureOf, resultOf } from './attempts.ts';
import { appearance, hasEnded } from './processes.ts';

const python = bench(createPythonProvider());

function execute(params: Record<string, unknown>) {
  return python.run({ method: 'python/execute', params });
}

function fileOf(name: string, code: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'gleitzeit-')), name);
  writeFileSync(file, code);
  return file;
}

describe('python/execute', () => {
  it('runs code over its context, and answers with the variable `result` and what was printed', async () => {
    const code = "words = context['body'].split()\nprint('counting', len(words))\nresult = {'words': len(words), 'größe': [1.5, None, True]}";
    expect(await resultOf(execute({ code, context: { body: 'a b c' } }))).toEqual({
      result: { words: 3, größe: [1.5, null, true] },
      stdout: 'counting 3\n',
    });
  });

  it('answers with null where no result was left', async () => {
    expect(await resultOf(execute({ code: 'x = 1' }))).toEqual({ result: null, stdout: '' });
  });

  it('keeps what other processes print apart from the answer', async () => {
    const code = "import os, sys\nos.system('echo from a shell')\nsys.stderr.write('noise')\nresult = 1";
    expect(await resultOf(execute({ code }))).toEqual({ result: 1, stdout: 'from a shell\n' });
  });

  it('is refused where what it prints is no text, and gives it in base64', async () => {
    const code = 'import sys\nsys.stdout.buffer.write(bytes([0x61, 0xff]))';
    expect(await failureOf(execute({ code }))).toMatchObject({
      code: 'TASK_RESULT_INVALID',
      message: 'The stdout of the Python code is not UTF-8: byte 0xff at offset 1, in line 1. Set `encoding: base64` to have its bytes',
    });
    expect(await resultOf(execute({ code, encoding: 'base64' }))).toEqual({ result: null, stdout: 'Yf8=' });
  });

  it('reads a file in the encoding that it declares, and refuses one that is in none', async () => {
    const declared = fileOf('latin.py', '');
    writeFileSync(declared, Buffer.from("# coding: latin-1\nresult = 'gr\u00fcn'", 'latin1'));
    expect(await resultOf(execute({ file: declared }))).toMatchObject({ result: 'grün' });
    const broken = fileOf('broken.py', '');
    writeFileSync(broken, Buffer.from("result = 'gr\u00fcn'", 'latin1'));
    expect(await failureOf(execute({ file: broken }))).toMatchObject({ retryable: false, message: expect.stringContaining('cannot be read') });
  });

  it('lets functions and comprehensions see the code around them', async () => {
    const code =
      'import math\ndef area(r):\n    return math.floor(math.pi * r * r * factor)\nfactor = 2\nresult = [area(r) for r in context["radii"]]';
    expect(await resultOf(execute({ code, context: { radii: [1, 2] } }))).toMatchObject({ result: [6, 25] });
  });

  it('runs a file, which imports its neighbours and knows its name', async () => {
    const file = fileOf('main.py', "import neighbour, os\nresult = [neighbour.value, os.path.basename(__file__), context['file_path'], __name__]");
    writeFileSync(join(file, '..', 'neighbour.py'), 'value = 42');
    expect(await resultOf(execute({ file, context: { file_path: '/data/x' } }))).toMatchObject({ result: [42, 'main.py', '/data/x', '__main__'] });
  });

  it('ends well where the code leaves with no fault', async () => {
    expect(await resultOf(execute({ code: 'import sys\nresult = 5\nsys.exit()' }))).toMatchObject({ result: 5 });
  });

  it('fails with the traceback of an exception, which may be tried again', async () => {
    const code = "def f():\n    print('before')\n    raise ValueError('not good')\nf()";
    const error = await failureOf(execute({ code }));
    expect(error).toMatchObject({
      code: 'TASK_EXECUTION_FAILED',
      retryable: true,
      message: 'The Python code failed with ValueError: not good',
      details: { type: 'ValueError', stdout: 'before\n' },
    });
    expect(error.stack).toContain("line 3, in f\n    raise ValueError('not good')");
    expect(error.stack).not.toContain('exec(');
  });

  it.each([
    ['result = (', { code: 'TASK_EXECUTION_FAILED', retryable: false, details: { type: 'SyntaxError' } }],
    ['import sys; sys.exit(3)', { code: 'TASK_EXECUTION_FAILED', message: 'The Python code failed with SystemExit: 3' }],
    ['result = object()', { code: 'TASK_RESULT_INVALID', retryable: false }],
    ['result = {1, 2}', { code: 'TASK_RESULT_INVALID', message: expect.stringContaining('set is not JSON serializable') }],
    ['result = float("nan")', { code: 'TASK_RESULT_INVALID' }],
    ['result = []; result.append(result)', { code: 'TASK_RESULT_INVALID', message: expect.stringContaining('Circular') }],
    ['import os; os._exit(7)', { code: 'TASK_EXECUTION_FAILED', message: 'The Python process ended with exit code 7' }],
    [
      'import os, signal; os.kill(os.getpid(), signal.SIGKILL)',
      { code: 'TASK_EXECUTION_FAILED', message: 'The Python process was ended by SIGKILL' },
    ],
  ])('fails with %s', async (code, expected) => {
    expect(await failureOf(execute({ code }))).toMatchObject(expected);
  });

  it('fails for good where there is no such file', async () => {
    expect(await failureOf(execute({ file: '/no/such.py' }))).toMatchObject({
      code: 'TASK_EXECUTION_FAILED',
      retryable: false,
      message: expect.stringContaining('/no/such.py'),
    });
  });

  it('says what to do where there is no Python', async () => {
    const without = bench(createPythonProvider({ python: 'no-such-python' }));
    expect(await failureOf(without.run({ method: 'python/execute', params: { code: '1' } }))).toMatchObject({
      code: 'PROVIDER_INITIALIZATION_FAILED',
      retryable: false,
      message:
        'python/v1 needs Python, and "no-such-python" is not on the PATH: install Python 3.8 or newer, or set GLEITZEIT_PYTHON to the path of one',
    });
  });

  it('is killed with its children when the attempt is aborted', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'gleitzeit-')), 'pids');
    const code = [
      'import json, os, subprocess, time',
      "child = subprocess.Popen(['sleep', '1000'])",
      `with open(context['file'] + '.part', 'w') as f: json.dump([os.getpid(), child.pid], f)`,
      "os.rename(context['file'] + '.part', context['file'])",
      'time.sleep(1000)',
    ].join('\n');
    const outcome = execute({ code, context: { file } });
    const pids = JSON.parse(await appearance(file)) as number[];
    python.abort();
    expect(await failureOf(outcome)).toMatchObject({ code: 'TASK_CANCELLED' });
    for (const pid of pids) await hasEnded(pid);
  });

  it.each([[{}], [{ code: '1', file: 'x.py' }], [{ code: '1', context: [] }]])('refuses the parameters %j', async (params) => {
    expect(await failureOf(execute(params))).toMatchObject({ code: 'TASK_VALIDATION_FAILED' });
  });
});
