/**
 * Vendors' times in all known forms: with and without a zone (then UTC is meant), with 0 to 9 digits below the second, as
 * `/Date(ms)/`, as epoch seconds. The digits that the vendor sent are kept, only the zone becomes `Z`. A text without a zone
 * is never given to `new Date`, which would read it in the machine's own zone.
 */

/** A time in any of the vendors' forms; undefined for "never" and for values that are no time. */
export function timestamp(value: unknown): string | undefined {
  if (typeof value === 'number') return fromEpoch(value);
  if (typeof value !== 'string') return undefined;
  const content = value.trim();
  if (content.charCodeAt(4) === DASH) return fromIso(content);
  if (content.startsWith('/Date(')) return fromDateText(content);
  const digits = digitsIn(content, 0);
  return digits === 9 || digits === 10 || digits === 13 ? fromEpoch(Number(content), content) : undefined;
}

const DASH = 45;
const COLON = 58;
const MAX_FRACTION = 9;
/** Vendors report nothing from before: earlier dates are misread counters or empty file times. */
const FIRST_YEAR = 1970;
const LAST_YEAR = 9999;

function digitsIn(content: string, from: number): number {
  let index = from;
  while (index < content.length) {
    const code = content.charCodeAt(index);
    if (code < 48 || code > 57) break;
    index++;
  }
  return index - from;
}

/** The two-digit number at `at`, or -1. */
function pair(content: string, at: number): number {
  const tens = content.charCodeAt(at) - 48;
  const ones = content.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1 || day > (DAYS[month - 1] as number)) return false;
  return month !== 2 || day < 29 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
}

function fromIso(content: string): string | undefined {
  const century = pair(content, 0);
  const rest = pair(content, 2);
  const year = century * 100 + rest;
  const month = pair(content, 5);
  const day = pair(content, 8);
  if (century < 0 || rest < 0 || year < FIRST_YEAR || content.charCodeAt(7) !== DASH || !isDay(year, month, day))
    return undefined;
  if (content.length === 10) return `${content}T00:00:00Z`;
  const separator = content.charCodeAt(10);
  if (separator !== 84 && separator !== 116 && separator !== 32) return undefined;
  const hour = pair(content, 11);
  const minute = pair(content, 14);
  if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || content.charCodeAt(13) !== COLON) return undefined;
  return withSeconds(content, separator === 84 && hour < 24);
}

/** The rest of an ISO text, whose first 16 characters are a valid day and minute. */
function withSeconds(content: string, plain: boolean): string | undefined {
  let at = 16;
  const seconds = content.charCodeAt(16) === COLON;
  if (seconds) {
    const second = pair(content, 17);
    if (second < 0 || second > 59) return undefined;
    at = 19;
  }
  const secondsEnd = at;
  let fraction = 0;
  const point = content.charCodeAt(at);
  if (seconds && (point === 46 || point === 44)) {
    fraction = digitsIn(content, at + 1);
    if (fraction === 0) return undefined;
    at += fraction + 1;
  }
  const offset = offsetMinutes(content, at);
  if (offset === undefined) return undefined;
  const usual = plain && seconds && fraction <= MAX_FRACTION && point !== 44;
  if (usual && offset === 0) {
    if (at === content.length) return `${content}Z`;
    return content.length === at + 1 && content.charCodeAt(at) === 90 ? content : `${content.slice(0, at)}Z`;
  }
  const day = content.slice(0, 10);
  const clock = seconds ? content.slice(11, 19) : `${content.slice(11, 16)}:00`;
  const digits =
    fraction === 0 ? '' : `.${content.slice(secondsEnd + 1, secondsEnd + 1 + Math.min(fraction, MAX_FRACTION))}`;
  if (clock.startsWith('24')) return /[1-9]/.test(digits) ? undefined : shifted(`${day}T${clock}`, offset, digits); // the day's end
  if (offset === 0) return `${day}T${clock}${digits}Z`;
  return shifted(`${day}T${clock}`, offset, digits);
}

/** Minutes east of Greenwich; no zone means UTC; undefined for text that is no zone. */
function offsetMinutes(content: string, at: number): number | undefined {
  if (at === content.length) return 0;
  const first = content.charCodeAt(at);
  const length = content.length - at;
  if (first === 90 || first === 122) return length === 1 ? 0 : undefined;
  if (first !== 43 && first !== DASH) return undefined;
  const hours = pair(content, at + 1);
  const colon = content.charCodeAt(at + 3) === COLON ? 1 : 0;
  const minutes = length === 3 ? 0 : pair(content, at + 3 + colon);
  if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return undefined;
  if (length !== 3 && length !== 5 + colon) return undefined;
  return (first === 43 ? 1 : -1) * (hours * 60 + minutes);
}

function shifted(wholeSeconds: string, offset: number, digits: string): string | undefined {
  return written(Date.parse(`${wholeSeconds}Z`) - offset * 60_000, digits);
}

/** Whole seconds, with the digits below the second that the vendor sent. */
function written(ms: number, digits: string): string | undefined {
  const time = new Date(ms);
  const year = time.getUTCFullYear();
  if (!(year >= FIRST_YEAR && year <= LAST_YEAR)) return undefined;
  return `${time.toISOString().slice(0, 19)}${digits}Z`;
}

/** Epoch seconds, or milliseconds where the number is too large for seconds. The decimals are taken from the text. */
function fromEpoch(value: number, asWritten = String(value)): string | undefined {
  if (!Number.isFinite(value) || value <= 0) return undefined;
  if (value >= 1e11) return Number.isInteger(value) ? fromMilliseconds(value) : undefined;
  const point = asWritten.indexOf('.');
  const whole = point < 0 ? asWritten.length : point;
  if (digitsIn(asWritten, 0) !== whole) return undefined;
  const decimals = point < 0 ? 0 : digitsIn(asWritten, point + 1);
  if (point >= 0 && point + 1 + decimals !== asWritten.length) return undefined;
  const digits = decimals === 0 ? '' : `.${asWritten.slice(point + 1, point + 1 + Math.min(decimals, MAX_FRACTION))}`;
  return written(Math.floor(value) * 1000, digits);
}

function fromMilliseconds(ms: number): string | undefined {
  return written(ms, `.${String(ms % 1000).padStart(3, '0')}`);
}

/** `/Date(1529031946123+0000)/`: milliseconds of UTC; the offset only says in which zone they were read. */
function fromDateText(content: string): string | undefined {
  const length = digitsIn(content, 6);
  if (length === 0 || length > 15) return undefined;
  const end = content.indexOf(')', 6 + length);
  if (end < 0 || end - 6 - length > 6) return undefined;
  return fromMilliseconds(Number(content.slice(6, 6 + length)));
}
