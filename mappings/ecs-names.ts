/** What names say: of accounts, devices, systems, files and severities. */
import { allHex } from './ecs.ts';

/** `DOMAIN\user` in its parts; a name without a domain is only a name. */
export function account(name: string): { name?: string; domain?: string } {
  // Some agents write `CORP//user`, also of `NT AUTHORITY`; a path is no account.
  const slashed = /^(?:[^\\/@]+(?=\/{2,}[^\\/]+$)|[^\\/@\s]+(?=\/[^\\/]+$))/.exec(name)?.[0].length ?? -1;
  const at = name.includes('\\') ? name.indexOf('\\') : slashed;
  if (at < 0) return { name };
  const domain = name.slice(0, at).trim();
  const user = name
    .slice(at + 1)
    .replace(/^[\\/]+/, '')
    .trim();
  return { ...(user === '' ? {} : { name: user }), ...(domain === '' ? {} : { domain }) };
}

/**
 * One form for the ids of devices, so that what Protect (lower case with dashes) and Optics (upper case without) say
 * about one machine joins on `host.id`: lower case with dashes. Other ids stay as they are.
 */
export function deviceId(id: string): string {
  const bare = id.includes('-') ? id.replaceAll('-', '') : id;
  if (bare.length !== 32 || !allHex(bare)) return id;
  const lower = bare.toLowerCase();
  return `${lower.slice(0, 8)}-${lower.slice(8, 12)}-${lower.slice(12, 16)}-${lower.slice(16, 20)}-${lower.slice(20)}`;
}

const OS_TYPES: readonly (readonly [string, string])[] = [
  ['win', 'windows'],
  ['mac', 'macos'],
  ['os x', 'macos'],
  ['osx', 'macos'],
  ['darwin', 'macos'],
  ['linux', 'linux'],
  ['ubuntu', 'linux'],
  ['debian', 'linux'],
  ['red hat', 'linux'],
  ['rhel', 'linux'],
  ['centos', 'linux'],
  ['amazon', 'linux'],
  ['suse', 'linux'],
  ['android', 'android'],
  ['ios', 'ios'],
  ['unix', 'unix'],
  ['aix', 'unix'],
  ['solaris', 'unix'],
];

/** `host.os.type` has a closed list of values. */
export function osType(name: string): string | undefined {
  const lower = name.toLowerCase();
  for (const [start, type] of OS_TYPES) if (lower.startsWith(start) || lower.includes(` ${start}`)) return type;
  return undefined;
}

/** `Ubuntu 22.04.4 LTS` as `host.os.*`: the name ends where the first number begins. */
export function systemIn(full: string): { full: string; name?: string; version?: string; type?: string } {
  const at = full.search(/\d/);
  const name = at < 0 ? full : full.slice(0, at).trim();
  const version = at < 0 ? undefined : /^[\d.]*\d/.exec(full.slice(at))?.[0];
  const type = osType(full);
  return {
    full,
    ...(name === '' ? {} : { name }),
    ...(version === undefined ? {} : { version }),
    ...(type === undefined ? {} : { type }),
  };
}

/** The last part of a Windows or Unix path. */
export function fileNameOf(path: string): string | undefined {
  const at = Math.max(path.lastIndexOf('\\'), path.lastIndexOf('/'));
  const name = path.slice(at + 1);
  return name === '' ? undefined : name;
}

/** The directory of a Windows or Unix path, without the last separator. */
export function directoryOf(path: string): string | undefined {
  const at = Math.max(path.lastIndexOf('\\'), path.lastIndexOf('/'));
  return at <= 0 ? undefined : path.slice(0, at);
}

/** What follows the last dot of a file's name, lower case; the dot of `.bashrc` begins a name. */
export function extensionOf(fileName: string): string | undefined {
  const at = fileName.lastIndexOf('.');
  if (at <= 0 || at === fileName.length - 1 || fileName.length - at > 33) return undefined;
  return fileName.slice(at + 1).toLowerCase();
}

/** `event.severity` on the scale that Kibana's own rules use; the vendor's word stays beside it. */
const SEVERITIES: ReadonlyMap<string, number> = new Map([
  ['Informational', 1],
  ['Info', 1],
  ['Low', 21],
  ['Medium', 47],
  ['Moderate', 47],
  ['High', 73],
  ['Critical', 99],
]);
const FOLDED_SEVERITIES = new Map([...SEVERITIES].map(([name, value]) => [name.toLowerCase(), value]));

export function severityOf(name: string): number | undefined {
  return SEVERITIES.get(name) ?? FOLDED_SEVERITIES.get(name.toLowerCase());
}
