/** The checks of the supply chain (`scripts/chain`), on small made-up inputs. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AcceptedAdvisory, LicenceText } from '../scripts/chain/accepted.ts';
import { type Bill, billFaults, billOf } from '../scripts/chain/bill.ts';
import { type Installed, isAllowed, licenceFaults } from '../scripts/chain/licences.ts';
import { type Lockfile, lockfileFaults, type Package, productionOf, scriptFaults } from '../scripts/chain/lockfile.ts';
import { secretFaults } from '../scripts/chain/secrets.ts';
import { vulnerabilityFaults } from '../scripts/chain/vulnerabilities.ts';

const bytes = (start: string) => Buffer.from(start.padEnd(64, '.'));
const pin = (start: string) => `sha512-${bytes(start).toString('base64')}`;

/** A lockfile of a project `made-up` with these packages, pinned and of MIT where nothing else is said. */
function locked(packages: Record<string, Partial<Package>>): Lockfile {
  const entries = Object.entries(packages).map(([name, entry]) => [
    `node_modules/${name}`,
    { version: '1.0.0', integrity: pin(name), license: 'MIT', ...entry },
  ]);
  return { lockfileVersion: 3, packages: { '': { version: '0.0.1' }, ...Object.fromEntries(entries) } };
}

describe('the lockfile', () => {
  it('is well where every package is pinned, whether all or none says where it is from', () => {
    expect(lockfileFaults(locked({ a: {}, '@b/c': { dev: true } }))).toEqual([]);
    const from = (name: string) => ({ resolved: `https://registry.test/${name}.tgz` });
    expect(lockfileFaults(locked({ a: from('a'), b: from('b'), 'b/node_modules/c': from('c') }))).toEqual([]);
  });

  it.each([
    ['missing', undefined],
    ['weak', `sha1-${Buffer.alloc(20).toString('base64')}`],
    ['cut', 'sha512-AAAA'],
  ])('names a package whose integrity is %s', (_, integrity) => {
    expect(lockfileFaults(locked({ a: {}, b: { integrity } }))).toEqual([
      `node_modules/b is not pinned by SHA-512: its integrity is ${integrity ?? 'missing'}`,
    ]);
  });

  it('does not ask a link for its content', () => {
    expect(lockfileFaults(locked({ a: { link: true, integrity: undefined, resolved: 'packages/a' }, b: {} }))).toEqual(
      [],
    );
  });

  it.each(['git+ssh://git@forge.test/a.git#1', 'http://registry.test/a.tgz', 'file:a.tgz'])(
    'refuses %s',
    (resolved) => {
      expect(lockfileFaults(locked({ a: { resolved } }))).toEqual([
        `node_modules/a comes from ${resolved}, which is no registry's https address`,
      ]);
    },
  );

  it('refuses a second origin', () => {
    const lock = locked({ a: { resolved: 'https://registry.test/a' }, b: { resolved: 'https://other.test/b' } });
    expect(lockfileFaults(lock)).toEqual(['packages come from 2 origins: https://other.test, https://registry.test']);
  });

  it('refuses one package that alone says where it is from', () => {
    expect(lockfileFaults(locked({ a: {}, b: { resolved: 'https://other.test/b' } }))).toEqual([
      'node_modules/b alone names where it comes from: https://other.test/b',
    ]);
  });

  it('tells what is shipped from what is there for development', () => {
    const lock = locked({ a: {}, b: { dev: true }, 'a/node_modules/@s/c': {}, alias: { name: 'real' } });
    expect(productionOf(lock).map(({ name }) => name)).toEqual(['a', '@s/c', 'real']);
  });
});

describe('scripts at installation', () => {
  const lock = locked({ a: { hasInstallScript: true }, b: {} });

  it('are allowed by name, and nothing else is', () => {
    expect(scriptFaults(lock, { a: true }, new Set())).toEqual([]);
    expect(scriptFaults(lock, {}, new Set())).toEqual([
      'node_modules/a runs a script when it is installed, which allowScripts in package.json does not allow',
    ]);
    expect(scriptFaults(lock, { a: false }, new Set())).toHaveLength(1);
    expect(scriptFaults(lock, { a: true, b: true }, new Set())).toEqual([
      'allowScripts in package.json names b, which runs nothing when it is installed',
    ]);
  });

  it('are found in what is installed, whatever the lockfile says', () => {
    expect(scriptFaults(lock, { a: true }, new Set(['node_modules/b']))).toEqual([
      'node_modules/b runs a script when it is installed, which allowScripts in package.json does not allow',
    ]);
  });
});

