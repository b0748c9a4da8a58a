/**
 * Keeps secrets out of everything that is shown or stored: one redactor for the whole process, which knows the secrets of the
 * config and the tokens of sources.
 *
 * Credentials that were not registered are found by the text around them.
 */

import type { SourceSecrets } from '../api/connector.ts';
import { inert } from '../api/inert.ts';
import { secretName } from '../api/records/secrets.ts';
import { secretsOfSource } from './echoes.ts';
import { withoutParts } from './secret-parts.ts';
import { openVault, SHORTEST } from './vault.ts';

export interface Redactor {
  /** Removes this value from all texts from now on. Values below 6 characters are ignored: they would blot out ordinary text. */
  protect(secret: string): void;
  /** The text without protected values, parts of them, credentials, and members that are named like secrets. */
  scrub(text: string): string;
  /** The beginning of a text, scrubbed and with invisible characters written out. */
  show(text: string, longest?: number): string;
  /** A plain value with each text passed through `show`, or scrubbed. Members that are named like secrets are replaced. */
  clean(value: unknown, show?: (text: string, name?: string) => string): unknown;
  /** Makes the place where a source registers the credentials that it sends; all of them are protected. */
  ofSource(): SourceSecrets;
}

/** The mark in place of a secret. */
const REDACTED = '[redacted]';

/** Only this much of a text is scrubbed, many times more than is shown. */
export const LOOKED_AT = 65_536;
/** How many characters of secrets, of the config and of each source, are remembered at least; at most twice as many. */
const MOST_OF_CONFIG = 65_536;
const MOST_OF_SOURCE = 4096;
/** Deeper levels are not shown. */
const MAX_DEPTH = 100;

/** Members that hold a secret wherever they appear. */
const members = [
  'applicationsecret',
  'appsecret',
  'clientsecret',
  'secret',
  'password',
  'passwd',
  'passphrase',
  'apikey',
  'accesskey',
  'privatekey',
  'token',
  'accesstoken',
  'authtoken',
  'refreshtoken',
  'idtoken',
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'downloadurl',
];
const named = new Set(members);
const memberPattern = `(?:${members.map((each) => [...each].join('[-_]?')).join('|')})`;

/** `"password":"..."`, also with a list or an object as the value. */
const member = new RegExp(
  `("\\s{0,20}${memberPattern}\\s{0,20}"\\s*:\\s*)(?:"(?:[^"\\\\]|\\\\.)*"|-?\\d[\\d.eE+-]*|\\[[^[\\]{}]{0,2000}\\]|\\{[^[\\]{}]{0,2000}\\})`,
  'gi',
);
/** Such a member within a JSON string: `\"password\":\"...\"`. */
const innerMember = new RegExp(
  `(\\\\"\\s{0,20}${memberPattern}\\s{0,20}\\\\"\\s*:\\s*\\\\")(?:[^"\\\\]|\\\\\\\\(?:\\\\"|\\\\\\\\|[^"\\\\]))*`,
  'gi',
);
/** `password=...`, as in URLs and forms. */
const assignment = new RegExp(`(\\b${memberPattern}=)[^\\s&"'\\\\]+`, 'gi');
/** `Authorization: Bearer ...` in plain text; a scheme's name alone is harmless. */
const header = /(\bauthorization["']?\s*[:=]\s*["']?)(?:(?:bearer|basic|apikey|negotiate)\s+)?[^\s"',;\\]+/gi;
const scheme = /\b(bearer|basic|apikey)\s+(?=[\w.~+/-]{0,500}[\d=])[\w.~+/-]{8,}=*/gi;
/** Characters that may stand around a signed token. */
const run = /[\w.-]{12,}/g;
const urlCredentials = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"'\\]{1,500}@/gi;

export function createRedactor(): Redactor {
  const config = openVault(MOST_OF_CONFIG);
  const vaults = [config];
  const scrub = (text: string): string => {
    if (text.length < SHORTEST) return text;
    let clean = text;
    for (const vault of vaults)
      for (const needle of vault.needles()) if (clean.includes(needle)) clean = clean.replaceAll(needle, REDACTED);
    return withoutParts(
      withoutCredentials(clean),
      vaults.map(({ parts }) => parts),
      REDACTED,
    );
  };
  return {
    protect: config.protect,
    scrub,
    show: (text, longest) => inert(scrub(text.slice(0, LOOKED_AT)), longest, Math.max(0, text.length - LOOKED_AT)),
    clean: (value, show = scrub) => cleaned(value, show, 0),
    ofSource() {
      const vault = openVault(MOST_OF_SOURCE);
      vaults.push(vault);
      return secretsOfSource(vault);
    },
  };
}

function withoutCredentials(text: string): string {
  return text
    .replace(member, (_, start: string) => `${start}"${REDACTED}"`)
    .replace(innerMember, (_, start: string) => `${start}${REDACTED}`)
    .replace(assignment, (_, start: string) => `${start}${REDACTED}`)
    .replace(header, (_, start: string) => `${start}${REDACTED}`)
    .replace(scheme, (_, name: string) => `${name} ${REDACTED}`)
    .replace(run, withoutToken)
    .replace(urlCredentials, (_, start: string) => `${start}${REDACTED}@`);
}

/** A signed token begins with `eyJ` and six more characters before its first point. Each point is looked for once. */
function withoutToken(words: string): string {
  for (let at = words.indexOf('eyJ'), point = -1; at >= 0; at = words.indexOf('eyJ', at + 1)) {
    if (point < at) point = words.indexOf('.', at);
    if (point < 0) return words;
    const begins = at === 0 || /\W/.test(words.charAt(at - 1));
    if (begins && point - at >= 9) return `${words.slice(0, at)}${REDACTED}`;
  }
  return words;
}

function cleaned(value: unknown, show: (text: string, name?: string) => string, depth: number, name?: string): unknown {
  if (typeof value === 'string') return show(value, name);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => cleaned(item, show, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([member, content]) => {
      const isSecret = named.has(secretName(member)) && typeof content !== 'boolean' && content !== null;
      return [show(member), isSecret ? REDACTED : cleaned(content, show, depth + 1, member)];
    }),
  );
}
