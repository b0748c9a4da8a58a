import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startSimulator } from '../simulator/index.ts';
const run = promisify(execFile);
const n = Number(process.argv[2] ?? 100000);
const sim = await startSimulator({ seed: 7, detections: n, tenantId: 'bench', applicationId: 'bench', applicationSecret: 'secret-of-the-benchmark' });
const base = { url: sim.url, folder: '/tmp/bench', fromMs: Date.parse(sim.range.start), toMs: Date.parse(sim.range.end) + 1, details: false, concurrency: 8 };
for (const VF of process.argv.slice(3)) {
  const { stdout } = await run(process.execPath, ['bench/child.ts', JSON.stringify({ ...base, mode: 'sluice', passes: 2 })], { env: { ...process.env, VF } });
  const m = JSON.parse(stdout);
  console.log(VF, stdout.trim(), (m.cpuSeconds / m.records * 1e6).toFixed(1), 'us/record');
}
await sim.close();
