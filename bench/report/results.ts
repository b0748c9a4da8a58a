/** What a benchmark found, as it is kept in bench/results/ and shown in docs/benchmarks.md. */
import type { Measured } from '../task.ts';

export interface Results {
  /** Day of the run. */
  date: string;
  machine: string;
  sections: Section[];
}

/** Variants that took turns, round by round. */
export interface Section {
  id: string;
  title: string;
  about: string;
  /** Of which day and machine, where it was not measured with the others. */
  of?: string;
  /** The load average over a minute, before and after. */
  load: [number, number];
  variants: Variant[];
  figures: Figure[];
  /** What its picture shows of the variants, if it has one. */
  picture?: Picture;
}

export interface Variant {
  id: string;
  name: string;
  runs: Measured[];
}

/** What a section is about, a value for each round. Those that compare two variants do not depend on the machine. */
export interface Figure {
  /** What is measured: the same text in every run. */
  says: string;
  values: number[];
  digits: number;
  unit?: string;
  better: 'less' | 'more';
  /** What it should be at most, where less is better, or at least. */
  goal?: number;
  /** Why the goal says nothing in this run. */
  moot?: string;
  /** Whether it says the same on another machine: only these are compared with an earlier release. */
  lasting: boolean;
}

/** `lines`: time and memory over the number of records of each variant. */
export type Picture = 'cpu' | 'throughput' | 'lines';

export const cpuOf = ({ cpuSeconds, records }: Measured): number => (cpuSeconds / records) * 1e6;
export const rateOf = ({ records, seconds }: Measured): number => records / seconds;
export const memoryOf = ({ peakMiB }: Measured): number => peakMiB;

export interface Spread {
  min: number;
  median: number;
  max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (index: number) => sorted[index] ?? Number.NaN;
  return { min: at(0), median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, max: at(sorted.length - 1) };
}

/** How two variants compare, round by round. */
export function compared(
  variants: readonly Variant[],
  [of, to]: [of: string, to: string],
  by: (run: Measured) => number,
  combine: (of: number, to: number) => number = (of, to) => of / to,
): number[] {
  const runs = (id: string) => variants.find((variant) => variant.id === id)?.runs ?? [];
  const others = runs(to);
  return runs(of).flatMap((run, round) => {
    const other = others[round];
    return other === undefined ? [] : [combine(by(run), by(other))];
  });
}

/** Whether the median keeps the goal; undefined where there is none, or it says nothing. */
export function isMet({ values, goal, better, moot }: Figure): boolean | undefined {
  if (goal === undefined || moot !== undefined || values.length === 0) return undefined;
  const { median } = spreadOf(values);
  return better === 'less' ? median <= goal : median >= goal;
}
