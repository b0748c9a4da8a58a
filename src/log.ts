/**
 * Logs: one ECS document a line for machines, readable lines for people; both to stderr, both without secrets.
 *
 * Redaction works on the finished line, so that nothing passes beside it: neither an error's stack, nor a child
 * logger's bindings, nor JSON inside a string.
 */
import { ecsFormat } from '@elastic/ecs-pino-format';
import { type DestinationStream, type Logger, destination as openDestination, pino, stdSerializers } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogLevel } from './config-result.ts';

export type { Logger } from 'pino';

export interface LogOptions {
  level: LogLevel;
  format: 'json' | 'pretty';
  /** stderr by default. */
  destination?: DestinationStream;
  /** One that already knows secrets (the config is read before there is a logger); a new one by default. */
  redactor?: Redactor;
  /** Colours in `pretty`. */
  color?: boolean;
}

export interface Redactor {
  /** From now on this value appears nowhere. Values below 6 characters are ignored: they would blot out ordinary text. */
  protect(secret: string): void;
  /** The text without protected values, credentials, and members that are named like secrets. */
  scrub(text: string): string;
}

export interface Logging extends Redactor {
  log: Logger;
}

/** What stands where a secret was. */
export const REDACTED = '[redacted]';

const shortest = 6;

/** Members that hold a secret wherever they appear; upper case, `-` and `_` make no difference. */
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
const memberPattern = `(?:${members.map((each) => [...each].join('[-_]?')).join('|')})`;

/** `"password":"..."`, also with a list or an object as the value. */
const member = new RegExp(
  `("${memberPattern}"\\s*:\\s*)(?:"(?:[^"\\\\]|\\\\.)*"|-?\\d[\\d.eE+-]*|\\[[^[\\]{}]{0,2000}\\]|\\{[^[\\]{}]{0,2000}\\})`,
  'gi',
);
/** The same as JSON within a JSON string: `\"password\":\"...\"`. */
const innerMember = new RegExp(
  `(\\\\"${memberPattern}\\\\"\\s*:\\s*\\\\")(?:[^"\\\\]|\\\\\\\\(?:\\\\"|\\\\\\\\|[^"\\\\]))*`,
  'gi',
);
/** `password=...`, as in URLs and forms. */
const assignment = new RegExp(`(\\b${memberPattern}=)[^\\s&"'\\\\]+`, 'gi');
/** `Authorization: Bearer ...` in plain text; a scheme's name alone is harmless. */
const header = /(\bauthorization["']?\s*[:=]\s*["']?)(?:(?:bearer|basic|apikey|negotiate)\s+)?[^\s"',;\\]+/gi;
const scheme = /\b(bearer|basic|apikey)\s+(?=[\w.~+/-]{0,500}[\d=])[\w.~+/-]{8,}=*/gi;
const jwt = /\beyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*)?/g;
const urlCredentials = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"'\\]{1,500}@/gi;

/** Remembers what must never be shown. */
export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  let needles: string[] = [];
  return {
    protect(secret) {
      if (secret.length < shortest || secrets.has(secret)) return;
      secrets.add(secret);
      // The longest first: a secret may contain another one.
      needles = [...new Set([...secrets].flatMap(spellings))].sort((a, b) => b.length - a.length);
    },
    scrub(text) {
      let clean = text;
      for (const needle of needles) if (clean.includes(needle)) clean = clean.replaceAll(needle, REDACTED);
      return clean
        .replace(member, (_, start: string) => `${start}"${REDACTED}"`)
        .replace(innerMember, (_, start: string) => `${start}${REDACTED}`)
        .replace(assignment, (_, start: string) => `${start}${REDACTED}`)
        .replace(header, (_, start: string) => `${start}${REDACTED}`)
        .replace(scheme, (_, name: string) => `${name} ${REDACTED}`)
        .replace(jwt, REDACTED)
        .replace(urlCredentials, (_, start: string) => `${start}${REDACTED}@`);
    },
  };
}

/** A secret as it may appear: itself, in JSON (also within JSON), in a URL, in Base64. */
function spellings(secret: string): string[] {
  const json = [secret];
  for (let depth = 0; depth < 4; depth++) json.push(JSON.stringify(json.at(-1)).slice(1, -1));
  const whole = secret.toWellFormed();
  return [...json, encodeURI(whole), encodeURIComponent(whole), Buffer.from(secret).toString('base64')];
}

/** A logger and its redactor. There is no global one: whoever logs is given it. */
export function createLogger(options: LogOptions): Logging {
  const { protect, scrub } = options.redactor ?? createRedactor();
  const destination = options.destination ?? openDestination({ dest: 2, sync: true });
  const hooks = { streamWrite: scrub };
  const log =
    options.format === 'json'
      ? pino(
          {
            ...ecsFormat({ serviceName: 'sluice', eventDataset: 'sluice.log', apmIntegration: false }),
            level: options.level,
            hooks,
          },
          destination,
        )
      : pino(
          { level: options.level, base: null, messageKey: 'message', serializers: { err: stdSerializers.err }, hooks },
          forPeople(destination, options.color ?? false),
        );
  return { log, protect, scrub };
}

/** Turns each line into one for people, at once: nothing is left behind when the process ends. */
function forPeople(destination: DestinationStream, colorize: boolean): DestinationStream {
  const translateTime = 'SYS:HH:MM:ss';
  const format = prettyFactory({ colorize, messageKey: 'message', translateTime, singleLine: true });
  return { write: (line) => destination.write(format(line)) };
}
