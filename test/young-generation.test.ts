/** How `bin/sluice.js` begins: as a process whose memory is divided as decision 0086 says, unless somebody said otherwise. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratch } from './engine/harness.ts';

const BIN = join(import.meta.dirname, '..', 'bin', 'sluice.js');
const YOUNG = ['--min-semi-space-size=8', '--max-semi-space-size=8'];

/** The options of Node, and the arguments, with which Sluice begins at last. */
function begun(options: string[], env: NodeJS.ProcessEnv): { options: string[]; args: string[]; arenas: string } {
  const folder = scratch();
  try {
    const [hook, out] = [join(folder.path, 'hook.cjs'), join(folder.path, 'out.json')];
    const told = '{ options: process.execArgv, args: process.argv.slice(2), arenas: process.env.MALLOC_ARENA_MAX }';
    writeFileSync(hook, `require('node:fs').writeFileSync(${JSON.stringify(out)}, JSON.stringify(${told}))`);
    const { PATH } = process.env;
    const all = { PATH, ...env, NODE_OPTIONS: `--require=${hook} ${env.NODE_OPTIONS ?? ''}` };
    const { stdout, stderr, status } = spawnSync(process.execPath, [...options, BIN, '--version'], { env: all });
    expect({ status, stderr: stderr.toString() }).toEqual({ status: 0, stderr: '' });
    expect(stdout.toString()).toMatch(/^\d+\.\d+\.\d+/);
    return JSON.parse(readFileSync(out, 'utf8'));
  } finally {
    folder.remove();
  }
}

test.runIf(process.platform === 'linux')('V8 and glibc are told their sizes, whoever told glibc already', () => {
  const told = { options: YOUNG, args: ['--version'], arenas: '2' };
  expect(begun([], {})).toEqual(told);
  expect(begun([], { MALLOC_ARENA_MAX: '4' })).toEqual({ ...told, arenas: '4' });
  expect(begun(['--no-deprecation'], {}).options).toEqual(['--no-deprecation', ...YOUNG]);
});

test('a size that somebody said stays', () => {
  const own = ['--max-semi-space-size=2'];
  expect(begun(own, {}).options).toEqual(own);
  expect(begun([], { NODE_OPTIONS: own.join() }).options).toEqual([]);
});
