/** One measured run in a process of its own: the task comes as JSON in the first argument, the figures go to stdout as JSON. */
import { mkdirSync, rmSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { postBodies, runFloor } from './floors.ts';
import { readGiant } from './giant.ts';
import { writeKafka } from './kafka.ts';
import { runSluice } from './sluice.ts';
import type { Measured, Task } from './task.ts';

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
const RUNS = {
  raw: runFloor,
  mapped: runFloor,
  sluice: runSluice,
  bulk: postBodies,
  kafka: writeKafka,
  kafkajs: writeKafka,
  parts: readGiant,
  whole: readGiant,
};
const records = await RUNS[task.mode](task, begin);
const { user, system } = process.cpuUsage(cpu);
const measured: Measured = {
  records,
  seconds: (performance.now() - startedAt) / 1000,
  cpuSeconds: (user + system) / 1e6,
  peakMiB: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(`${JSON.stringify(measured)}\n`, () => process.exit(0));