describe('licences', () => {
  const allowed = { MIT: 'fine', 'Apache-2.0': 'fine', 'GPL-2.0-only WITH Classpath-exception-2.0': 'fine' };
  const nothing: Installed = { licenceOf: () => undefined, sha256Of: () => undefined };
  const faultsOf = (license: string | undefined, installed = nothing, texts: LicenceText[] = []) =>
    licenceFaults(locked({ a: { license } }), { allowed, texts }, installed);

  it.each([
    ['MIT', true],
    ['CC0-1.0', false],
    ['(MIT OR CC0-1.0)', true],
    ['(CC0-1.0 OR MIT)', true],
    ['MIT AND CC0-1.0', false],
    ['CC0-1.0 AND MIT', false],
    ['MIT AND (CC0-1.0 OR Apache-2.0)', true],
    ['Apache-2.0+', false],
    ['GPL-2.0-only', false],
    ['GPL-2.0-only WITH Classpath-exception-2.0', true],
    ['MIT WITH Classpath-exception-2.0', false],
  ])('%s: %s', (expression, isFine) => expect(isAllowed(expression, allowed)).toBe(isFine));

  it('names the package whose licence is not allowed, unknown or missing', () => {
    expect(faultsOf('MIT')).toEqual([]);
    expect(faultsOf('AGPL-3.0-only')).toEqual(['a@1.0.0 has the licence AGPL-3.0-only, which is not allowed']);
    expect(faultsOf('UNLICENSED')).toEqual(['a@1.0.0 has the licence "UNLICENSED", which is no SPDX expression']);
    expect(faultsOf('constructor')).toHaveLength(1);
    expect(faultsOf(undefined)).toEqual(['a@1.0.0 has no licence']);
  });

  it('reads it in the package where the lockfile has none', () => {
    const of = (licence: string): Installed => ({ ...nothing, licenceOf: () => licence });
    expect(faultsOf(undefined, of('MIT'))).toEqual([]);
    expect(faultsOf(undefined, of('AGPL-3.0-only'))).toHaveLength(1);
  });

  it('asks nothing of what is there for development', () => {
    const lock = locked({ a: { dev: true, license: 'AGPL-3.0-only' } });
    expect(licenceFaults(lock, { allowed, texts: [] }, nothing)).toEqual([]);
  });

  it('takes a text that was read, and only this one', () => {
    const text = { package: 'a', declared: 'SEE IT', file: 'L', sha256: 'ab', licence: 'MIT', reason: '' };
    const holding = (sha256: string): Installed => ({ ...nothing, sha256Of: () => sha256 });
    expect(faultsOf('SEE IT', holding('ab'), [text])).toEqual([]);
    expect(faultsOf('SEE IT', holding('cd'), [text])).toEqual([
      'a@1.0.0 has the licence "SEE IT", which is no SPDX expression',
    ]);
    expect(faultsOf('SEE IT', holding('ab'), [{ ...text, package: 'b' }])).toHaveLength(2);
    expect(faultsOf('MIT', holding('ab'), [text])).toEqual([
      'no shipped a declares "SEE IT": its licence text needs no entry',
    ]);
  });
});

