/** How far the clock of this machine is from that of each source's vendor, by the `Date` of its replies. */
import type { CheckRow } from './row.ts';

export interface Dates {
  /** Takes the `Date` of a reply to a source. */
  heard(source: string, date: string | null): void;
  /** By how much our clock is ahead; undefined where no reply named a time. */
  aheadMs(source: string): number | undefined;
}

export function createDates(now: () => number): Dates {
  const ahead = new Map<string, number>();
  return {
    heard(source, date) {
      const saidMs = Date.parse(date ?? '');
      if (Number.isNaN(saidMs)) return;
      const byMs = now() - saidMs;
      const before = ahead.get(source);
      // A reply that took long makes us look ahead: the one that says least is the nearest to the truth.
      if (before === undefined || Math.abs(byMs) < Math.abs(before)) ahead.set(source, byMs);
    },
    aheadMs: (source) => ahead.get(source),
  };
}

/** The header has whole seconds, and replies take their time. */
const UNNOTICED_MS = 10_000;
/** Tokens that are made here live for minutes: a clock that is further off has them refused. */
const BEARABLE_MS = 60_000;

export function clockRows(part: string, aheadMs: number | undefined): CheckRow[] {
  if (aheadMs === undefined) return [];
  const what = 'clock';
  const byMs = Math.abs(aheadMs);
  if (byMs <= UNNOTICED_MS) return [{ part, what, ok: true, detail: "this machine's agrees with the vendor's" }];
  const by = byMs < 120_000 ? `${Math.round(byMs / 1000)} s` : `${Math.round(byMs / 60_000)} min`;
  const detail = `this machine's is ${by} ${aheadMs > 0 ? 'ahead of' : 'behind'} the vendor's`;
  const advice =
    'Set the clock (NTP): requests are signed with its time, and documents say by it when they were shipped.';
  return [{ part, what, ok: byMs <= BEARABLE_MS, isWarning: true, detail, advice }];
}
