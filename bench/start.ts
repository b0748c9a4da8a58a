/**
 * How long a person waits for `sluice --help`, against Node itself doing nothing: `node bench/start.ts [rounds] [--json]`. In turns, so
 * that whatever else the machine does hits all of them; the least is what it costs, the rest is the machine.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const CASES: Record<string, string[]> = {
  'node -e 0': ['-e', '0'],
  'sluice --help': [join(ROOT, 'bin', 'sluice.js'), '--help'],
};

const rounds = Number(process.argv[2] ?? 21);
const took = new Map<string, number[]>();
for (let round = 0; round < rounds; round++) {
  for (const [name, argv] of Object.entries(CASES)) {
    const beganMs = performance.now();
    const { status } = spawnSync(process.execPath, argv, { stdio: 'ignore' });
    if (status !== 0) throw new Error(`${name} ended with ${status}`);
    took.set(name, [...(took.get(name) ?? []), performance.now() - beganMs]);
  }
}
if (process.argv.includes('--json')) console.log(JSON.stringify(Object.fromEntries(took)));
else print();

function print(): void {
  const sorted = (name: string) => (took.get(name) ?? []).sort((a, b) => a - b);
  const [least = 1] = sorted('node -e 0');
  console.log(`${rounds} rounds, milliseconds: least, median, most; least against that of Node`);
  for (const name of took.keys()) {
    const times = sorted(name);
    const [min = 0, median = 0, max = 0] = [times[0], times[Math.floor(times.length / 2)], times.at(-1)];
    console.log(
      `${name.padEnd(18)} ${[min, median, max].map((ms) => ms.toFixed(0).padStart(6)).join(' ')}   ${(min / least).toFixed(1)}x`,
    );
  }
}
