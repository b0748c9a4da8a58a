/**
 * The kinds of values in the config, as zod schemas: durations, sizes, numbers, switches, texts, secrets.
 *
 * A message is a predicate (`is not a duration ...`): `explain.ts` puts the value in front of it, or hides it.
 */
import { z } from 'zod';

const durationUnits: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Record<string, number> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
};
const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const sizePattern = /^(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB|kB|MB|GB)$/;

/** Milliseconds of `500ms`, `60s`, `15m`, `24h`, `30d`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return withUnit(text, durationPattern, durationUnits);
}

/** Bytes of `64MiB`, `8 MiB`, `1GB`, `512B`; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return withUnit(text, sizePattern, sizeUnits);
}

function withUnit(text: string, pattern: RegExp, units: Record<string, number>): number | undefined {
  const match = pattern.exec(text.trim());
  const factor = match && units[match[2] as string];
  if (!match || !factor) return undefined;
  const value = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
}

interface Limits {
  min?: string;
  max?: string;
}

function unitText(
  kind: string,
  hint: string,
  pattern: RegExp,
  parse: (text: string) => number | undefined,
  { min, max }: Limits,
) {
  const message = `is not a ${kind}; write a number with its unit: ${hint}`;
  return z
    .string({ error: (issue) => (issue.input === undefined ? undefined : message) })
    .meta({ pattern: pattern.source })
    .transform((text, context) => {
      const value = parse(text);
      let problem: string | undefined;
      if (value === undefined) problem = message;
      else if (min !== undefined && value < (parse(min) ?? 0)) problem = `is too short; the least is ${min}`;
      else if (max !== undefined && value > (parse(max) ?? 0)) problem = `is too long; the most is ${max}`;
      if (problem === undefined) return value as number;
      if (kind === 'size') problem = problem.replace('too short', 'too small').replace('too long', 'too large');
      context.issues.push({ code: 'custom', message: problem, input: text });
      return z.NEVER;
    });
}

/** A duration with its unit; the result is in milliseconds. */
export function duration(limits: Limits = {}) {
  return unitText('duration', '500ms, 60s, 15m, 24h or 30d', durationPattern, parseDuration, limits);
}

/** A size with its unit; the result is in bytes. */
export function size(limits: Limits = {}) {
  return unitText('size', '512KiB, 64MiB or 1GiB', sizePattern, parseSize, limits);
}

/** A whole number. Text of digits is accepted too, since `${NAME}` is replaced by text. */
export function whole(min: number, max: number) {
  return z.preprocess(fromText, z.int().min(min).max(max));
}

/** A number; text is accepted too, for the same reason. */
export function decimal(min: number, max: number) {
  return z.preprocess(fromText, z.number().min(min).max(max));
}

/** true or false; text is accepted too, for the same reason. */
export function flag() {
  return z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean());
}

function fromText(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
}

/** Text that is not empty. */
export function text() {
  return z.string().min(1, 'is empty');
}

/** A secret: `${NAME}`, `file:/path`, or (with a warning) the secret itself. `writeOnly` marks a value that is never shown. */
export function secret(description: string) {
  return text().meta({ writeOnly: true, description });
}

/** A path, relative to the folder of the config file. */
export function path() {
  return text();
}

/** An http(s) URL without credentials; the result has no trailing slash. */
export function httpUrl() {
  return text().transform((value, context) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    let problem: string | undefined;
    if (!url || !/^https?:$/.test(url.protocol)) problem = 'is not a URL; it begins with https:// or http://';
    else if (url.username || url.password) problem = 'must not hold credentials; they have keys of their own';
    else if (url.search || url.hash) problem = 'must not hold a query or a fragment';
    if (problem === undefined) return value.replace(/\/+$/, '');
    context.issues.push({ code: 'custom', message: problem, input: value });
    return z.NEVER;
  });
}

/** `host:port`; an IPv6 address stands in brackets. */
export function hostAndPort() {
  return text().refine((value) => {
    const [, port] = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/.exec(value) ?? [];
    return Number(port) >= 1 && Number(port) <= 65_535;
  }, 'is not an address; write host:port');
}

/** `environment`, `none`, or the URL of a proxy; it may hold credentials, so its value is never shown. */
export function proxy(description: string) {
  return text()
    .refine(
      (value) => value === 'environment' || value === 'none' || (URL.canParse(value) && /^https?:/.test(value)),
      'is not a proxy; write environment, none, or a URL that begins with http:// or https://',
    )
    .meta({ writeOnly: true, description });
}

/** The password in a URL, where it has one. */
export function urlPassword(value: string): string | undefined {
  return URL.canParse(value) ? new URL(value).password || undefined : undefined;
}

/** A group of this machine, by name or by number; `description` says what the group may do. */
export function group(description: string) {
  return z
    .preprocess((value) => (typeof value === 'number' ? String(value) : value), text())
    .optional()
    .meta({ type: ['string', 'integer'], description });
}

/** The name of a source or sink. */
export function name(pattern: RegExp, what: string) {
  return z
    .string()
    .refine((value) => pattern.test(value), { error: `is not a name; ${what}`, abort: true })
    .refine((value) => Buffer.byteLength(value) <= 100, 'is too long; the most is 100 bytes')
    .meta({ pattern: pattern.source, maxLength: 100 });
}

/** Which certificates are trusted: the same two keys for sources and sinks. */
export const caFile = () =>
  path()
    .optional()
    .describe(
      'PEM file with certificate authorities to trust beside those that Node trusts: for a TLS proxy, or a private authority.',
    );
export const insecure = () =>
  flag()
    .prefault(false)
    .describe(
      'Whether certificates go unchecked. Default: no; `ca_file` is the safe way to accept a private authority.',
    );

const HERE = /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/;

/** Whether credentials sent to this URL could be read on the network: never with TLS, and never for this machine. */
export function isReadableOnTheWay(url: unknown): boolean {
  if (typeof url !== 'string' || !URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !HERE.test(hostname);
}

/** The warning for such a URL. */
export const READABLE = 'without https, the credentials are readable on the network';