describe('the bill of materials', () => {
  const lock = locked({ a: {}, '@s/b': {}, tool: { dev: true } });
  const component = (name: string) => ({
    'bom-ref': `${name}@1.0.0`,
    type: 'library',
    name,
    version: '1.0.0',
    purl: `pkg:npm/${name.replace('@', '%40')}@1.0.0`,
    hashes: [{ alg: 'SHA-512', content: bytes(name).toString('hex') }],
    licenses: [{ license: { id: 'MIT' } }],
  });
  const project = { 'bom-ref': 'made-up@0.0.1', type: 'application', name: 'folder', version: '0.0.1' };
  const whole = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: 'urn:uuid:11111111-2222-4333-8444-555555555555',
    version: 1,
    metadata: { timestamp: '2026-01-02T03:04:05.678Z', component: { ...project, purl: 'pkg:npm/made-up@0.0.1' } },
    components: [component('a'), component('@s/b'), component('tool'), component('stray')],
    dependencies: [
      { ref: 'made-up@0.0.1', dependsOn: ['a@1.0.0', 'tool@1.0.0'] },
      { ref: 'a@1.0.0', dependsOn: ['@s/b@1.0.0'] },
      { ref: 'tool@1.0.0', dependsOn: [] },
    ],
  } satisfies Bill;
  const bill = billOf(whole, lock, 'made-up', () => 'ISC');
  const faultsOf = (change: object) => billFaults({ ...bill, ...change }, lock, 'made-up');

  it('is of what is shipped, and of the project', () => {
    expect(bill.components).toEqual([component('a'), component('@s/b')]);
    expect(bill.dependencies).toEqual([
      { ref: 'made-up@0.0.1', dependsOn: ['a@1.0.0'] },
      { ref: 'a@1.0.0', dependsOn: ['@s/b@1.0.0'] },
    ]);
    expect(bill.metadata.component.name).toBe('made-up');
    expect(faultsOf({})).toEqual([]);
  });

  it('has the licence that npm could not read', () => {
    const { licenses: _, ...bare } = component('a');
    const made = billOf({ ...whole, components: [bare, component('@s/b')] }, lock, 'made-up', () => 'ISC');
    expect(made.components).toEqual([{ ...bare, licenses: [{ expression: 'ISC' }] }, component('@s/b')]);
    const unknown = billOf({ ...whole, components: [bare, component('@s/b')] }, lock, 'made-up', () => undefined);
    expect(billFaults(unknown, lock, 'made-up')).toEqual(['a@1.0.0 in the bill: there is no licence']);
  });

  it.each([
    ['bomFormat', 'SPDX'],
    ['specVersion', '0.9'],
    ['serialNumber', '11111111-2222-4333-8444-555555555555'],
    ['serialNumber', undefined],
    ['components', undefined],
  ])('has the form that is promised: %s is not %s', (member, value) => {
    expect(faultsOf({ [member]: value })).toEqual([expect.stringContaining(`the bill's ${member}: `)]);
  });

  it('misses nothing, and has nothing besides', () => {
    expect(faultsOf({ components: [component('a')] })).toContain('@s/b@1.0.0 is shipped, but not in the bill');
    expect(faultsOf({ components: whole.components })).toEqual([
      'tool@1.0.0 is in the bill, but not shipped',
      'stray@1.0.0 is in the bill, but not shipped',
    ]);
    expect(faultsOf({ dependencies: [{ ref: 'a@1.0.0', dependsOn: ['c@1.0.0'] }] })).toEqual([
      "the bill's dependencies name c@1.0.0, which is not in it",
    ]);
    expect(billFaults(bill, lock, 'another')).toEqual(['the bill is of made-up, not of another']);
  });

  it.each([
    [{ purl: 'pkg:npm/a@1.0.1' }, 'the purl is pkg:npm/a@1.0.1, not pkg:npm/a@1.0.0'],
    [{ licenses: undefined }, 'there is no licence'],
    [{ licenses: [] }, 'there is no licence'],
    [{ hashes: undefined }, "the SHA-512 is not the lockfile's"],
    [{ hashes: [{ alg: 'SHA-512', content: bytes('b').toString('hex') }] }, "the SHA-512 is not the lockfile's"],
    [{ hashes: [{ alg: 'SHA-1', content: bytes('a').toString('hex') }] }, "the SHA-512 is not the lockfile's"],
  ])('says of each what the lockfile says: %o', (change, fault) => {
    expect(faultsOf({ components: [{ ...component('a'), ...change }, component('@s/b')] })).toEqual([
      `a@1.0.0 in the bill: ${fault}`,
    ]);
  });
});

