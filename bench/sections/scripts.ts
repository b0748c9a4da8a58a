/** Benchmarks that are scripts of their own, as sections: start.ts, load.ts and latency.ts, each with `--json`. */
import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Chapter } from '../bench.ts';
import type { Figure, Section, Spread } from '../report/results.ts';

interface Script {
  id: string;
  title: string;
  about: string;
  file: string;
  args: string[];
}

/** Runs it, and makes figures of the last line that it prints. */
async function ran<Found>({ file, args, ...head }: Script, figuresOf: (found: Found) => Figure[]): Promise<Section> {
  const before = loadavg()[0] ?? 0;
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, '..', file),
    ...args,
    '--json',
  ]);
  const found = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Found;
  return { ...head, load: [before, loadavg()[0] ?? 0], variants: [], figures: figuresOf(found) };
}

const here = { better: 'less', lasting: false } as const;

export const start: Chapter = {
  name: 'start',
  measure: async ({ quick }) => {
    const about =
      'How long a person waits, in turns with Node itself doing nothing; the least is what it costs, the rest is the machine.';
    const script = { id: 'start', title: 'Start', about, file: 'start.ts', args: [quick ? '5' : '41'] };
    return [
      await ran<Record<string, number[]>>(script, (times) => {
        const [[, node = []] = [], ...others] = Object.entries(times);
        const least = (values: number[]) => Math.min(...values);
        return [
          { says: '`node -e 0`', values: node, digits: 0, unit: ' ms', ...here },
          ...others.flatMap(([name, values]): Figure[] => [
            { says: `\`${name}\``, values, digits: 0, unit: ' ms', ...here },
            {
              ...{
                says: `the least of \`${name}\` to that of \`node -e 0\``,
                digits: 1,
                better: 'less',
                lasting: true,
              },
              values: [least(values) / least(node)],
            },
          ]),
        ];
      }),
    ];
  },
};

interface Loaded {
  instances: number;
  perSecond: Spread;
  cpuMicrosPerDocument: Spread;
  peakMiB: Spread;
}

export const load: Chapter = {
  name: 'load',
  needs: 'JDK 21+ and Maven',
  measure: async (bench) => {
    const about =
      '`sluice load` between the real Kafka and the real Elasticsearch, which share the cores with it: one instance and two of one group, in turns, on topics of six partitions. Whole processes of the clone, start included.';
    const args = ['--documents', String(bench.count(60_000)), '--rounds', String(Math.min(3, bench.rounds))];
    const script = { id: 'load', title: 'Topics into Elasticsearch', about, file: 'load.ts', args };
    return [
      await ran<{ summary: Loaded[]; speedUp: number }>(script, ({ summary, speedUp }) => [
        ...summary.flatMap(({ instances, perSecond, cpuMicrosPerDocument, peakMiB }): Figure[] => {
          const who = instances === 1 ? 'one instance' : `${instances} instances`;
          return [
            { says: `documents a second, ${who}`, values: listed(perSecond), digits: 0, ...here, better: 'more' },
            { says: `CPU per document, ${who}`, values: listed(cpuMicrosPerDocument), digits: 1, unit: ' µs', ...here },
            { says: `peak memory, ${who}`, values: listed(peakMiB), digits: 0, unit: ' MiB', ...here },
          ];
        }),
        {
          ...{ says: 'documents a second: two instances to one', values: [speedUp], digits: 2 },
          ...{ better: 'more', lasting: false },
        },
      ]),
    ];
  },
};

interface Latencies {
  boundMs: number;
  figures: {
    mode: 'alone' | 'backfill';
    detections: number;
    p50: number;
    p99: number;
    max: number;
    requestsPerSecond: number;
    rate: number;
  }[];
}

const MODES = {
  alone: 'live alone',
  backfill: 'live beside a backfill that takes the rest of the rate limit',
} as const;

export const latency: Chapter = {
  name: 'latency',
  needs: 'JDK 21+ and Maven',
  measure: async ({ quick }) => {
    const about =
      '`sluice run` on a living tenant, from when the vendor lists a detection until a search in the real Elasticsearch finds it; the cluster refreshes each second. The goal is a poll (5 s) and 2 s.';
    const title = 'From the vendor to a search';
    const script = { id: 'latency', title, about, file: 'latency.ts', args: ['--seconds', quick ? '20' : '120'] };
    return [
      await ran<Latencies>(script, ({ figures, boundMs }) =>
        figures.flatMap(({ mode, p50, p99, max, requestsPerSecond, rate }): Figure[] => {
          const seconds = { digits: 1, unit: ' s', ...here };
          return [
            { says: `half of them, ${MODES[mode]}`, values: [p50 / 1000], ...seconds },
            { says: `99 of 100 (p99), ${MODES[mode]}`, values: [p99 / 1000], ...seconds, goal: boundMs / 1000 },
            { says: `the last, ${MODES[mode]}`, values: [max / 1000], ...seconds },
            {
              ...{ says: `share of the rate limit used, ${MODES[mode]}`, values: [(requestsPerSecond / rate) * 100] },
              ...{ digits: 0, unit: ' %', better: 'more', lasting: false },
            },
          ];
        }),
      ),
    ];
  },
};

const listed = ({ min, median, max }: Spread): number[] => [min, median, max];
