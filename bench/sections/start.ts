/** How long a person waits for the shortest command: bench/start.ts, as a section. */
import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Chapter } from '../bench.ts';

export const start: Chapter = {
  name: 'start',
  async measure(bench) {
    const before = loadavg()[0] ?? 0;
    const script = join(import.meta.dirname, '..', 'start.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [script, String(bench.quick ? 5 : 41), '--json']);
    const times = JSON.parse(stdout) as Record<string, number[]>;
    const [node = [], ...others] = Object.values(times);
    const least = Math.min(...node);
    const [names] = [Object.keys(times).slice(1)];
    return [
      {
        ...{ id: 'start', title: 'Start', about: ABOUT, load: [before, loadavg()[0] ?? 0] as [number, number] },
        variants: [],
        figures: [
          { says: '`node -e 0`', values: node, digits: 0, unit: ' ms', better: 'less' as const, lasting: false },
          ...others.flatMap((values, at) => [
            { says: `\`${names[at]}\``, values, digits: 0, unit: ' ms', better: 'less' as const, lasting: false },
            {
              ...{
                says: `the least of \`${names[at]}\` to that of \`node -e 0\``,
                values: [Math.min(...values) / least],
              },
              ...{ digits: 1, better: 'less' as const, lasting: true },
            },
          ]),
        ],
      },
    ];
  },
};

const ABOUT =
  'How long a person waits, in turns with Node itself doing nothing; the least is what it costs, the rest is the machine.';
