/**
 * What Sluice is made of besides its own code: licences, installation scripts and checksums of packages, a bill of
 * materials, known vulnerabilities. `npm run check:chain` checks all of it, and leaves the bill in dist/.
 *
 * Everything is told from the lockfile, so that what is checked is what `npm ci` installs.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCEPTED, LICENCES, LICENCES_BY_HAND } from './chain-rules.ts';

/** A package as the lockfile has it, by the folder that it is installed in. */
export interface Locked {
  version?: string;
  integrity?: string;
  resolved?: string;
  license?: string;
  dev?: boolean;
  devOptional?: boolean;
  link?: boolean;
  hasInstallScript?: boolean;
}
export type Lockfile = { packages: Record<string, Locked> };

interface Package extends Locked {
  name: string;
}

/** Every package but Sluice itself. */
export function packagesOf({ packages }: Lockfile): Package[] {
  return Object.entries(packages).flatMap(([folder, locked]) =>
    folder === '' || locked.link === true ? [] : [{ name: folder.replace(/^.*node_modules\//, ''), ...locked }],
  );
}

/** Those that run, and not those that only build and test. */
export function productionOf(lockfile: Lockfile): Package[] {
  return packagesOf(lockfile).filter(({ dev, devOptional }) => dev !== true && devOptional !== true);
}

const called = ({ name, version }: Package): string => `${name}@${version}`;

/** Of an SPDX expression, whether one of its alternatives is allowed whole. */
export function isAllowed(licence: string, allowed: ReadonlySet<string> = new Set(Object.keys(LICENCES))): boolean {
  const bare = licence.trim().replace(/^\((.*)\)$/s, '$1');
  const alternatives = bare.split(/\s+OR\s+/);
  return alternatives.some((one) =>
    one.split(/\s+AND\s+/).every((part) => allowed.has(part.replace(/[()]/g, '').trim())),
  );
}

/** Production packages whose licence nobody has looked at. */
export function licenceTroubles(lockfile: Lockfile): string[] {
  return productionOf(lockfile).flatMap((one) => {
    const licence = LICENCES_BY_HAND[one.name]?.licence ?? one.license;
    if (licence !== undefined && isAllowed(licence)) return [];
    return `${called(one)}: the licence ${licence ?? '(none)'} is not on the list of scripts/chain-rules.ts`;
  });
}

/** Packages that run code when they are installed, against what package.json allows. */
export function scriptTroubles(lockfile: Lockfile, allowed: Record<string, boolean>): string[] {
  const running = new Set(packagesOf(lockfile).flatMap((one) => (one.hasInstallScript ? [one.name] : [])));
  const unasked = [...running].filter((name) => allowed[name] !== true);
  const idle = Object.keys(allowed).filter((name) => !running.has(name));
  return [
    ...unasked.map(
      (name) => `${name} runs a script when it is installed, which allowScripts of package.json does not allow`,
    ),
    ...idle.map((name) => `allowScripts of package.json allows ${name}, which runs none`),
  ];
}

/** Packages that could be another one at the next installation. */
export function integrityTroubles(lockfile: Lockfile): string[] {
  const origins = new Set<string>();
  const troubles = packagesOf(lockfile).flatMap((one) => {
    const from = one.resolved === undefined ? undefined : new URL(one.resolved);
    if (from !== undefined) origins.add(from.origin);
    if (from !== undefined && from.protocol !== 'https:') return `${called(one)} comes over ${from.protocol}`;
    return one.integrity?.startsWith('sha512-') ? [] : `${called(one)} has no sha512 in the lockfile`;
  });
  return origins.size > 1
    ? [...troubles, `packages come from ${origins.size} places: ${[...origins].join(', ')}`]
    : troubles;
}

/** The part of a CycloneDX bill that is checked. */
export interface Bill {
  bomFormat?: string;
  specVersion?: string;
  serialNumber?: string;
  metadata?: { component?: { 'bom-ref'?: string } };
  dependencies?: { ref: string; dependsOn?: string[] }[];
  components?: {
    name?: string;
    version?: string;
    purl?: string;
    licenses?: unknown[];
    hashes?: { alg: string; content: string }[];
  }[];
}

/**
 * The bill of what runs, from npm's bill of everything. (npm's own `--omit=dev` leaves out what building and running both
 * need: `yaml`, for one.) A licence that its package does not name as SPDX does is added.
 */
export function productionBill(lockfile: Lockfile, bill: Bill): Bill {
  const running = new Set(productionOf(lockfile).map(called));
  const components = (bill.components ?? []).filter(({ name, version }) => running.has(`${name}@${version}`));
  for (const one of components) {
    const byHand = LICENCES_BY_HAND[one.name ?? ''];
    if (byHand !== undefined && (one.licenses ?? []).length === 0) one.licenses = [{ license: { id: byHand.licence } }];
  }
  const own = bill.metadata?.component?.['bom-ref'];
  const dependencies = (bill.dependencies ?? [])
    .filter(({ ref }) => ref === own || running.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => running.has(one)) }));
  return { ...bill, components, dependencies };
}

