import { describe, expect, it } from 'vitest';

import { harmless, oneLine, print, terminalOf } from '../../../src/cli/terminal.ts';
import { fakeScreen } from './terminals.ts';

describe('a terminal', () => {
  it.each<[string, { isTTY?: boolean; env: Record<string, string>; colored: boolean; live: boolean }]>([
    ['a person watches', { isTTY: true, env: {}, colored: true, live: true }],
    ['nobody watches', { env: {}, colored: false, live: false }],
    ['NO_COLOR is set', { isTTY: true, env: { NO_COLOR: '1' }, colored: false, live: true }],
    ['NO_COLOR is empty', { isTTY: true, env: { NO_COLOR: '' }, colored: true, live: true }],
    ['NO_COLOR and FORCE_COLOR are set', { isTTY: true, env: { NO_COLOR: '1', FORCE_COLOR: '1' }, colored: false, live: true }],
    ['FORCE_COLOR is set', { env: { FORCE_COLOR: '1' }, colored: true, live: false }],
    ['the terminal is dumb', { isTTY: true, env: { TERM: 'dumb' }, colored: false, live: false }],
  ])('is coloured and live as it should when %s', (_, { isTTY, env, colored, live }) => {
    const terminal = terminalOf({ stdout: fakeScreen(), stderr: fakeScreen(isTTY === undefined ? {} : { isTTY }), env });
    expect([terminal.colors.isColorSupported, terminal.live]).toEqual([colored, live]);
  });

  it('writes data untouched into a pipe, and without control characters on a screen', () => {
    const [pipe, screen] = [fakeScreen(), fakeScreen({ isTTY: true })];
    for (const stdout of [pipe, screen]) print(terminalOf({ stdout, stderr: fakeScreen(), env: {} }), 'a\u001b[2Jb\n\tc');
    expect(pipe.text()).toBe('a\u001b[2Jb\n\tc\n');
    expect(screen.text()).toBe('a\ufffd[2Jb\n\tc\n');
  });
});

describe('text of others', () => {
  it('has no sign that a terminal obeys', () => {
    expect(harmless('a\u0007\u009bb\r\n')).toBe('a\ufffd\ufffdb\ufffd\n');
  });

  it('can be put on one line', () => {
    expect(oneLine('a\n\tb\u0000c')).toBe('a b\ufffdc');
  });
});
