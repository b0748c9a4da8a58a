/** Loaded before a command (`--import`): when its process ends, what it used since it began is written to the file named here. */
import { writeFileSync } from 'node:fs';
import { peakMiB } from './peak.ts';

process.on('exit', () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const usage = { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMiB: peakMiB(process) };
  if (process.env.BENCH_USAGE !== undefined) writeFileSync(process.env.BENCH_USAGE, JSON.stringify(usage));
});
