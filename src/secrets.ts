/**
 * Removes what opens doors from a vendor's record, before anything is made of it: the document, `event.original`,
 * rejections, samples and fixtures all come from what this returns.
 *
 * Every list record passes here, so the common case (nothing to remove) allocates nothing: the record itself is
 * returned, and a string meets the expensive patterns only when a cheap test says that it may hold a secret. Where a
 * value cannot be told from a secret, it is removed: a lost argument is a nuisance, a leaked password is not.
 */
import { keepOrder, parseExact } from './json.ts';
import { foldedName } from './members.ts';

/** What stands where a secret stood. */
export const REMOVED = '[removed]';

/** Records nested deeper than this are not real; what lies below is removed, so that no record can exhaust the stack. */
const MAX_DEPTH = 200;
/** Spellings of member names that are remembered; a record with endless different names must not fill the memory. */
const MAX_SPELLINGS = 5000;

/** Members that open doors at every vendor. A stream names more of its own. */
export const ALWAYS_SECRET: readonly string[] = ['password', 'download_url'];

interface Names {
  folded: ReadonlySet<string>;
  /** Every spelling met so far, and whether it is one of the listed names. */
  spellings: Map<string, boolean>;
  /** Texts that hold no secret, though they look as if they might. */
  clean: Set<string>;
}

const known = new WeakMap<readonly string[], Names>();

function namesOf(secretMembers: readonly string[]): Names {
  let names = known.get(secretMembers);
  if (names === undefined) {
    const folded = new Set([...ALWAYS_SECRET, ...secretMembers].map(foldedName));
    names = { folded, spellings: new Map(), clean: new Set() };
    known.set(secretMembers, names);
  }
  return names;
}

function isSecretMember(names: Names, member: string): boolean {
  let secret = names.spellings.get(member);
  if (secret === undefined) {
    secret = names.folded.has(foldedName(member));
    if (names.spellings.size < MAX_SPELLINGS) names.spellings.set(member, secret);
  }
  return secret;
}

/**
 * The record without the listed members and those of `ALWAYS_SECRET` (any spelling counts, at any depth) and
 * without credentials in its texts. The record itself is never changed; it is returned as it is when there was nothing
 * to remove.
 */
export function withoutSecrets<T>(record: T, secretMembers: readonly string[]): T {
  return cleaned(record, namesOf(secretMembers), 0) as T;
}

function cleaned(value: unknown, names: Names, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value, names);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return REMOVED;
  return Array.isArray(value) ? cleanArray(value, names, depth) : cleanObject(value, names, depth);
}

function cleanObject(value: object, names: Names, depth: number): object {
  const record = value as Record<string, unknown>;
  for (const member in record) {
    const content = record[member];
    if (isSecretMember(names, member)) return rest(record, member, REMOVED, names, depth);
    // Most members are short texts, numbers or empty: they are not worth a call.
    if (typeof content === 'string' ? content.length < 6 : typeof content !== 'object' || content === null) continue;
    const clean = cleaned(content, names, depth + 1);
    if (clean !== content) return rest(record, member, clean, names, depth);
  }
  return value;
}

/** A copy of a record whose members before `dirty` need no change, and whose `dirty` member is `clean`. */
function rest(record: Record<string, unknown>, dirty: string, clean: unknown, names: Names, depth: number): object {
  const kept: [string, unknown][] = [];
  let found = false;
  for (const member of Object.keys(record)) {
    if (found) {
      if (!isSecretMember(names, member)) kept.push([member, cleaned(record[member], names, depth + 1)]);
    } else if (member !== dirty) kept.push([member, record[member]]);
    else {
      found = true;
      if (!isSecretMember(names, member)) kept.push([member, clean]);
    }
  }
  return keepOrder(record, Object.fromEntries(kept));
}

/** Arguments may come as a list, with a switch in one element and its secret in the next. */
function cleanArray(value: unknown[], names: Names, depth: number): unknown[] {
  let result = value;
  for (let index = 0; index < value.length; index++) {
    const item = value[index];
    const afterSwitch = index > 0 && typeof item === 'string' && isLoneSwitch(value[index - 1]);
    const clean = afterSwitch ? REMOVED : cleaned(item, names, depth + 1);
    if (clean === item) continue;
    if (result === value) result = value.slice();
    result[index] = clean;
  }
  return result;
}

const LONE_SWITCH =
  /^(?:--?|\/)(?:p|pw|pass|passwd|password|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|rp)$/i;

function isLoneSwitch(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > 24) return false;
  const first = value.charCodeAt(0);
  return (first === 45 || first === 47) && LONE_SWITCH.test(value);
}

/**
 * No pattern below can match without one of these characters, and most values have none of them: a blank, a quote, `=`
 * (not the padding of base64), `@`, or a colon that is not part of a time or of a drive's letter.
 */
