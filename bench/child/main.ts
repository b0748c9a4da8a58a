/** One measured run in a process of its own: the task comes as JSON in the first argument, the figures go to stdout as JSON. */
import { mkdirSync, rmSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import type { Measured, Mode, Task } from '../task.ts';
import { peakMiB } from './peak.ts';

// As src/main.ts does.
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=80');

const task = JSON.parse(process.argv[2] ?? '') as Task;
rmSync(task.folder, { recursive: true, force: true });
mkdirSync(task.folder, { recursive: true });

let cpu = process.cpuUsage();
let startedAt = performance.now();
/** Called when the preparations are over. */
const begin = () => {
  cpu = process.cpuUsage();
  startedAt = performance.now();
};
type Run = (task: Task, begin: () => void) => Promise<number>;
/** Loaded when it is wanted: what a run does not use is not in its memory. */
const RUNS: Record<Mode, () => Promise<Run>> = {
  floor: async () => (await import('./floors.ts')).runFloor,
  details: async () => (await import('./detail-floors.ts')).runDetailFloor,
  sluice: async () => (await import('./sluice.ts')).runSluice,
  bulk: async () => (await import('./bulk.ts')).postBodies,
  kafka: async () => (await import('./kafka.ts')).writeKafka,
  kafkajs: async () => (await import('./kafka.ts')).writeKafka,
  parts: async () => (await import('./giant.ts')).readGiant,
  whole: async () => (await import('./giant.ts')).readGiant,
};
const run = await RUNS[task.mode]();
const records = await run(task, begin);
const { user, system } = process.cpuUsage(cpu);
const measured: Measured = {
  records,
  seconds: (performance.now() - startedAt) / 1000,
  cpuSeconds: (user + system) / 1e6,
  peakMiB: peakMiB(process),
};
process.stdout.write(`${JSON.stringify(measured)}\n`, () => process.exit(0));
