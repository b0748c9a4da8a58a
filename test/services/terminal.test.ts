/** Sluice on a terminal of its own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Workplace, workplace } from '../cli/binary.ts';

let place: Workplace;
afterEach(() => place.close());

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** Runs the command on a terminal of its own, hangs up when told to, and prints how it ended. */
const TERMINAL = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
while b'1 pipeline' not in seen:
    seen += os.read(terminal, 4096)
sys.stdin.readline()
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

test('a terminal that hangs up ends Sluice like SIGTERM', async () => {
  place = await workplace({ detections: 60 });
  place.configure({ extra: 'log: { format: pretty }\n' });
  const child = spawn('python3', ['-c', TERMINAL, process.execPath, MAIN, 'run'], {
    cwd: place.folder,
    env: { PATH: process.env.PATH, HOME: place.folder },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await place.sluice('backfill', '--from', place.simulator.range.start, '--json');
  child.stdin.end('\n');
  await ended;
  expect(said.trim()).toBe('0');
  expect(existsSync(join(place.folder, 'sluice-state', 'state.db-wal'))).toBe(false); // closed in order
  expect([place.delivered().length, new Set(place.delivered()).size]).toEqual([60, 60]);
});
