/** The range of time that a command is about. */
import { usageError } from '../../api/errors.ts';
import type { Range } from '../../api/walk.ts';
import { readTime, showTime } from '../../observe/show.ts';

/** From the values of `--from` and `--to`; without the latter, until now. */
export function readRange(from: string, to: string | undefined, nowMs: number): Range {
  return inOrder({ fromMs: readTime('--from', from, nowMs).ms, toMs: readTime('--to', to ?? 'now', nowMs).ms });
}

/** The range itself. Throws where it ends before it has begun. */
export function inOrder(range: Range): Range {
  const { fromMs, toMs } = range;
  if (fromMs < toMs) return range;
  throw usageError(
    `--from (${showTime(fromMs)}) is not before --to (${showTime(toMs)})`,
    'Swap them, or begin earlier.',
  );
}
