/** Results of a benchmark that never ran. */
import type { Figure, Results, Section } from '../../bench/report/results.ts';
import type { Measured } from '../../bench/task.ts';

export const run = (more: Partial<Measured> = {}): Measured => ({
  ...{ records: 1000, seconds: 2, cpuSeconds: 0.05, peakMiB: 150 },
  ...more,
});

export const figure = (more: Partial<Figure> = {}): Figure => ({
  ...{ says: 'CPU of Sluice to the floor', values: [1.9, 2, 2.1], digits: 2, better: 'less', lasting: true },
  ...more,
});

export const section = (more: Partial<Section> = {}): Section => ({
  ...{ id: 'lists', title: 'Lists', about: 'About it.', load: [0.5, 1.25] },
  variants: [
    { id: 'sluice', name: 'Sluice', runs: [run(), run({ cpuSeconds: 0.06 }), run({ cpuSeconds: 0.07 })] },
    {
      id: 'floor',
      name: 'a < floor & more',
      runs: [run({ cpuSeconds: 0.01 }), run({ cpuSeconds: 0.02 }), run({ cpuSeconds: 0.03 })],
    },
  ],
  figures: [figure()],
  picture: 'cpu',
  ...more,
});

export const results = (sections: Section[], more: Partial<Results> = {}): Results => ({
  ...{ date: '2026-01-02', machine: '2 cores (a machine)', sections },
  ...more,
});
