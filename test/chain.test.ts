/** The checks of scripts/chain.ts, on small made-up lockfiles. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  auditTroubles,
  type Bill,
  billTroubles,
  integrityTroubles,
  isAllowed,
  type Locked,
  type Lockfile,
  licenceTroubles,
  productionBill,
  scriptTroubles,
} from '../scripts/chain.ts';

const SHA = 'sha512-q7p65oqu';
const lock = (packages: Record<string, Locked>): Lockfile => ({
  packages: {
    '': { version: '0.1.0' },
    ...Object.fromEntries(
      Object.entries(packages).map(([name, locked]) => [
        `node_modules/${name}`,
        { version: '1.0.0', integrity: SHA, license: 'MIT', ...locked },
      ]),
    ),
  },
});

describe('licences', () => {
  test.each([
    ['MIT', true],
    ['(MIT OR GPL-3.0)', true],
    ['MIT AND ISC', true],
    ['MIT AND GPL-3.0', false],
    ['(GPL-2.0 OR GPL-3.0)', false],
    ['GPL-3.0', false],
    ['MITx', false],
    ['', false],
  ])('%s', (licence, allowed) => expect(isAllowed(licence)).toBe(allowed));

  test('of production packages are known, and those of tools are their own affair', () => {
    const lockfile = lock({
      good: {},
      bad: { license: 'GPL-3.0' },
      none: { license: undefined },
      tool: { dev: true, license: 'GPL-3.0' },
    });
    expect(licenceTroubles(lockfile)).toEqual([
      expect.stringContaining('bad@1.0.0: the licence GPL-3.0'),
      expect.stringContaining('none@1.0.0: the licence (none)'),
    ]);
  });

  test('of a package inside another are looked at, too', () => {
    expect(licenceTroubles(lock({ 'good/node_modules/@a/bad': { license: 'X' } }))).toEqual([
      expect.stringContaining('@a/bad@1.0.0'),
    ]);
  });
});

test('installation scripts run where they are allowed, and nothing else is allowed', () => {
  const lockfile = lock({ node: { hasInstallScript: true, dev: true }, sly: { hasInstallScript: true } });
  expect(scriptTroubles(lockfile, { node: true, sly: true })).toEqual([]);
  expect(scriptTroubles(lockfile, { node: true, sly: false })).toEqual([expect.stringContaining('sly runs a script')]);
  expect(scriptTroubles(lock({}), { node: true })).toEqual([expect.stringContaining('allows node, which runs none')]);
});

test('every package has its checksum, and comes from one place', () => {
  const at = (resolved: string): Locked => ({ resolved });
  expect(integrityTroubles(lock({ a: at('https://one.example/a.tgz'), b: at('https://one.example/b.tgz') }))).toEqual(
    [],
  );
  expect(integrityTroubles(lock({ a: { integrity: undefined }, b: { integrity: 'sha1-x' } }))).toHaveLength(2);
  expect(integrityTroubles(lock({ a: at('http://one.example/a.tgz') }))).toEqual([
    expect.stringContaining('over http:'),
  ]);
  expect(integrityTroubles(lock({ a: at('git+ssh://git@one.example/a.git') }))).toEqual([
    expect.stringContaining('git+ssh:'),
  ]);
  const two = lock({ a: at('https://one.example/a.tgz'), b: at('https://two.example/b.tgz') });
  expect(integrityTroubles(two)).toEqual([expect.stringContaining('2 places')]);
});

describe('the bill of materials', () => {
  const lockfile = lock({ '@a/b': {}, c: {}, tool: { dev: true } });
  const component = (name: string) => ({
    name,
    version: '1.0.0',
    purl: `pkg:npm/${name.replace('@', '%40')}@1.0.0`,
    licenses: [{ license: { id: 'MIT' } }],
    hashes: [{ alg: 'SHA-512', content: Buffer.from('q7p65oqu', 'base64').toString('hex') }],
  });
  const serialNumber = 'urn:uuid:00000000-0000-4000-8000-000000000000';
  const all: Bill = {
    ...{ bomFormat: 'CycloneDX', specVersion: '1.5', serialNumber },
    metadata: { component: { 'bom-ref': 'sluice@0.1.0' } },
    components: ['@a/b', 'c', 'tool'].map(component),
    dependencies: [
      { ref: 'sluice@0.1.0', dependsOn: ['@a/b@1.0.0', 'tool@1.0.0'] },
      { ref: 'tool@1.0.0', dependsOn: [] },
    ],
  };

  test('holds what runs, and not what only builds and tests', () => {
    const bill = productionBill(lockfile, all);
    expect(billTroubles(lockfile, bill)).toEqual([]);
    expect(bill.dependencies).toEqual([{ ref: 'sluice@0.1.0', dependsOn: ['@a/b@1.0.0'] }]);
  });

  test('is wrong where it lacks one, has one too many, or says something else', () => {
    const bill = productionBill(lockfile, all);
    const [first, second] = bill.components as [object, object];
    const told = (components: object[], more: Partial<Bill> = {}) =>
      billTroubles(lockfile, { ...bill, components, ...more });
    expect(told([first])).toEqual(['c@1.0.0 is missing']);
    expect(told([first, second, component('x')])).toEqual(['x@1.0.0 is not in the lockfile']);
    expect(told([first, { ...second, purl: 'pkg:npm/d@1.0.0' }])).toEqual([expect.stringContaining('the address')]);
    expect(told([first, { ...second, licenses: [] }])).toEqual(['c@1.0.0 has no licence']);
    expect(told([first, { ...second, hashes: [] }])).toEqual([expect.stringContaining('checksum')]);
    expect(told([first, second], { bomFormat: 'SPDX', serialNumber: 'x' })).toHaveLength(2);
  });
});

test('high and critical vulnerabilities count, others do not', () => {
  const of = (severity: string) => ({ severity, via: [{ title: 'bad', url: 'https://x.example/1' }] });
  const found = { vulnerabilities: { a: of('low'), b: of('moderate'), c: of('high'), d: of('critical') } };
  expect(auditTroubles(found, '2026-01-01')).toEqual([
    'c: high: bad https://x.example/1',
    'd: critical: bad https://x.example/1',
  ]);
  expect(auditTroubles({}, '2026-01-01')).toEqual([]);
});

test('the scanner of the tree finds a secret that is planted', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-chain-'));
  try {
    // Put together here, so that it does not stand in the tree.
    const key = [
      '-----BEGIN RSA',
      'PRIVATE KEY-----\nMIIEpAIBAAKCAQEA',
      'x'.repeat(200),
      '\n-----END RSA',
      'PRIVATE KEY-----',
    ];
    writeFileSync(join(folder, 'planted.txt'), `${key[0]} ${key[1]}${key[2]}${key[3]} ${key[4]}\n`);
    const root = join(import.meta.dirname, '..');
    const scanner = join(root, 'node_modules/secretlint/bin/secretlint.js');
    const argv = ['--secretlintrc', join(root, '.secretlintrc.json'), '--maskSecrets', join(folder, '*')];
    const { status, stdout } = spawnSync(process.execPath, [scanner, ...argv], { cwd: folder, encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringMatching(/private ?key/i) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
