/** The project's own files, as the checks of the supply chain take them. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { LICENCE_TEXTS } from './accepted.ts';
import { Bill, billOf } from './bill.ts';
import { type Installed, licenceOf } from './licences.ts';
import { Lockfile, packagesOf } from './lockfile.ts';

export const root = join(import.meta.dirname, '../..');

const Facts = z.object({
  name: z.string().optional(),
  license: z.string().optional(),
  scripts: z.record(z.string(), z.string()).optional(),
  allowScripts: z.record(z.string(), z.unknown()).optional(),
});

function json(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

/** A package's package.json; undefined where it is not installed (another platform's). */
function factsOf(path: string) {
  const file = join(path, 'package.json');
  return existsSync(join(root, file)) ? Facts.parse(json(file)) : undefined;
}

export const lock = Lockfile.parse(json('package-lock.json'));
export const facts = Facts.required({ name: true }).parse(json('package.json'));

export const installed: Installed = {
  licenceOf: (path) => factsOf(path)?.license,
  sha256Of(path, file) {
    const name = join(root, path, file);
    return existsSync(name) ? createHash('sha256').update(readFileSync(name)).digest('hex') : undefined;
  },
};

/** The paths of packages that would run something when they are installed, from what is installed. */
export function withScripts(): Set<string> {
  const runs = (path: string) => {
    const { preinstall, install, postinstall } = factsOf(path)?.scripts ?? {};
    return (preinstall ?? install ?? postinstall) !== undefined || existsSync(join(root, path, 'binding.gyp'));
  };
  return new Set(
    packagesOf(lock)
      .map(({ path }) => path)
      .filter(runs),
  );
}

/** The bill of what is shipped. */
export function makeBill(): Bill {
  const args = ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'];
  const whole = Bill.parse(JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 })));
  return billOf(whole, lock, facts.name, (one) => licenceOf(one, LICENCE_TEXTS, installed));
}

/** Every file that git has or would take. */
export function filesOfTree(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const names = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\0');
  return [...new Set(names)].filter((name) => name !== '' && existsSync(join(root, name)));
}
