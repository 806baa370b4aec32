/**
 * The Python side of `python/execute`, handed to the interpreter as an argument.
 *
 * It reads the job from stdin and answers on file descriptor 3, so that stdout is the code's own, whoever of it writes there.
 */
export const pythonRunner = `
import json, linecache, os, sys, tokenize, traceback

def answer(value):
    with os.fdopen(3, 'w', encoding='utf-8') as out:
        out.write(value)

def fail(kind, error, frames):
    text = ''.join(traceback.format_exception(type(error), error, frames))
    answer(json.dumps({'ok': False, 'kind': kind, 'type': type(error).__name__, 'message': str(error)[:1000000], 'traceback': text[-1000000:]}))

def source_of(job):
    if job.get('file') is None:
        return job['code'], '<task>'
    path = os.path.abspath(job['file'])
    sys.path[0] = os.path.dirname(path)
    # As Python reads it: by its mark or its declaration, else as UTF-8.
    with tokenize.open(path) as file:
        return file.read(), path

def main():
    job = json.loads(sys.stdin.buffer.read().decode('utf-8'))
    try:
        source, name = source_of(job)
    except (OSError, SyntaxError, UnicodeError) as error:
        return fail('file', error, None)
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    try:
        code = compile(source, name, 'exec')
    except (SyntaxError, ValueError) as error:
        return fail('syntax', error, None)
    scope = {'__name__': '__main__', '__builtins__': __builtins__, 'context': job['context'], 'result': None}
    if job.get('file') is not None:
        scope['__file__'] = name
    try:
        exec(code, scope)
    except SystemExit as error:
        if error.code not in (None, 0):
            return fail('raised', error, error.__traceback__.tb_next)
    except BaseException as error:
        return fail('raised', error, error.__traceback__.tb_next)
    sys.stdout.flush()
    try:
        text = json.dumps({'ok': True, 'result': scope.get('result')}, allow_nan=False)
    except BaseException as error:
        return fail('result', error, None)
    answer(text)

main()
`;