function mayHold(text: string): boolean {
  const { length } = text;
  if (length < 6) return false;
  const first = text.charCodeAt(0);
  if (first === 101 && text.startsWith('eyJ')) return true;
  const isTime = first >= 48 && first <= 57;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 64) continue;
    if (code === 32 || code === 34 || code === 64 || (code < 32 && code > 8)) return true;
    if (code === 61 && index < length - 2) return true;
    if (code === 58 && index > 3 && !isTime) return true;
  }
  return false;
}

/** Descriptions and names recur in record after record: those that were found clean need no second look. */
const MAX_CLEAN_TEXTS = 5000;
const MAX_REMEMBERED_LENGTH = 200;

function cleanText(text: string, names: Names): string {
  if (!mayHold(text) || names.clean.has(text)) return text;
  const result = cleanedOrRemoved(text, names);
  if (result === text && text.length <= MAX_REMEMBERED_LENGTH && names.clean.size < MAX_CLEAN_TEXTS)
    names.clean.add(text);
  return result;
}

/** A text that the patterns cannot get through might hold anything. */
function cleanedOrRemoved(text: string, names: Names): string {
  try {
    return cleanedText(text, names);
  } catch {
    return REMOVED;
  }
}

function cleanedText(text: string, names: Names): string {
  const lower = text.toLowerCase();
  const inner = embeddedJson(text, names);
  if (inner !== undefined) return inner;
  const word = WORDS.some((one) => lower.includes(one));
  const dash = lower.includes('-');
  const slash = lower.includes('/');
  if (!word && !dash && !slash && !lower.includes('net')) return text;
  let clean = text;
  for (const { when, pattern, replacement } of PATTERNS) {
    if (when(lower, word, dash || slash)) clean = clean.replace(pattern, replacement);
  }
  return clean;
}

