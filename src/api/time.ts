/** Vendor times as epoch milliseconds, in the forms that `timestamp.ts` understands. */
import { timestamp } from './timestamp.ts';

/** An earlier time is a sentinel, or comes from a clock that was never set. */
export const EARLIEST_MS = Date.UTC(1980, 0, 1);
/** The latest time that documents, queries and the state can all write. */
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const CODE_OF_T = 84;
const CODE_OF_ZERO = 48;
const CODE_OF_HYPHEN = 45;

/** Undefined for values that are no time, and for sentinels such as the year 1. Understands the same forms as the mappings. */
export function parseTimeMs(value: unknown): number | undefined {
  // The usual form:
  if (typeof value === 'string' && value.charCodeAt(10) === CODE_OF_T && value.endsWith('Z') && isDay(value)) {
    const ms = Date.parse(value);
    if (!Number.isNaN(ms)) return sensible(ms);
  }
  const time = timestamp(value);
  return time === undefined ? undefined : sensible(Date.parse(time));
}

const SHORT_MONTHS = new Set([4, 6, 9, 11]);

/** `Date.parse` takes February 30 for March 2. Text in another form passes: this checks the day of an ISO time only. */
function isDay(value: string): boolean {
  const day = (value.charCodeAt(8) - CODE_OF_ZERO) * 10 + value.charCodeAt(9) - CODE_OF_ZERO;
  if (!(day > 28) || value.charCodeAt(4) !== CODE_OF_HYPHEN) return true;
  const month = (value.charCodeAt(5) - CODE_OF_ZERO) * 10 + value.charCodeAt(6) - CODE_OF_ZERO;
  if (month !== 2) return day <= (SHORT_MONTHS.has(month) ? 30 : 31);
  return day === 29 && new Date(Date.UTC(Number(value.slice(0, 4)), 1, 29)).getUTCMonth() === 1;
}

function sensible(ms: number): number | undefined {
  return ms >= EARLIEST_MS && ms <= LATEST_MS ? Math.floor(ms) : undefined;
}

/** The range of all time. A request leaves out a bound that reaches one of these, so that a wrong clock hides no record. */
export const EVERYTHING = { fromMs: 0, toMs: Date.UTC(2100, 0, 1) } as const;
