import { fraction, mix, SALT } from './hash.ts';
import { firstIndex } from './search.ts';

/** The time of every generated detection; times never descend, so a time range is a range of serials. */
export interface Timeline {
  count: number;
  start: number;
  end: number;
  at(serial: number): number;
  /** The first serial whose time is at or after `time` (or after it, when `past` is set). */
  search(time: number, past: boolean): number;
}

const BURST_BLOCK = 512;
const COARSE_SLOT_MS = 600_000;

/** The first serial of the burst that a serial is in: endpoints that come back online report many detections at one time. One block in four has a burst. */
function burstStart(seed: number, serial: number): number | undefined {
  const block = Math.floor(serial / BURST_BLOCK);
  if ((block + mix(seed, 0, SALT.burst)) % 4 !== 0) return undefined;
  const draw = mix(seed, block, SALT.burst);
  const length = 20 + ((draw >>> 8) % 280);
  const first = block * BURST_BLOCK + ((draw >>> 17) % (BURST_BLOCK - length));
  return serial >= first && serial < first + length ? first : undefined;
}

/** Rounds the times of some slots to whole seconds, so that they can be written without fractional digits. */
function roundInCoarseSlot(seed: number, time: number): number {
  const coarse = mix(seed, Math.floor(time / COARSE_SLOT_MS), SALT.coarse) % 5 === 0;
  return coarse ? Math.floor(time / 1000) * 1000 : time;
}

export function createTimeline(seed: number, count: number, start: number, end: number): Timeline {
  const at = (serial: number): number => {
    if (serial >= count - 1) return end;
    const first = burstStart(seed, serial);
    const place = first ?? serial + fraction(seed, serial, SALT.jitter);
    return roundInCoarseSlot(seed, start + Math.floor((Math.min(place, count - 1) / count) * (end - start)));
  };
  const search = (time: number, past: boolean) =>
    firstIndex(count, (serial) => (past ? at(serial) > time : at(serial) >= time));
  return { count, start, end, at, search };
}

const TWO = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));
const DAY_MS = 86_400_000;

/** `YYYY-MM-DD` of a day since 1970, by arithmetic on the 400-year cycle of the calendar (counted from March). */
function dayText(day: number): string {
  const shiftedDay = day + 719_468;
  const era = Math.floor(shiftedDay / 146_097);
  const ofEra = shiftedDay - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  const month = march < 10 ? march + 3 : march - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${year}-${TWO[month]}-${TWO[ofYear - Math.floor((153 * march + 2) / 5) + 1]}`;
}

/** The same as `toISOString` without its Z, several times faster: a page of the list writes hundreds of times. */
export function isoText(time: number): string {
  const day = Math.floor(time / DAY_MS);
  const ms = time - day * DAY_MS;
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const rest = ms - seconds * 1000;
  const clock = `${TWO[Math.floor(minutes / 60)]}:${TWO[minutes % 60]}:${TWO[seconds % 60]}`;
  return `${dayText(day)}T${clock}.${Math.floor(rest / 100)}${TWO[rest % 100]}`;
}

/** The time that means "never" in a detection or artifact. */
export const NEVER = '0001-01-01T00:00:00';

function shifted(time: number, minutes: number, suffix: string): string {
  return isoText(time + minutes * 60_000) + suffix;
}

/**
 * A time in one of the forms seen in vendor replies, chosen by `draw`. `zoned` only uses forms that name their zone, for
 * members that public clients parse strictly. The written time always equals the time that filters compare, up to digits
 * below a millisecond.
 */
export function writeTime(time: number, draw: number, zoned: boolean): string {
  const iso = isoText(time);
  const percent = draw % 100;
  if (percent < 20 && time % 1000 === 0) return `${iso.slice(0, 19)}${zoned || percent < 14 ? 'Z' : ''}`;
  if (percent < 74 || (zoned && percent >= 95)) return `${iso}Z`;
  const below = String((draw >>> 8) % 10_000).padStart(4, '0');
  if (percent < 90) return `${iso}${below}Z`;
  if (percent < 93) return shifted(time, 330, '+05:30');
  if (percent < 95) return shifted(time, -480, '-08:00');
  return percent < 98 ? iso : `${iso}${below}`;
}

/** A time from a query: zone-less means UTC, as in the vendor's own replies. Undefined when it is no time. */
export function readTime(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text.trim());
  if (!match) return undefined;
  const [, day, clock = '00:00:00', zone = 'Z'] = match;
  const time = Date.parse(`${day}T${clock}${zone}`);
  return Number.isNaN(time) ? undefined : time;
}