/** What a bill lacks of the lockfile's production packages, has beside them, or says otherwise. */
export function billTroubles(lockfile: Lockfile, bill: Bill): string[] {
  const troubles: string[] = [];
  if (bill.bomFormat !== 'CycloneDX' || !/^1\.\d+$/.test(bill.specVersion ?? ''))
    troubles.push('it is no CycloneDX bill');
  if (!/^urn:uuid:[0-9a-f-]{36}$/.test(bill.serialNumber ?? '')) troubles.push('it has no serial number');
  const listed = new Map((bill.components ?? []).map((one) => [`${one.name}@${one.version}`, one]));
  for (const one of productionOf(lockfile)) {
    const entry = listed.get(called(one));
    listed.delete(called(one));
    if (entry === undefined) {
      troubles.push(`${called(one)} is missing`);
      continue;
    }
    const purl = `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`;
    if (entry.purl !== purl) troubles.push(`${called(one)} has the address ${entry.purl}`);
    if ((entry.licenses ?? []).length === 0) troubles.push(`${called(one)} has no licence`);
    const sha512 = Buffer.from((one.integrity ?? '').replace('sha512-', ''), 'base64').toString('hex');
    if (!(entry.hashes ?? []).some(({ alg, content }) => alg === 'SHA-512' && content === sha512))
      troubles.push(`${called(one)} has not the checksum of the lockfile`);
  }
  return [...troubles, ...[...listed.keys()].map((name) => `${name} is not in the lockfile`)];
}

/** What `npm audit --json` says, as far as it is looked at. */
export interface Audit {
  vulnerabilities?: Record<string, { severity: string; via: (string | { url?: string; title?: string })[] }>;
}

/** Known vulnerabilities that are high or critical, and not accepted until a day that is still to come. */
export function auditTroubles({ vulnerabilities = {} }: Audit, today: string): string[] {
  return Object.entries(vulnerabilities).flatMap(([name, { severity, via }]) => {
    if (severity !== 'high' && severity !== 'critical') return [];
    const accepted = ACCEPTED.find((one) => one.name === name);
    if (accepted !== undefined && accepted.until >= today) return [];
    const [first] = via;
    const what = typeof first === 'object' ? `${first.title ?? ''} ${first.url ?? ''}`.trim() : (first ?? '');
    return `${name}: ${severity}: ${what}${accepted === undefined ? '' : ` (accepted until ${accepted.until} only)`}`;
  });
}

const ROOT = join(import.meta.dirname, '..');
const BILL = join(ROOT, 'dist', 'sbom.cdx.json');

function npm(...argv: string[]): string {
  return execFileSync('npm', argv, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** Undefined where the registry does not answer such questions. */
function audit(): Audit | undefined {
  let said: string;
  try {
    said = npm('audit', '--omit=dev', '--json');
  } catch (error) {
    said = (error as { stdout?: string }).stdout ?? ''; // what it finds is a failure, too
  }
  try {
    const answer = JSON.parse(said) as Audit;
    return answer.vulnerabilities === undefined ? undefined : answer;
  } catch {
    return undefined;
  }
}

function main(): void {
  const lockfile = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lockfile;
  const { allowScripts = {} } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    allowScripts?: Record<string, boolean>;
  };
  const all = JSON.parse(npm('sbom', '--sbom-format=cyclonedx', '--package-lock-only')) as Bill;
  const bill = productionBill(lockfile, all);
  mkdirSync(join(ROOT, 'dist'), { recursive: true });
  writeFileSync(BILL, `${JSON.stringify(bill, null, 2)}\n`);
  const found = audit();
  const troubles = [
    ...licenceTroubles(lockfile),
    ...scriptTroubles(lockfile, allowScripts),
    ...integrityTroubles(lockfile),
    ...billTroubles(lockfile, bill).map((trouble) => `bill of materials: ${trouble}`),
    ...(found === undefined ? [] : auditTroubles(found, new Date().toISOString().slice(0, 10))),
  ];
  for (const trouble of troubles) console.error(trouble);
  const known = found === undefined ? 'not checked, since the registry does not answer' : 'checked';
  console.log(
    `${productionOf(lockfile).length} production packages of ${packagesOf(lockfile).length}: licences, installation scripts, checksums, bill of materials checked; known vulnerabilities ${known}`,
  );
  if (troubles.length > 0) process.exitCode = 1;
}

if (import.meta.main) main();
