/** `package-lock.json`: what of it the checks read, and what must hold of it by itself. */
import { z } from 'zod';

const Entry = z.object({
  /** Only where the folder is called otherwise (an alias). */
  name: z.string().optional(),
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  license: z.string().optional(),
  link: z.boolean().optional(),
  dev: z.boolean().optional(),
  hasInstallScript: z.boolean().optional(),
});

export const Lockfile = z.object({ lockfileVersion: z.literal(3), packages: z.record(z.string(), Entry) });

export type Lockfile = z.infer<typeof Lockfile>;

export interface Package extends z.infer<typeof Entry> {
  name: string;
  /** Where it is installed, from the root of the project. */
  path: string;
}

/** All packages but the project itself. */
export function packagesOf(lock: Lockfile): Package[] {
  return Object.entries(lock.packages)
    .filter(([path]) => path !== '')
    .map(([path, entry]) => ({
      ...entry,
      path,
      name: entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 13),
    }));
}

/** What is shipped: everything that is not there for development alone. */
export function productionOf(lock: Lockfile): Package[] {
  return packagesOf(lock).filter(({ dev }) => dev !== true);
}

const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

/**
 * Every package is pinned by its content and comes from the registry. The file names no registry (`.npmrc` sees to it), so
 * that an address in it is a package from elsewhere; a file that names one throughout is as good.
 */
export function lockfileFaults(lock: Lockfile): string[] {
  const packages = packagesOf(lock).filter(({ link }) => link !== true);
  const unpinned = packages
    .filter(({ integrity }) => !SHA512.test(integrity ?? ''))
    .map(({ path, integrity }) => `${path} is not pinned by SHA-512: its integrity is ${integrity ?? 'missing'}`);
  const located = packages.flatMap(({ path, resolved }) => (resolved === undefined ? [] : [{ path, resolved }]));
  const foreign = located
    .filter(({ resolved }) => !resolved.startsWith('https://'))
    .map(({ path, resolved }) => `${path} comes from ${resolved}, which is no registry's https address`);
  const origins = new Set(located.map(({ resolved }) => originOf(resolved)));
  const mixed =
    origins.size > 1 ? [`packages come from ${origins.size} origins: ${[...origins].sort().join(', ')}`] : [];
  const some =
    located.length > 0 && located.length < packages.length
      ? located.map(({ path, resolved }) => `${path} alone names where it comes from: ${resolved}`)
      : [];
  return [...unpinned, ...foreign, ...mixed, ...some];
}

function originOf(address: string): string {
  return URL.canParse(address) ? new URL(address).origin : address;
}

/**
 * Whose code runs when it is installed is listed in package.json (`allowScripts`), and nothing else is there.
 * @param withScripts the paths of the installed packages that have such a script, whatever the lockfile says of them
 */
export function scriptFaults(
  lock: Lockfile,
  allowed: Readonly<Record<string, unknown>>,
  withScripts: ReadonlySet<string>,
): string[] {
  const running = packagesOf(lock).filter(({ hasInstallScript, path }) => hasInstallScript || withScripts.has(path));
  const names = new Set(running.map(({ name }) => name));
  return [
    ...running
      .filter(({ name }) => allowed[name] !== true)
      .map(
        ({ path }) => `${path} runs a script when it is installed, which allowScripts in package.json does not allow`,
      ),
    ...Object.keys(allowed)
      .filter((name) => !names.has(name))
      .map((name) => `allowScripts in package.json names ${name}, which runs nothing when it is installed`),
  ];
}