describe('secrets', () => {
  const secret = randomBytes(8).toString('hex');
  // Made up here and now, so that the tree holds none of them.
  const planted: Record<string, string> = {
    'address.ts': `const a = 1;\nfetch('https://someone:${secret}@vendor.test/x');\n`,
    'key.pem': generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString(),
    'token.md': `Use ghp_${'0123456789abcdefghijklmnopqrstuvwxyz'}.\n`,
    '.npmrc': `//registry.test/:_authToken=${['npm', 'aB3'.repeat(12)].join('_')}\n`,
    'clean.ts': 'export const clean = true;\n',
  };

  async function inFolder(exceptions: Parameters<typeof secretFaults>[2]): Promise<string[]> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-chain-'));
    try {
      for (const [name, content] of Object.entries(planted)) writeFileSync(join(folder, name), content);
      return await secretFaults(folder, Object.keys(planted), exceptions);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('are found where they stand, and not told', async () => {
    const faults = await inFolder([]);
    expect([...new Set(faults.map((fault) => fault.split(' holds a secret')[0]))]).toEqual([
      'address.ts:2',
      'key.pem:1',
      'token.md:1',
      '.npmrc:1',
    ]);
    expect(faults.join()).not.toContain(secret);
  });

  it('may be planted in the files, and with the text, that an exception names', async () => {
    const exception = { files: /^address\.ts$/, text: new RegExp(`:${secret}@`), reason: '' };
    const all = await inFolder([]);
    expect(await inFolder([exception])).toEqual(all.filter((fault) => !fault.startsWith('address.ts')));
    const elsewhere = { ...exception, files: /^other\.ts$/ };
    expect((await inFolder([elsewhere])).slice(0, -1)).toEqual(all);
    const another = { ...exception, text: /:another@/ };
    const faults = await inFolder([another]);
    expect(faults.slice(0, -1)).toEqual(all);
    expect(faults.at(-1)).toBe('nothing is found in /^address\\.ts$/ like /:another@/: it needs no exception');
  });
});

describe('known vulnerabilities', () => {
  const advisory = (name: string, severity: string) => ({
    name,
    title: 'it breaks',
    url: `https://advisories.test/GHSA-${name}`,
    severity,
  });
  const report = (...via: unknown[]) =>
    JSON.stringify({ auditReportVersion: 2, vulnerabilities: { a: { via }, b: { via: ['a', ...via] } } });
  const accepted: AcceptedAdvisory = { advisory: 'GHSA-a', package: 'a', reason: '', until: '2026-03-31' };
  const fault = 'a has a high vulnerability: it breaks (https://advisories.test/GHSA-a)';

  it('fail from high on', () => {
    const low = report(advisory('a', 'low'), advisory('a', 'moderate'), 'c');
    expect(vulnerabilityFaults(low, [], '2026-03-01')).toEqual([]);
    expect(vulnerabilityFaults(report(advisory('a', 'high')), [], '2026-03-01')).toEqual([fault]);
    expect(vulnerabilityFaults(report(advisory('a', 'critical')), [], '2026-03-01')).toHaveLength(1);
    expect(vulnerabilityFaults('{"auditReportVersion":2,"vulnerabilities":{}}', [], '2026-03-01')).toEqual([]);
  });

  it('are accepted until the day that is said, for the package that is said', () => {
    const grave = report(advisory('a', 'high'));
    expect(vulnerabilityFaults(grave, [accepted], '2026-03-31')).toEqual([]);
    expect(vulnerabilityFaults(grave, [accepted], '2026-04-01')).toEqual([
      `${fault}; it was accepted until 2026-03-31`,
    ]);
    expect(vulnerabilityFaults(grave, [{ ...accepted, package: 'b' }], '2026-03-01')).toEqual([
      fault,
      'GHSA-a of b is not reported as grave any more: it needs no entry',
    ]);
    expect(vulnerabilityFaults(grave, [{ ...accepted, advisory: 'a' }], '2026-03-01')).toContain(fault);
  });

  it.each(['', 'no JSON', '{"message":"405 Method Not Allowed","error":{}}'])('are not known from %o', (output) => {
    expect(vulnerabilityFaults(output, [], '2026-03-01')).toBeUndefined();
  });

  it('are not taken for absent where a report has another form', () => {
    expect(() => vulnerabilityFaults('{"auditReportVersion":3,"vulnerabilities":{}}', [], '2026-03-01')).toThrow();
  });
});
