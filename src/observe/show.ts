/** Reads and shows times, durations and counts as people write them. */
import { usageError } from '../api/errors.ts';
import { EARLIEST_MS, EVERYTHING, parseTimeMs } from '../api/time.ts';

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const AGE = /^(\d+(?:\.\d+)?)([smhdw])$/;

export interface TimeArgument {
  ms: number;
  /** Set when the time was written as an age. */
  ageMs?: number;
}

/** An ISO time, a date (UTC), an age such as `30d`, or `now`. */
export function readTime(option: string, text: string, nowMs: number): TimeArgument {
  if (text === 'now') return { ms: nowMs, ageMs: 0 };
  const [, number, unit] = AGE.exec(text.trim()) ?? [];
  const ageMs = unit === undefined ? undefined : Number(number) * UNITS[unit as keyof typeof UNITS];
  const ms = ageMs === undefined ? parseTimeMs(text) : Math.floor(nowMs - ageMs);
  const shown = `${option} ${JSON.stringify(text)}`;
  if (ms === undefined) throw usageError(`${shown} is no time`, FORMS);
  if (ms < EARLIEST_MS || ms > EVERYTHING.toMs) throw usageError(`${shown} is beyond what is read`, FORMS);
  return { ms, ageMs };
}

/** How long: `30m`, `2h`, `1d`. */
export function readAge(option: string, text: string): number {
  const [, number, unit] = AGE.exec(text.trim()) ?? [];
  const ms = unit === undefined ? 0 : Math.round(Number(number) * UNITS[unit as keyof typeof UNITS]);
  if (ms > 0 && ms < EVERYTHING.toMs - Date.UTC(2030, 0, 1)) return ms;
  throw usageError(`${option} ${JSON.stringify(text)} is no span of time`, 'Write 30m, 2h or 1d.');
}

const FORMS =
  'Write an ISO time (2026-01-31T08:00:00Z), a date (2026-01-31, UTC) or an age (24h, 30d), from 1980 on and before 2100.';

/** `2026-01-31 08:00:00Z`: ISO, but readable. */
export function showTime(ms: number): string {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return '-';
  return new Date(ms)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}

/** `850 ms`, `12.3 s`, `4 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function showDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `10,000`. */
export function showCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 window`, `2 windows`. */
export function plural(count: number, word: string): string {
  return `${showCount(count)} ${word}${count === 1 ? '' : 's'}`;
}

const BYTES = ['B', 'KB', 'MB', 'GB', 'TB'];

/** `850 B`, `12.3 MB`: powers of 1000. */
export function showBytes(bytes: number): string {
  const power = Math.min(BYTES.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${BYTES[power]}`;
}
