/** `npm run bench:nightly` fails where a ratio got worse beyond the noise, and nowhere else. */
import { describe, expect, test } from 'vitest';
import { compareResults } from '../../bench/report/regression.ts';
import { verdictOf } from '../../bench/report/verdict.ts';
import { figure, results, section } from './results.ts';

const of = (values: number[], more = {}) => results([section({ figures: [figure({ values, ...more })] })]);
const worse = (before: number[], after: number[], more = {}) => compareResults(of(before, more), of(after, more)).worse;

describe('a figure got worse', () => {
  test('where no round of now reaches any of then, and the medians are more than 10 % apart', () => {
    expect(worse([1.9, 2, 2.1], [2.2, 2.3, 2.4])).toEqual([
      'Lists: CPU of Sluice to the floor is 15 % worse than at the last release: 2.30 (2.20 to 2.40) now, 2.00 (1.90 to 2.10) then; no round of now reaches any of then, and less is better.',
    ]);
  });

  test('not where the ranges touch, however far the medians are apart', () => {
    expect(worse([1.9, 2, 2.1], [2.1, 3, 3.1])).toEqual([]);
  });

  test('not where the medians are within 10 %, however narrow the ranges are', () => {
    expect(worse([2, 2, 2], [2.19, 2.19, 2.19])).toEqual([]);
    expect(worse([2, 2, 2], [2.21, 2.21, 2.21])).toHaveLength(1);
  });

  test('not where it got better', () => {
    expect(worse([1.9, 2, 2.1], [1, 1.1, 1.2])).toEqual([]);
  });

  test('the other way round where more is better', () => {
    expect(worse([0.9, 0.91, 0.92], [0.7, 0.71, 0.72], { better: 'more' })).toHaveLength(1);
    expect(worse([0.7, 0.71, 0.72], [0.9, 0.91, 0.92], { better: 'more' })).toEqual([]);
    expect(worse([0.9, 0.91, 0.92], [0.7, 0.71, 0.905], { better: 'more' })).toEqual([]);
  });

  test('a figure of this machine alone is never compared', () => {
    const found = compareResults(of([1], { lasting: false }), of([99], { lasting: false }));
    expect(found).toEqual({ worse: [], compared: 0, missing: [] });
  });
});

describe('the verdict', () => {
  test('is well where nothing got worse, and names what was not measured', () => {
    const released = results([
      section({ figures: [figure(), figure({ says: 'memory' })] }),
      section({ id: 'kafka', title: 'Kafka' }),
    ]);
    const { lines, code } = verdictOf(released, results([section()]));
    expect(code).toBe(0);
    expect(lines).toEqual([
      'Lists: memory: was not measured now.',
      'Kafka: CPU of Sluice to the floor: was not measured now.',
      'None of 1 figures got worse beyond the noise.',
    ]);
  });

  test('fails with the sentence where one did', () => {
    const { lines, code } = verdictOf(of([1.9, 2, 2.1]), of([2.5, 2.6, 2.7]));
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^Lists: CPU of Sluice to the floor is 30 % worse/)]);
  });

  test('fails where there is nothing to compare: a night that looks at nothing is no good night', () => {
    expect(verdictOf(undefined, of([1]))).toMatchObject({ code: 1, lines: [expect.stringMatching(/no release/)] });
    expect(verdictOf(of([1]), undefined)).toMatchObject({
      code: 1,
      lines: [expect.stringMatching(/Nothing was measured/)],
    });
    expect(verdictOf(of([1]), results([]))).toMatchObject({ code: 1 });
    expect(verdictOf(of([]), of([1]))).toMatchObject({ code: 1 });
  });
});
