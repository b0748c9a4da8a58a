/** Finds credentials in texts: in switches of command lines, URLs, headers and assignments. */

/** Replaces a removed secret. */
export const REMOVED = '[removed]';

/** A value after a switch or an equals sign: quoted (also with escaped quotes, also without the closing one) or up to a blank. */
const VALUE = String.raw`(?:\\"[^\\]*(?:\\(?!")[^\\]*)*(?:\\"|$)|"[^"]*(?:"|$)|'[^']*(?:'|$)|[^\s"'&;<>]+)`;
/** A value as the argument of a command line, where `&` and `;` belong to it. */
const ARGUMENT = String.raw`(?:\\"[^\\]*(?:\\(?!")[^\\]*)*(?:\\"|$)|"[^"]*(?:"|$)|'[^']*(?:'|$)|[^\s"']+)`;
const PASSWORD = 'passw(?:or)?d|passphrase|pwd';
const KEY = 'secret|token|api[-_]?key|access[-_]?key|accountkey|private[-_]?key|credentials?|signature|\\bsig';

/** Most patterns can only match a text that holds one of these words. */
const WORDS = ['pass', 'pwd', 'secret', 'token', 'key', 'sig', 'credential', 'auth', 'bearer', 'basic ', 'eyj'];

/** Removes the password from a word that ends with an @: everything after the scheme of the first URL that names a user. */
function withoutUser(found: string): string {
  const at = found.search(/:\/\/[^/:]{1,256}:(?!\d{1,5}\/|@)/);
  return at < 0 ? found : `${found.slice(0, at)}://${REMOVED}@`;
}

interface Pattern {
  /** Whether the text (in lower case) can match at all; `word`: it has one of WORDS; `switches`: a dash or a slash. */
  when: (lower: string, word: boolean, switches: boolean) => boolean;
  pattern: RegExp;
  replacement: string | ((found: string) => string);
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
    pattern: /(?<![^\s"'<>@])[^\s"'<>@]+@/g, // the lookbehind keeps the search linear
    replacement: withoutUser,
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
      `(\\b(?:mysql\\w{0,16}|mariadb|sshpass|7za?|rar|unrar)(?:\\.exe)?"?\\s(?:[\\s\\S]{0,256}?\\s)??-p)(?=[^\\s-])${ARGUMENT}`,
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
    pattern: new RegExp(`((?:${PASSWORD})\\s{0,8}\\\\?["']?\\s{0,8}[=:]\\s{0,8})${VALUE}`, 'gi'),
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

/** The text without what looks like a credential, in linear time. */
export function withoutCredentials(text: string): string {
  const lower = text.toLowerCase();
  const word = WORDS.some((one) => lower.includes(one));
  const dash = lower.includes('-');
  const slash = lower.includes('/');
  if (!word && !dash && !slash && !lower.includes('net')) return text;
  let clean = text;
  for (const { when, pattern, replacement } of PATTERNS) {
    if (when(lower, word, dash || slash)) clean = clean.replace(pattern, replacement as string);
  }
  return clean;
}
