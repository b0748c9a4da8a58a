/** What sections measure with: rounds in which variants take turns, each in a process of its own. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Section, Variant } from './report/results.ts';
import type { Measured, Task } from './task.ts';
import { makeSamples, type Samples } from './vendor/samples.ts';

export interface Bench {
  /** Where runs write; removed at the end. */
  scratch: string;
  rounds: number;
  /** `many`, or a tenth of it in a quick run. */
  count(many: number): number;
  /** Whether a quick run: its goals say nothing. */
  quick: boolean;
  samples(): Promise<Samples>;
  /** What the run wrote is removed behind it, unless it is said to be needed. */
  measure(task: Order, name: string, keeps?: 'keeps'): Promise<Measured>;
}

export type Order = Partial<Task> & Pick<Task, 'mode'>;

/** A part of the benchmark, which can be chosen by its name. */
export interface Chapter {
  name: string;
  /** What it needs beside Node, for `--list`; such a chapter runs only with `--all`, or when it is named. */
  needs?: string;
  measure(bench: Bench): Promise<Section[]>;
}

const USUAL = {
  ...{ url: '', fromMs: 0, toMs: 0, pages: 0, maps: false, writesEveryPage: true, details: false },
  ...{ client: 'node-fetch' as const, concurrency: 8, requestsPerSecond: 100_000 },
};

export function createBench(given: { scratch: string; rounds: number; quick: boolean }): Bench {
  let samples: Promise<Samples> | undefined;
  return {
    ...given,
    count: (many) => (given.quick ? Math.ceil(many / 10) : many),
    samples() {
      samples ??= makeSamples();
      return samples;
    },
    async measure(order, name, keeps) {
      const task: Task = { ...USUAL, ...order, folder: join(given.scratch, name.replace(/\W+/g, '_').toLowerCase()) };
      const child = join(import.meta.dirname, 'child', 'main.ts');
      const { stdout } = await promisify(execFile)(process.execPath, [child, JSON.stringify(task)]);
      if (keeps === undefined) rmSync(task.folder, { recursive: true, force: true });
      return JSON.parse(stdout) as Measured;
    },
  };
}

export interface Turn {
  id: string;
  name: string;
  run(round: number): Promise<Measured>;
}

/** All in turn, so many times. */
export async function inTurns(
  title: string,
  rounds: number,
  turns: readonly Turn[],
): Promise<Pick<Section, 'load' | 'variants'>> {
  const before = loadavg()[0] ?? 0;
  const variants: Variant[] = turns.map(({ id, name }) => ({ id, name, runs: [] }));
  for (let round = 1; round <= rounds; round++) {
    for (const [index, { name, run }] of turns.entries()) {
      const measured = await run(round);
      variants[index]?.runs.push(measured);
      const { records, seconds, cpuSeconds, peakMiB } = measured;
      const cpu = ((cpuSeconds / records) * 1e6).toFixed(1);
      process.stderr.write(
        `${title}, round ${round} of ${rounds}: ${name}: ${cpu} µs of CPU per record, ${(records / seconds).toFixed(0)} records/s, ${peakMiB.toFixed(0)} MiB\n`,
      );
    }
  }
  return { load: [before, loadavg()[0] ?? 0], variants };
}
