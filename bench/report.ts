import type { Measured } from './task.ts';

/** Results of variants that took turns; the first is what the others are compared with. */
export interface Section {
  title: string;
  about: string;
  /** What the ratio compares: the CPU per record, or the records per second. */
  ratio?: 'cpu' | 'throughput';
  results: Map<string, Measured[]>;
}

interface Facts {
  machine: string;
  rounds: number;
  records: number;
}

/** The page docs/benchmarks.md. */
export function report(sections: readonly Section[], facts: Facts): string {
  const head = [
    '# Benchmarks',
    '',
    'Written by `npm run bench`; every cell is minimum / median / maximum over the rounds. The machine is shared and noisy:',
    'trust the ratios, which compare runs that took turns, round by round.',
    '',
    `${facts.machine}; ${facts.rounds} rounds; ${facts.records.toLocaleString('en')} list records of about 350 bytes.`,
  ];
  return `${[...head, ...sections.flatMap(toLines)].join('\n')}\n`;
}

function toLines({ title, about, ratio: kind = 'cpu', results }: Section): string[] {
  const [base] = [...results.values()] as [Measured[]];
  const rows = [...results].map(([name, runs]) => {
    const ratio =
      runs === base
        ? ''
        : spread(
            runs.map((run, round) => quotient(base[round] as Measured, run, kind)),
            2,
          );
    const cells = [
      name,
      spread(
        runs.map((run) => run.records / run.seconds),
        0,
      ),
      spread(runs.map(cpuOf), 1),
      ratio,
      spread(
        runs.map((run) => run.peakMiB),
        0,
      ),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const [first] = results.keys();
  const what = kind === 'cpu' ? 'CPU' : 'records/s';
  const header = `| variant | records/s | CPU µs per record | ${what} of "${first}" to this | peak memory, MiB |`;
  return ['', `## ${title}`, '', about, '', header, '|---|---|---|---|---|', ...rows];
}

function quotient(base: Measured, run: Measured, kind: 'cpu' | 'throughput'): number {
  return kind === 'cpu' ? cpuOf(base) / cpuOf(run) : base.records / base.seconds / (run.records / run.seconds);
}

function cpuOf({ cpuSeconds, records }: Measured): number {
  return (cpuSeconds / records) * 1e6;
}

function spread(values: number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const shown = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map((value) =>
    (value as number).toFixed(digits),
  );
  return sorted.length === 1 ? (shown[0] as string) : shown.join(' / ');
}
