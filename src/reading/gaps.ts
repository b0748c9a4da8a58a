/** Gaps: logged, stored with the cursor that passes them, and read again at rising intervals. */

import type { StreamContext } from '../api/stream.ts';
import type { Accepted, Gap, Page, Range } from '../api/walk.ts';

const FIRST_PAUSE_MS = 300_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;
const HOUR_MS = 3_600_000;

/** Gaps that begin within the same hour share an id: else each poll of the newest records would leave another gap. */
export function gapIdOf(range: Range): string {
  return `from-${Math.floor(range.fromMs / HOUR_MS)}`;
}

/** The gap of a window or list where records are missing, else the end of an earlier gap. Part of the last page. */
export function gapsOf(
  context: StreamContext,
  id: string,
  { range, settled, distinct, total }: Accepted,
  unreadable: readonly number[],
): Pick<Page, 'gaps' | 'closedGaps'> {
  if (unreadable.length > 0) {
    const places = unreadable
      .slice(0, 20)
      .map((position) => position + 1)
      .join(', ');
    const reason = `the vendor cannot answer with ${unreadable.length} of its records (place ${places})`;
    context.log.warn(`skipped, and asked for again later: ${reason}, from ${new Date(range.fromMs).toISOString()} on`);
    return { gaps: [gap(context, { id, kind: 'unreadable', range, reason })] };
  }
  if (!settled) {
    const seen = `${distinct} different records were seen, the vendor counts ${total}`;
    const reason = `it kept changing while it was read: ${seen}`;
    return { gaps: [gap(context, { id, kind: 'unsettled', range, reason })] };
  }
  return id === gapIdOf(range) ? {} : { closedGaps: [id] };
}

function gap(context: StreamContext, facts: Pick<Gap, 'id' | 'kind' | 'range' | 'reason'>): Gap {
  const nowMs = context.now();
  return { ...facts, place: null, sinceMs: nowMs, nextAtMs: nowMs + FIRST_PAUSE_MS, attempts: 0 };
}

/** Whether one range lies within the other. */
export function isWithin(one: Range, other: Range): boolean {
  return one.fromMs >= other.fromMs && one.toMs <= other.toMs;
}

/** Whether a gap is to be read again. A pause longer than the longest one was set by a wrong clock, and counts as over. */
export function isGapDue(nextAtMs: number, nowMs: number): boolean {
  return nextAtMs <= nowMs || nextAtMs > nowMs + LONGEST_PAUSE_MS;
}

/** The result of reading a gap again: it is closed, or put off for longer. */
export function afterLook(found: Gap, isWhole: boolean, nowMs: number): Pick<Page, 'gaps' | 'closedGaps'> {
  if (isWhole) return { closedGaps: [found.id] };
  const attempts = found.attempts + 1;
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempts, 10));
  return { gaps: [{ ...found, attempts, nextAtMs: nowMs + pauseMs }] };
}
