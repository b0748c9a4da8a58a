/**
 * Foreign text (of a vendor, a gateway, a sink or a file) as it is shown: whatever a terminal would obey, or an eye would
 * not see, is written out.
 *
 * Controls of both sets and escapes among them, what turns the direction of writing, what has no width, tags, separators
 * of lines, and halves of characters.
 */

const UNSEEN = String.raw`[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]`;
const ANY_UNSEEN = new RegExp(UNSEEN, 'gu');
/** Between its texts, JSON has line feeds of its own. Within them there are none, as `JSON.stringify` writes them out. */
const UNSEEN_IN_JSON = new RegExp(`(?!\n)${UNSEEN}`, 'gu');

/** What no message of our own comes near to. */
const LONGEST = 10_000;

/**
 * The text in one line, with what cannot be seen written out (`\n`, `\u001b`), and no longer than that. So many characters
 * were left out of it before.
 */
export function inert(text: string, longest = LONGEST, leftOut = 0): string {
  const isWhole = text.length <= longest;
  const shown = (isWhole ? text : beginningOf(text, longest)).replace(ANY_UNSEEN, written);
  return isWhole && leftOut === 0 ? shown : `${shown}${moreThan(longest, text.length + leftOut)}`;
}

/** The text as it is, but no longer than that. */
export function bounded(text: string, longest: number, leftOut = 0): string {
  const isWhole = text.length <= longest && leftOut === 0;
  return isWhole ? text : `${beginningOf(text, longest)}${moreThan(longest, text.length + leftOut)}`;
}

/** Without half of a character at its end. */
function beginningOf(text: string, length: number): string {
  return text.slice(0, /[\ud800-\udbff]/.test(text.charAt(length - 1)) ? length - 1 : length);
}

function moreThan(longest: number, length: number): string {
  return `… (${Math.max(0, length - longest).toLocaleString('en-US')} characters more)`;
}

/** The value as JSON, whose texts are the same to a program. */
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

/** A stack's lines: its message, whose own line feeds are none of them, and where it came from. */
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
/** The colours of logs, and the moves of the progress bar. */
const DRAWN = new RegExp(`(${ESCAPE}\\[(?:(?:3\\d|39|41|49|90)m|\\?(?:7|25)[hl]|\\d{1,4}[ABCDG]|0J|[012]K))`);

/** What our own code draws on a terminal, whose texts it has made inert before: nothing else passes. */
export function drawn(text: string): string {
  return text
    .split(DRAWN)
    .map((part, index) => (index % 2 === 1 ? part : part.split('\n').map(escaped).join('\n')))
    .join('');
}

function escaped(text: string): string {
  return text.replace(ANY_UNSEEN, written);
}
