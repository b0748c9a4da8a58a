/**
 * Parses JSON with numbers that JavaScript cannot keep, and with members whose order matters.
 *
 * `JSON.parse` rounds long numbers, and puts names that look like integers first. Both are avoided here, at a cost for
 * replies that hold such numbers or names only.
 */

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const IS_INTEGER_NAME = /^(?:0|[1-9]\d{0,9})$/;
/** The name of a member that looks like an integer. */
const HAS_INTEGER_NAME = /"\d{1,10}"\s*:/;

/** Only such an exponent makes a short number too large or too small. A match within a string costs time only. */
const HAS_LONG_EXPONENT = /\d[eE][+-]?\d{3,}(?:[,\]}\s]|$)/;

/**
 * `JSON.parse`, but a number that JavaScript cannot keep becomes its digits as text (`18446744073709551615`,
 * `0.12345678901234567890`, `1e400`). Throws like `JSON.parse`. Depth costs no stack.
 */
export function parseExact(text: string): unknown {
  if (hasLongNumber(text)) return parseUnusual(text, false);
  const value: unknown = JSON.parse(text);
  return holdsExtreme(value, 0) && HAS_LONG_EXPONENT.test(text) ? parseUnusual(text, false) : value;
}

/** Like `parseExact`, and `memberOrder` returns the order of members in the text. */
export function parseInOrder(text: string): unknown {
  return HAS_INTEGER_NAME.test(text) ? parseUnusual(text, true) : parseExact(text);
}

const SMALLEST_NORMAL = 2 ** -1022;
/** Deeper values are not inspected: the text is searched instead. */
const MAX_DEPTH = 100;

/** Whether a number is infinite, zero or subnormal, as numbers out of range become. Looking at values is cheaper than searching the text. */
function holdsExtreme(value: unknown, depth: number): boolean {
  if (typeof value === 'number') {
    const size = Math.abs(value);
    return !(size >= SMALLEST_NORMAL && size <= Number.MAX_VALUE);
  }
  if (typeof value !== 'object' || value === null) return false;
  if (depth > MAX_DEPTH) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (holdsExtreme(item, depth + 1)) return true;
    return false;
  }
  for (const member in value) {
    const content = (value as Record<string, unknown>)[member];
    if (typeof content !== 'string' && holdsExtreme(content, depth + 1)) return true; // most are texts: no call for them
  }
  return false;
}

/** JavaScript keeps shorter numbers exactly, unless they have an exponent. */
const LONG = 16;

/**
 * Whether the text holds a long number of digits and a point. Every reply is checked, so only each sixteenth character is
 * looked at: no long number fits between two of them.
 */
function hasLongNumber(text: string): boolean {
  for (let at = LONG - 1; at < text.length; at += LONG) {
    if (!isOfNumber(text.charCodeAt(at))) continue;
    let start = at;
    while (start > 0 && isOfNumber(text.charCodeAt(start - 1))) start--;
    while (isOfNumber(text.charCodeAt(at))) at++;
    if (at - start < LONG) continue;
    if (text.charCodeAt(start - 1) === MINUS) start--;
    if (start === 0 || VALUE_FOLLOWS.has(text.charCodeAt(start - 1))) return true;
  }
  return false;
}

const MINUS = 45;
const VALUE_FOLLOWS = new Set([...':,[ \n\r\t'].map((one) => one.charCodeAt(0)));

function isOfNumber(code: number): boolean {
  return code <= 57 && code >= 46 && code !== 47;
}

/** The number of a JSON literal if JavaScript keeps its value, else the literal as text. */
export function exactNumber(literal: string): number | string {
  const number = Number(literal);
  return isExact(literal, number) ? number : literal;
}

function isExact(literal: string, number: number): boolean {
  if (literal.length < 16 && !/e/i.test(literal)) return true;
  if (/^-?\d+$/.test(literal)) return Number.isSafeInteger(number); // beyond, neighbours would be one
  return Number.isFinite(number) && plain(literal) === plain(String(number));
}

/** Sign, significant digits and the position of the point: equal for equal values. */
function plain(literal: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return kept === '' ? '0' : `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

/** Puts numbers that JavaScript cannot keep into quotes and, if the order matters, marks names that look like integers. */
function parseUnusual(text: string, ordered: boolean): unknown {
  let mark = '\u0000';
  while (text.includes(mark) || text.includes(JSON.stringify(mark).slice(1, -1))) mark += '\u0001';
  const written = JSON.stringify(mark).slice(1, -1);
  const parts: string[] = [];
  let isMarked = false;
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    parts.push(text.slice(at, quote < 0 ? text.length : quote).replace(NUMBER, quoted));
    if (quote < 0) break;
    const end = endOfString(text, quote);
    const string = text.slice(quote, end);
    const isOrdered = ordered && IS_INTEGER_NAME.test(string.slice(1, -1)) && isName(text, end);
    parts.push(isOrdered ? `"${written}${string.slice(1)}` : string);
    isMarked ||= isOrdered;
    at = end;
  }
  const value: unknown = JSON.parse(parts.join(''));
  return isMarked ? inOrder(value, mark) : value;
}

function quoted(literal: string): string {
  return typeof exactNumber(literal) === 'string' ? `"${literal}"` : literal;
}

/** The position behind the closing quote; the end of the text if there is none. */
function endOfString(text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === 92) slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
}

function isName(text: string, end: number): boolean {
  let at = end;
  while (text.charCodeAt(at) <= 32) at++;
  return text[at] === ':';
}

const orders = new WeakMap<object, readonly string[]>();

/** The names of an object's members in the order of the text that it was parsed from. */
export function memberOrder(value: object): readonly string[] {
  return orders.get(value) ?? Object.keys(value);
}

/** Gives a copy, whole or in part, the member order of the original. */
export function keepOrder<T extends object>(from: object, to: T): T {
  const order = orders.get(from);
  if (order !== undefined)
    orders.set(
      to,
      order.filter((name) => Object.hasOwn(to, name)),
    );
  return to;
}

/** Removes the marks, and remembers the order. Without recursion, since replies may be nested deeply. */
function inOrder(root: unknown, mark: string): unknown {
  const holder = [root];
  const open: object[] = [holder];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const place = at as Record<string, unknown>;
    for (const name of Object.keys(place)) {
      const content = place[name];
      if (typeof content !== 'object' || content === null) continue;
      const whole = Array.isArray(content) ? content : unmarked(content, mark);
      if (whole !== content) setMember(place, name, whole);
      open.push(whole);
    }
  }
  return holder[0];
}

function unmarked(value: object, mark: string): object {
  const names = Object.keys(value);
  if (!names.some((name) => name.startsWith(mark))) return value;
  const bare = (name: string) => (name.startsWith(mark) ? name.slice(mark.length) : name);
  const result: object = Object.fromEntries(Object.entries(value).map(([name, content]) => [bare(name), content]));
  orders.set(result, [...new Set(names.map(bare))]);
  return result;
}

/** A member may be called `__proto__`. */
function setMember(place: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(place, name, { value, writable: true, enumerable: true, configurable: true });
}
