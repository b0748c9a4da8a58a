/** What got worse since a release, as far as two benchmarks on noisy machines can tell. */
import { type Figure, type Results, spreadOf } from './results.ts';

/**
 * Two conditions, and both have to hold. The ranges must not overlap: then no pair of rounds says that nothing changed. And the
 * medians must differ by more than this: with few rounds a range is narrow by luck, and ratios move by some per cent from one
 * processor to the next.
 */
const MOST_NOISE = 0.1;

export interface Comparison {
  /** A sentence for each figure that got worse. */
  worse: string[];
  /** Figures that were compared. */
  compared: number;
  /** Sentences about figures of the release that were not measured now, or cannot be compared. */
  missing: string[];
}

/** Only figures that say the same on another machine are looked at: ratios to the floors, not times. */
export function compareResults(released: Results, now: Results): Comparison {
  const found: Comparison = { worse: [], compared: 0, missing: [] };
  for (const section of released.sections) {
    const current = now.sections.find(({ id }) => id === section.id);
    for (const before of section.figures.filter(({ lasting }) => lasting)) {
      const after = current?.figures.find(({ says }) => says === before.says);
      const name = `${section.title}: ${before.says}`;
      if (after === undefined || after.values.length === 0) found.missing.push(`${name}: was not measured now.`);
      else if (before.values.length === 0) found.missing.push(`${name}: the release has no value of it.`);
      else {
        found.compared++;
        const words = worsening(before, after);
        if (words !== undefined) found.worse.push(`${name} ${words}`);
      }
    }
  }
  return found;
}

function worsening(before: Figure, after: Figure): string | undefined {
  const { better, digits, unit = '' } = after;
  const [was, is] = [spreadOf(before.values), spreadOf(after.values)];
  const isApart = better === 'less' ? is.min > was.max : is.max < was.min;
  const change = better === 'less' ? is.median / was.median - 1 : was.median / is.median - 1;
  if (!isApart || !(change > MOST_NOISE)) return undefined;
  const say = ({ min, median, max }: typeof was) =>
    `${median.toFixed(digits)}${unit} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
  const percent = Math.round(change * 100);
  return `is ${percent} % worse than at the last release: ${say(is)} now, ${say(was)} then; no round of now reaches any of then, and ${better === 'less' ? 'less' : 'more'} is better.`;
}