/** Vendors put JSON into strings; its members are judged by name as well. */
function embeddedJson(text: string, names: Names): string | undefined {
  const first = text.trimStart().charCodeAt(0);
  if (first !== 123 && first !== 91) return undefined;
  const folded = foldedName(text);
  let named = false;
  for (const name of names.folded) named ||= folded.includes(name);
  if (!named) return undefined;
  try {
    const value = parseExact(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const clean = cleaned(value, names, 1);
    return clean === value ? text : JSON.stringify(clean);
  } catch {
    return undefined;
  }
}

/** A value after a switch or a sign of equality: quoted (also with escaped quotes, also left open) or up to a blank. */
const VALUE = String.raw`(?:\\"[^\\]*(?:\\(?!")[^\\]*)*(?:\\"|$)|"[^"]*(?:"|$)|'[^']*(?:'|$)|[^\s"'&;<>]+)`;
/** The same where `&` and `;` belong to the value: arguments of a command line. */
const ARGUMENT = String.raw`(?:\\"[^\\]*(?:\\(?!")[^\\]*)*(?:\\"|$)|"[^"]*(?:"|$)|'[^']*(?:'|$)|[^\s"']+)`;
const PASSWORD = 'passw(?:or)?d|passphrase|pwd';
const KEY = 'secret|token|api[-_]?key|access[-_]?key|accountkey|private[-_]?key|credentials?|signature|\\bsig';

/** One of these is in most of what is looked for. */
const WORDS = ['pass', 'pwd', 'secret', 'token', 'key', 'sig', 'credential', 'auth', 'bearer', 'basic ', 'eyj'];

interface Pattern {
  /** Whether the text (in lower case) can match at all; `word`: it has one of WORDS; `switches`: a dash or a slash. */
  when: (lower: string, word: boolean, switches: boolean) => boolean;
  pattern: RegExp;
  replacement: string;
}

const PATTERNS: readonly Pattern[] = [
  {
    when: (lower, word) => word && lower.includes('private key'),
    pattern: /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:(?!-----END)[\s\S])*/g,
    replacement: REMOVED,
  },
  // https://user:secret@host, also where the secret holds an unescaped slash (but not a port followed by a path)
  {
    when: (lower) => lower.includes('://') && lower.includes('@'),
    pattern: /(:\/\/)[^\s/"'<>]{0,2048}@/g,
    replacement: `$1${REMOVED}@`,
  },
  {
    when: (lower) => lower.includes('://') && lower.includes('@'),
    pattern: /(:\/\/)[^\s/:"'<>]{1,256}:(?!\d{1,5}\/)[^\s"'<>@]{1,2048}@/g,
    replacement: `$1${REMOVED}@`,
  },
  // Authorization headers, and bearer tokens wherever they stand
  {
    when: (lower, word) => word && lower.includes('authori'),
    pattern:
      /(authori[sz]ation\\?["']?\s{0,8}[:=]\s{0,8}\\?["']?)(?:(?:bearer|basic|token|digest|negotiate|apikey)\s+)?[^\s"',;]+/gi,
    replacement: `$1${REMOVED}`,
  },
  {
    when: (lower, word) => word && lower.includes('bearer'),
    pattern: /\b(bearer\s{1,8}\\?["']?)(?!token\b)[\w.~+/=-]{6,}/gi,
    replacement: `$1${REMOVED}`,
  },
  {
    when: (lower, word) => word && lower.includes('basic '),
    pattern: /\b(basic\s{1,8})[A-Za-z0-9+/]{12,}={0,2}(?![\w-])/gi,
    replacement: `$1${REMOVED}`,
  },
  {
    when: (lower, word) => word && lower.includes('eyj'),
    pattern: /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g,
    replacement: REMOVED,
  },
  // --password X, -password:X, /password=X
  {
    when: (_lower, word, switches) => word && switches,
    pattern: new RegExp(
      `((?:^|[\\s"'])(?:--?|/)[\\w-]{0,32}?(?:${PASSWORD}|pass|secret|token|api[-_]?key|access[-_]?key)(?:\\s+|=|:)\\s{0,8})${ARGUMENT}`,
      'gi',
    ),
    replacement: `$1${REMOVED}`,
  },
  // -pw X, /p:X, /rp X
  {
    when: (lower, _word, switches) =>
      switches && (lower.includes('-pw') || lower.includes('/p') || lower.includes('/rp')),
    pattern: new RegExp(`((?:^|[\\s"'])(?:-pw\\s+|/(?:p|pw|rp):|/rp\\s+))${ARGUMENT}`, 'gi'),
    replacement: `$1${REMOVED}`,
  },
  // -p X, unless X is a port, a list of ports, another switch or a path
  {
    when: (lower, _word, switches) => switches && lower.includes('-p'),
    pattern: new RegExp(
      `((?:^|[\\s"'])-p(?:\\s+|=))(?!\\d{1,5}(?:[-,:]\\d{1,5})*(?:\\s|$)|[-/.~]|[A-Za-z]:\\\\)${ARGUMENT}`,
      'g',
    ),
    replacement: `$1${REMOVED}`,
  },
  // -pX of the programs that write it so
  {
    when: (lower, _word, switches) => switches && lower.includes('-p'),
    pattern: new RegExp(
      `(\\b(?:mysql\\w{0,16}|mariadb|sshpass|7za?|rar|unrar)(?:\\.exe)?"?\\s(?:[\\s\\S]{0,512}?\\s)??-p)(?=[^\\s-])${ARGUMENT}`,
      'gi',
    ),
    replacement: `$1${REMOVED}`,
  },
  // -u user:X
  {
    when: (lower, _word, switches) => switches && (lower.includes('-u') || lower.includes('-proxy-u')),
    pattern: /((?:^|[\s"'])(?:-u|-U|--(?:proxy-)?user)[\s=]{1,8}["']?[^\s:"']{1,256}:)[^\s"']+/g,
    replacement: `$1${REMOVED}`,
  },
  // net use \\host\share X, net user name X
  {
    when: (lower) => lower.includes('net') && lower.includes('use') && lower.includes('\\\\'),
    pattern: /(\bnet1?(?:\.exe)?"?\s+use\s+(?:\S{1,8}\s+)?"?\\\\[^\s"]+"?\s+)(?!\/)("[^"]*(?:"|$)|\S+)/gi,
    replacement: `$1${REMOVED}`,
  },
  {
    when: (lower) => lower.includes('net') && lower.includes(' user '),
    pattern: /(\bnet1?(?:\.exe)?"?\s+user\s+(?:"[^"]*"|[^\s/]\S*)\s+)(?![/*])("[^"]*(?:"|$)|\S+)/gi,
    replacement: `$1${REMOVED}`,
  },
  {
    when: (lower, _word, switches) => switches && lower.includes('securestring'),
    pattern: new RegExp(`(ConvertTo-SecureString\\s+(?:-String\\s+)?)(?!-)${ARGUMENT}`, 'gi'),
    replacement: `$1${REMOVED}`,
  },
  // password=X, "password": "X", Password: X
  {
    when: (lower, word) => word && (lower.includes('pass') || lower.includes('pwd')),
    pattern: new RegExp(`((?:${PASSWORD})\\\\?["']?\\s{0,8}[=:]\\s{0,8})${VALUE}`, 'gi'),
    replacement: `$1${REMOVED}`,
  },
  // token=X, "api_key":"X"; with a colon only in JSON or without a blank, since rule names write "Token: ..."
  {
    when: (lower, word) => word && (lower.includes('=') || lower.includes(':')),
    pattern: new RegExp(
      `((?:${KEY})(?:\\\\?["']?\\s{0,8}=\\s{0,8}|\\\\?["']\\s{0,8}:\\s{0,8}|:(?!\\s)))${VALUE}`,
      'gi',
    ),
    replacement: `$1${REMOVED}`,
  },
  {
    when: (lower, word) => word && lower.includes(':') && (lower.includes('x-') || lower.includes('api')),
    pattern: /((?:x-[\w-]{0,64}(?:key|token|secret)|api[-_]key):\s{0,8})[^\s"',;]+/gi,
    replacement: `$1${REMOVED}`,
  },
];
