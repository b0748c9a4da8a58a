/** What the nightly script says, and its exit code. */
import { compareResults } from './regression.ts';
import type { Results } from './results.ts';

export interface Verdict {
  lines: string[];
  code: number;
}

export function verdictOf(released: Results | undefined, now: Results | undefined): Verdict {
  if (now === undefined) return failure('Nothing was measured yet: run `npm run bench` first.');
  if (released === undefined)
    return failure(
      'There is no release to compare with: `npm run bench:nightly -- --release` makes one of what was measured last.',
    );
  const { worse, compared, missing } = compareResults(released, now);
  if (compared === 0) return failure('No figure could be compared with the last release.', ...missing);
  if (worse.length > 0) return failure(...worse, ...missing);
  return { lines: [...missing, `None of ${compared} figures got worse beyond the noise.`], code: 0 };
}

function failure(...lines: string[]): Verdict {
  return { lines, code: 1 };
}
