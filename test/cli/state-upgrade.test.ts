/** The states that earlier versions left: they open, and go on where they were; and a backup is the way back. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { SCHEMA_VERSION } from '../../src/state/schema.sql.ts';
import { TENANT, type Workplace, workplace } from './binary.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'state');
const VERSIONS = readdirSync(FIXTURES).flatMap(
  (name) => /^schema-(\d+)\.db\.zst$/.exec(name)?.slice(1).map(Number) ?? [],
);
/** Of the 12 detections of the simulator, the one that lies behind what the earlier version shipped is the last. */
const SHIPPED = ['--from', '2026-09-20', '--to', '2026-10-01'];
const ALL = ['--from', '2026-09-20', '--to', '2026-10-01T00:01:00Z'];

let place: Workplace | undefined;
afterEach(() => place?.close());

function versionOf(file: string): number {
  const database = new DatabaseSync(file);
  try {
    return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  } finally {
    database.close();
  }
}

/** A workplace as a version with this schema left it. */
async function leftBy(version: number) {
  const tenant = { tenantId: 'simulated-tenant', endTime: '2026-10-01T00:00:00Z' };
  const made = await workplace({ seed: 7, detections: 12, spanDays: 10, ...tenant });
  place = made;
  const at = (...names: string[]) => join(made.folder, ...names);
  made.configure();
  const config = readFileSync(at('sluice.yaml'), 'utf8');
  writeFileSync(at('sluice.yaml'), config.replace(TENANT.tenantId, tenant.tenantId));
  const file = zstdDecompressSync(readFileSync(join(FIXTURES, `schema-${version}.db.zst`)));
  mkdirSync(at('sluice-state'), { mode: 0o700 });
  writeFileSync(at('sluice-state', 'state.db'), file, { mode: 0o600 });
  const owner = join(FIXTURES, `schema-${version}.owner.json`);
  if (existsSync(owner)) {
    const target = at('sluice-out', 'acme', 'cylance.detection', '.sluice-owner.json');
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    writeFileSync(target, readFileSync(owner), { mode: 0o600 });
  }
  const delivered = () => (existsSync(at('sluice-out')) ? made.delivered() : []);
  return { sluice: made.sluice, at, delivered, file };
}

test('there is a state of every earlier schema', () => {
  const earlier = Array.from({ length: SCHEMA_VERSION - 1 }, (_, index) => index + 1);
  expect(VERSIONS).toEqual(expect.arrayContaining(earlier));
});

for (const version of VERSIONS) {
  test(`a state of schema ${version} goes on where it was, and a backup made before is the way back`, async () => {
    const { sluice, at, delivered, file } = await leftBy(version);
    const backup = await sluice('state', 'backup', 'before.db');
    expect(backup.code, backup.stderr).toBe(0);
    expect(versionOf(at('before.db'))).toBe(version);
    expect(versionOf(at('sluice-state', 'state.db'))).toBe(version);
    const same = await sluice('backfill', ...SHIPPED, '--json');
    expect(same.code, same.stderr).toBe(0);
    expect(delivered()).toEqual([]);
    expect(versionOf(at('sluice-state', 'state.db'))).toBe(SCHEMA_VERSION);
    const more = await sluice('backfill', ...ALL);
    expect(more.code, more.stderr).toBe(0);
    expect(delivered()).toHaveLength(1);
    expect((await sluice('state', 'show')).stdout).toMatch(/12 records known/);
    rmSync(at('sluice-state', 'state.seal'), { force: true });
    writeFileSync(at('sluice-state', 'state.db'), readFileSync(at('before.db')));
    writeFileSync(at('original.db'), file);
    expect(rowsOf(at('sluice-state', 'state.db'))).toEqual(rowsOf(at('original.db')));
  });
}

function rowsOf(file: string): unknown {
  const database = new DatabaseSync(file);
  try {
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    return tables.map(({ name }) => [name, database.prepare(`SELECT * FROM ${name}`).all()]);
  } finally {
    database.close();
  }
}
