import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startSimulator } from '../simulator/index.ts';
const run = promisify(execFile);
const n = Number(process.argv[2] ?? 100000);
const sim = await startSimulator({ seed: 7, detections: n, tenantId: 'bench', applicationId: 'bench', applicationSecret: 'secret-of-the-benchmark' });
const base = { url: sim.url, folder: '/tmp/bench', fromMs: Date.parse(sim.range.start), toMs: Date.parse(sim.range.end) + 1, details: false, concurrency: 8 };
for (const flags of [[], ['--max-semi-space-size=2'], ['--max-semi-space-size=6'], ['--max-semi-space-size=6','--optimize-for-size'], ['--max-semi-space-size=6','--single-threaded-gc'],['--max-semi-space-size=6','--gc-interval=-1','--heap-growing-percent=20']]) {
  const { stdout } = await run(process.execPath, [...flags, 'bench/child.ts', JSON.stringify({ ...base, mode: 'sluice', passes: 2 })]);
  const m = JSON.parse(stdout);
  console.log(flags.join(' '), stdout.trim(), (m.cpuSeconds / m.records * 1e6).toFixed(1), 'us/record');
}
await sim.close();
