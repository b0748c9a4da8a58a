/** Everything of a pipeline that is not proven to be delivered, in words. */
import type { Range } from '../../api/walk.ts';
import { attempt } from '../../engine/change/compare.ts';
import { openParts } from '../../engine/completeness/open-parts.ts';
import { plural, showDuration, showTime } from '../../observe/show.ts';
import type { Chosen } from './choice.ts';

export interface OpenEnd {
  pipeline: string;
  kind: 'never' | 'unsettled' | 'unreadable' | 'owed' | 'given up' | 'child';
  range: Range;
  /** Of a record or child. */
  key?: string;
  why: string;
}

/** More of a kind are counted, and not named. */
const MOST_NAMED = 10_000;

/** The time that the next poll reads anyway is no gap: two polls, and a little for their reading. */
export function graceOf({ plan }: Chosen): number {
  return 2 * plan.source.reading.pollMs + 30_000;
}

/** `graceMs`: the time up to now that the next poll reads anyway is no gap. */
export function openEndsOf(chosen: Chosen, range: Range, nowMs: number, graceMs: number): OpenEnd[] {
  const { name: pipeline, state, plan } = chosen;
  const { stream } = plan.registered;
  const toMs = Math.max(range.fromMs, Math.min(range.toMs, nowMs - graceMs));
  const parts = openParts({ state, registered: plan.registered }, { fromMs: range.fromMs, toMs });
  const ranges = parts.map(({ kind, range: part, gap }): OpenEnd => {
    const never = `never read to an end (${showDuration(part.toMs - part.fromMs)})`;
    const tries = gap === undefined || gap.attempts === 0 ? '' : `; read again ${plural(gap.attempts, 'time')}`;
    return { pipeline, kind, range: part, why: gap === undefined ? never : `${gap.reason}${tries}` };
  });
  const at = (ms: number | null | undefined, sinceMs: number): Range => {
    const fromMs = typeof ms === 'number' ? ms : sinceMs;
    return { fromMs, toMs: fromMs };
  };
  const isMeant = ({ range: { fromMs } }: OpenEnd) => fromMs >= range.fromMs && fromMs < range.toMs;
  const owed = state.allOwed(MOST_NAMED).map(({ key, record, sinceMs, attempts }): OpenEnd => {
    const why = `its detail could not be had since ${showTime(sinceMs)} (${plural(attempts, 'attempt')}); it is not shipped yet`;
    return {
      pipeline,
      kind: 'owed',
      key,
      range: at(
        attempt(() => stream.timeMs(record)),
        sinceMs,
      ),
      why,
    };
  });
  const bare = state.incomplete(MOST_NAMED).map(({ key, timeMs, sinceMs }): OpenEnd => {
    const why = `shipped without its detail ${showTime(sinceMs)}, which could not be had since`;
    return { pipeline, kind: 'given up', key, range: at(timeMs, sinceMs), why };
  });
  const children = state.openChildren().filter(({ failures }) => failures > 0);
  const unread = children.map(({ child, sinceMs, failures }): OpenEnd => {
    const why = `its list could not be read (${plural(failures, 'attempt')})`;
    return { pipeline, kind: 'child', key: child, range: at(undefined, sinceMs), why };
  });
  return [...ranges, ...[...owed, ...bare, ...unread].filter(isMeant)];
}

const WIDTH = 60;

/** The range as a line: `=` was read, `.` never, `?` did not settle or could not be read, `!` has a record that lacks something. */
export function barOf(range: Range, ends: readonly OpenEnd[], width = WIDTH): string {
  const span = Math.max(1, range.toMs - range.fromMs);
  const cells = Array.from({ length: width }, () => '=');
  const mark = ({ range: part }: OpenEnd, sign: string) => {
    const first = Math.floor(((part.fromMs - range.fromMs) / span) * width);
    const end = Math.ceil(((part.toMs - range.fromMs) / span) * width);
    for (let at = Math.max(0, first); at < Math.min(width, Math.max(end, first + 1)); at++) cells[at] = sign;
  };
  for (const end of ends) if (end.kind === 'never') mark(end, '.');
  for (const end of ends) if (end.kind === 'unsettled' || end.kind === 'unreadable') mark(end, '?');
  for (const end of ends) if (end.key !== undefined) mark(end, '!');
  return cells.join('');
}
