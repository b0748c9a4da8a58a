/** Which part of each of the last days was read to its end: was last Tuesday there? */
import { without } from '../../engine/completeness/open-parts.ts';
import type { PipelineState } from '../../state/store.ts';
import type { DayRead } from './model.ts';

const DAY_MS = 86_400_000;
/** Today and the seven days before it. */
export const DAYS = 8;

/** `graceMs`: the time up to now that the next poll reads anyway. Days begin at midnight UTC; today comes first. */
export function daysRead(state: Pick<PipelineState, 'covered' | 'gaps'>, nowMs: number, graceMs: number): DayRead[] {
  const covered = state.covered();
  const gaps = state.gaps();
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
  return Array.from({ length: DAYS }, (_, ago) => {
    const fromMs = today - ago * DAY_MS;
    const toMs = Math.min(fromMs + DAY_MS, Math.max(fromMs, nowMs - graceMs));
    const missingMs = without({ fromMs, toMs }, covered).reduce((sum, part) => sum + part.toMs - part.fromMs, 0);
    return {
      day: new Date(fromMs).toISOString().slice(0, 10),
      read: toMs === fromMs ? 1 : 1 - missingMs / (toMs - fromMs),
      gaps: gaps.filter(({ range }) => range.fromMs < fromMs + DAY_MS && range.toMs > fromMs).length,
    };
  });
}
