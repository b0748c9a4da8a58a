/** `node bench/peers/run.ts [--rounds N] [--quick]`: Sluice beside Redpanda Connect, printed and written nowhere. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const run = join(import.meta.dirname, '..', 'run.ts');
const { status } = spawnSync(process.execPath, [run, '--only', 'peers', '--print', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
