/** Chooses the proxy of each request by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` where neither is set, and `NO_PROXY`, as other tools read them. */
import { BlockList, isIP } from 'node:net';
import { usageError } from '../api/errors.ts';

type Environment = Record<string, string | undefined>;

export interface ProxyRules {
  /** The proxies, in the form that Node's agents take from an environment. */
  env: { HTTP_PROXY?: string; HTTPS_PROXY?: string };
  isDirect(url: URL): boolean;
}

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY'] as const;

/** `setting` is `http.proxy` of the source, which errors name. */
export function proxyRules(setting: string, env: Environment, source: string): ProxyRules {
  if (setting === 'none') return { env: {}, isDirect: () => true };
  if (setting !== 'environment') return { env: { HTTP_PROXY: setting, HTTPS_PROXY: setting }, isDirect: () => false };
  const proxies: ProxyRules['env'] = {};
  const isNone = PROXIES.every((name) => variable(env, name)[1] === '');
  for (const name of PROXIES) {
    const [spelling, value] = variable(env, isNone ? 'ALL_PROXY' : name);
    if (value !== '') proxies[name] = withScheme(value, spelling, source);
  }
  return { env: proxies, isDirect: exceptions(variable(env, 'NO_PROXY')[1], source) };
}

/** The variable in lower case is preferred, as in other tools. */
function variable(env: Environment, name: string): [spelling: string, value: string] {
  const lower = name.toLowerCase();
  const value = env[lower]?.trim();
  return value ? [lower, value] : [name, env[name]?.trim() ?? ''];
}

/** A proxy without a scheme is an HTTP proxy, as in other tools. Another kind is refused, since Node would silently not use it. */
function withScheme(given: string, name: string, source: string): string {
  const whole = given.includes('://') ? given : `http://${given}`;
  if (URL.canParse(whole) && /^https?:/i.test(whole)) return whole;
  const kind = /^[\w+.-]+:\/\//.exec(given)?.[0] ?? 'such an address';
  throw usageError(
    `source "${source}": ${name} names a proxy that is not supported (${kind})`,
    'Name an HTTP proxy, or set http.proxy of the source to none.',
  );
}

/**
 * The addresses that `NO_PROXY` excepts: `*`, names with their sub-domains (`example.com`, `.example.com`, `*.example.com`), addresses,
 * networks (`10.0.0.0/8`, `fd00::/8`) and ranges (`10.0.0.1-10.0.0.9`), all with or without a port. A name is not looked
 * up: networks except addresses only.
 */
function exceptions(list: string, source: string): (url: URL) => boolean {
  const tests = list
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry) => exception(entry, source));
  return (url) => {
    const host = bare(url.hostname).toLowerCase().replace(/\.$/, '');
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return tests.some((isExcepted) => isExcepted(host, port));
  };
}

type Exception = (host: string, port: string) => boolean;

function exception(entry: string, source: string): Exception {
  if (entry === '*') return () => true;
  const [, name = entry, only] = isIP(entry) !== 0 ? [] : (/^(\[.*|[^:]*):(\d{1,5})$/.exec(entry) ?? []);
  const isListed = addresses(bare(name), entry, source) ?? domain(name);
  return (host, port) => (only === undefined || only === port) && isListed(host);
}

function addresses(text: string, entry: string, source: string): ((host: string) => boolean) | undefined {
  const [, first = '', separator, last = ''] = /^([^/-]+)(?:([/-])([^/-]*))?$/.exec(text) ?? [];
  const from = bare(first);
  const family = familyOf(from);
  if (family === undefined) return undefined;
  const listed = new BlockList();
  try {
    if (separator === undefined) listed.addAddress(from, family);
    else if (separator === '-') listed.addRange(from, last, family);
    else listed.addSubnet(from, /^\d+$/.test(last) ? Number(last) : Number.NaN, family);
  } catch {
    throw usageError(
      `source "${source}": NO_PROXY has "${entry}", which is no network`,
      'Write networks as 10.0.0.0/8 or fd00::/8.',
    );
  }
  return (host) => {
    const kind = familyOf(host);
    return kind !== undefined && listed.check(host, kind);
  };
}

function domain(text: string): (host: string) => boolean {
  const name = text
    .toLowerCase()
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  return (host) => host === name || host.endsWith(`.${name}`);
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6';
}

/** An IPv6 address may stand in brackets. */
function bare(text: string): string {
  return text.replace(/^\[(.*)\]/, '$1');
}
