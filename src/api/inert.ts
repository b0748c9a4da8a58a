/**
 * Makes foreign text (of a vendor, a gateway, a sink or a file) safe to show: control characters, escapes, changes of
 * direction, characters without width, tags, line separators and lone surrogates are written out.
 */

const UNSEEN = String.raw`[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]`;
const ANY_UNSEEN = new RegExp(UNSEEN, 'gu');
/** Line feeds stay: `JSON.stringify` escapes those within strings, so only those of the layout are left. */
const UNSEEN_IN_JSON = new RegExp(`(?!\n)${UNSEEN}`, 'gu');

/** Much longer than any message of Sluice. */
const LONGEST = 10_000;

/**
 * The text in one line of at most `longest` characters, with invisible characters written out (`\n`, `\u001b`). `leftOut`
 * is the number of characters that the caller has cut off already.
 */
export function inert(text: string, longest = LONGEST, leftOut = 0): string {
  const isWhole = text.length <= longest;
  const shown = (isWhole ? text : beginningOf(text, longest)).replace(ANY_UNSEEN, written);
  return isWhole && leftOut === 0 ? shown : `${shown}${moreThan(longest, text.length + leftOut)}`;
}

/** The text unchanged, cut to at most `longest` characters. */
export function bounded(text: string, longest: number, leftOut = 0): string {
  const isWhole = text.length <= longest && leftOut === 0;
  return isWhole ? text : `${beginningOf(text, longest)}${moreThan(longest, text.length + leftOut)}`;
}

/** Does not cut a surrogate pair in half. */
function beginningOf(text: string, length: number): string {
  return text.slice(0, /[\ud800-\udbff]/.test(text.charAt(length - 1)) ? length - 1 : length);
}

function moreThan(longest: number, length: number): string {
  return `… (${Math.max(0, length - longest).toLocaleString('en-US')} characters more)`;
}

/** The value as JSON with invisible characters escaped: a program parses the same value. */
export function inertJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(UNSEEN_IN_JSON, (character) =>
    [...new Array(character.length).keys()].map((at) => unit(character.charCodeAt(at))).join(''),
  );
}

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function written(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return NAMED[character] ?? (code > 0xffff ? `\\u{${code.toString(16)}}` : unit(code));
}

function unit(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

const FRAME = /^(?: {2,}at |caused by: )/;
const MOST_FRAMES = 100;

/** The lines of a stack: the message as one line, whatever line feeds it holds, and one line for each frame. */
export function stackLines(stack: string): string[] {
  const lines: string[] = [];
  for (const line of stack.split('\n')) {
    if (lines.length === 0 || FRAME.test(line)) lines.push(line);
    else lines.push(`${lines.pop()}\n${line}`);
    if (lines.length > MOST_FRAMES) break;
  }
  return lines;
}

const ESCAPE = String.fromCharCode(27);
/** The escape sequences that set the colours of logs and draw the progress bar. */
const DRAWN = new RegExp(`(${ESCAPE}\\[(?:(?:3\\d|39|41|49|90)m|\\?(?:7|25)[hl]|\\d{1,4}[ABCDG]|0J|[012]K))`);

/** Output for a terminal: escape sequences that Sluice uses for drawing stay, all others are written out. */
export function drawn(text: string): string {
  return text
    .split(DRAWN)
    .map((part, index) => (index % 2 === 1 ? part : part.split('\n').map(escaped).join('\n')))
    .join('');
}

function escaped(text: string): string {
  return text.replace(ANY_UNSEEN, written);
}
