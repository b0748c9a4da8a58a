/** docs/benchmarks.md and its pictures are made of what was measured, and of nothing else. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { joined, keptResults } from '../../bench/report/kept.ts';
import { pageOf } from '../../bench/report/page.ts';
import { pictureOf } from '../../bench/report/picture.ts';
import { compared, cpuOf, isMet, spreadOf } from '../../bench/report/results.ts';
import { figure, results, run, section } from './results.ts';

interface Drawing {
  documentElement: { textContent: string };
  querySelectorAll(selector: string): Iterable<{ getAttribute(name: string): string | null }>;
}

const { JSDOM } = createRequire(import.meta.url)('jsdom') as {
  JSDOM: new (text: string, options: object) => { window: { document: Drawing } };
};

const page = (...sections: Parameters<typeof section>[0][]) =>
  pageOf({ results: results(sections.map(section)), pictures: new Map([['lists', 'benchmarks/lists.svg']]) });

describe('the page', () => {
  test('shows minimum, median and maximum of each variant, the load, and the picture', () => {
    const lines = page({}).split('\n');
    expect(lines).toContain('| Sluice | 500 / 500 / 500 | 50.0 / 60.0 / 70.0 | 150 / 150 / 150 |');
    expect(lines).toContain('Load average 0.5 before, 1.3 after; 3 rounds.');
    expect(lines).toContain('![Lists](benchmarks/lists.svg)');
    expect(lines).toContain('- CPU of Sluice to the floor: 1.90 / 2.00 / 2.10');
  });

  test('shows requests where they were counted', () => {
    const runs = [run({ requests: 10 })];
    expect(page({ variants: [{ id: 'sluice', name: 'Sluice', runs }] })).toContain(
      '| Sluice | 500 | 50.0 | 10.0 | 150 |',
    );
  });

  test('holds the goals beside the medians, and says so where a goal is missed or says nothing', () => {
    const says = (more: object) => page({ figures: [figure({ goal: 2, ...more })] }).match(/^\| Lists: .*$/m)?.[0];
    expect(says({})).toBe('| Lists: CPU of Sluice to the floor | at most 2 | 1.90 / 2.00 / 2.10 | met |');
    expect(says({ values: [1, 2.01, 3] })).toMatch(/\*\*missed\*\* \|$/);
    expect(says({ better: 'more', values: [1, 1.9, 3] })).toMatch(/at least 2 .*\*\*missed\*\* \|$/);
    expect(says({ moot: 'too few records' })).toMatch(/says nothing: too few records \|$/);
    expect(says({ values: [] })).toMatch(/says nothing: not measured \|$/);
  });

  test('says of when a section is that was measured on another day', () => {
    const old = results([section(), section({ id: 'kafka', title: 'Kafka' })], { date: '2025-01-01' });
    const now = joined(old, results([section({ about: 'New.' })]));
    expect(now.sections.map(({ id, about, of }) => [id, about, of])).toEqual([
      ['lists', 'New.', undefined],
      ['kafka', 'About it.', '2025-01-01, 2 cores (a machine)'],
    ]);
    const later = joined(now, results([section()], { date: '2026-02-02' }));
    expect(later.sections[1]?.of).toBe('2025-01-01, 2 cores (a machine)');
    expect(pageOf({ results: later, pictures: new Map() })).toContain(
      '3 rounds; measured 2025-01-01, 2 cores (a machine).',
    );
  });
});

describe('figures', () => {
  test('compare runs of the same round', () => {
    const values = compared(section().variants, ['sluice', 'floor'], cpuOf);
    expect(values.map((value) => value.toFixed(2))).toEqual(['5.00', '3.00', '2.33']);
  });

  test('have the middle of an even number as their median', () => {
    expect(spreadOf([4, 1, 3, 2])).toEqual({ min: 1, median: 2.5, max: 4 });
  });

  test('keep a goal at the limit', () => {
    expect(isMet(figure({ goal: 2 }))).toBe(true);
    expect(isMet(figure({ goal: 1.99 }))).toBe(false);
  });
});

describe('a picture', () => {
  const draw = (more = {}) => {
    const svg = pictureOf(section(more)) ?? '';
    const { document } = new JSDOM(svg, { contentType: 'image/svg+xml' }).window;
    return { svg, document };
  };

  test('is well-formed, has a bar for each variant as long as its median, and colours for dark pages', () => {
    const { svg, document } = draw();
    const widths = [...document.querySelectorAll('rect.bar')].map((bar) => Number(bar.getAttribute('width')));
    expect(widths).toHaveLength(2);
    expect((widths[0] as number) / (widths[1] as number)).toBeCloseTo(3, 1);
    expect(document.documentElement.textContent).toContain('a < floor & more');
    expect(svg).toContain('prefers-color-scheme:dark');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('of growth has a point for each number of records, in a straight line where time is linear', () => {
    const variants = [1, 10, 100].map((times) => ({
      ...{ id: String(times), name: String(times) },
      runs: [run({ records: 10_000 * times, seconds: times })],
    }));
    const { svg, document } = draw({ picture: 'lines', variants });
    const dots = [...document.querySelectorAll('circle')].map((dot) =>
      [dot.getAttribute('cx'), dot.getAttribute('cy')].map(Number),
    );
    expect(dots).toHaveLength(6);
    const [a, b, c] = dots as [number[], number[], number[]];
    expect((b[1] as number) - (a[1] as number)).toBeCloseTo((c[1] as number) - (b[1] as number), 0);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('is not made of nothing', () => {
    expect(pictureOf(section({ picture: undefined }))).toBeUndefined();
    expect(pictureOf(section({ variants: [] }))).toBeUndefined();
  });
});

test('what is kept in the repository is what the page shows', async () => {
  const kept = keptResults();
  expect(kept).toBeDefined();
  const written = readFileSync(join(import.meta.dirname, '../../docs/benchmarks.md'), 'utf8');
  const pictures = new Map(
    (kept?.sections ?? []).flatMap((one) =>
      pictureOf(one) === undefined ? [] : [[one.id, `benchmarks/${one.id}.svg`] as const],
    ),
  );
  expect(written).toBe(pageOf({ results: kept as NonNullable<typeof kept>, pictures }));
});
