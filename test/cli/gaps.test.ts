/** What is not proven to be delivered is named, closed by `backfill --gaps`, and then gone: with the real program. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { detectionsOf, type FakeVendor, fakeVendor, pageOf } from '../engine/fake-vendor.ts';
import { type Ended, launch } from './binary.ts';
import { idsIn } from './delivered-ids.ts';

const HOUR_MS = 3_600_000;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const config = ({ url }: FakeVendor) => `
sources:
  - name: acme
    connector: cylance
    streams: [cylance.detection]
    base_url: ${url}
    tenant_id: t
    application_id: a
    application_secret: a-secret-of-the-tests
    rate: { requests_per_second: 5000 }
    retry: { deadline: 1s, first_delay: 5ms, max_delay: 20ms }
    http: { proxy: none }
sinks:
  - { name: files, type: ndjson }
`;

test('a window that was skipped, one that did not settle and a record that could not be had', async () => {
  const newestMs = Date.now() - 60_000;
  const at = (hours: number) => new Date(newestMs - hours * HOUR_MS).toISOString();
  const all = detectionsOf(300, newestMs);
  const trouble = { moves: true, detail: true };
  const hidden = all[190]?.Id as string; // between two and one hours ago
  const broken = all[290]?.Id as string;
  const vendor = await fakeVendor({
    detections: () => all,
    answer(path, query) {
      if (trouble.detail && path.includes(broken)) return { status: 500, body: {} };
      const start = Date.parse(query.get('start') ?? '');
      const isMoving = trouble.moves && path === '/detections/v2' && Math.abs(start - Date.parse(at(2))) < 120_000;
      if (!isMoving) return undefined;
      const page = pageOf(
        all.filter(({ Id }) => Id !== hidden),
        query,
      ) as { total_number_of_items: number };
      return { body: { ...page, total_number_of_items: page.total_number_of_items + 1 } };
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'sluice-gaps-'));
  cleanUps.push(
    () => vendor.close(),
    () => rmSync(folder, { recursive: true, force: true }),
  );
  writeFileSync(join(folder, 'sluice.yaml'), config(vendor));
  const sluice = (...argv: string[]): Promise<Ended> => launch(folder, argv).ended;
  for (const [from, to] of [
    [5, 4], // and nothing from 4 to 3
    [3, 2],
    [2, 1],
    [1, 0],
  ] as const)
    expect(await sluice('backfill', '--from', at(from), '--to', at(to))).toMatchObject({ code: 0 });
  const before = idsIn(join(folder, 'sluice-out'));
  const missing = all.map(({ Id }) => Id).filter((id) => !before.includes(id));
  expect(missing).toHaveLength(59 + 2); // the list has the end of a range, too

  const told = await sluice('gaps', '--to', at(0), '--json');
  expect(told.code).toBe(1);
  const gaps = told.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; from: string; to: string; key?: string });
  expect(gaps.map(({ kind, key }) => [kind, key])).toEqual([
    ['never', undefined],
    ['unsettled', undefined],
    ['owed', broken],
  ]);
  expect(gaps[0]).toMatchObject({ from: at(4), to: at(3) });
  expect(gaps[1]).toMatchObject({ from: at(2), to: at(1) });
  const shown = await sluice('gaps', '--to', at(0));
  expect(shown.stdout).toMatch(/3 gaps from/);
  expect(shown.stdout).toMatch(/ {2}={11,12}\.{12,13}={11,12}\?{12,13}=+!=*\n/);

  trouble.moves = false;
  trouble.detail = false;
  const closed = await sluice('backfill', '--gaps', '--to', at(0), '--json');
  expect(closed, closed.stderr).toMatchObject({ code: 0 });
  const after = idsIn(join(folder, 'sluice-out'));
  expect(after.filter((id) => !before.includes(id)).sort()).toEqual(missing.sort());
  expect(after.length).toBe(new Set(after).size);
  expect(await sluice('gaps', '--to', at(0))).toMatchObject({ code: 0, stdout: expect.stringContaining('no gaps') });
  expect((await sluice('gaps', '--to', at(0), '--json')).stdout).toBe('');
  const asked = vendor.asked.filter((path) => path === '/detections/v2').length;
  expect((await sluice('backfill', '--gaps', '--to', at(0))).stdout).toContain('nothing new');
  expect(vendor.asked.filter((path) => path === '/detections/v2').length).toBe(asked);

  const ledger = await sluice('ledger', '--json', '--limit', '100');
  const rows = ledger.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>);
  for (const row of rows) {
    const { distinct, delivered = 0, givenUp = 0, unchanged = 0, rejected = 0, owed = 0 } = row;
    expect(delivered + givenUp + unchanged + rejected + owed).toBe(distinct);
  }
  const csv = (await sluice('ledger', '--csv', '--from', at(3), '--to', at(2))).stdout.trim().split('\n');
  expect(csv[0]).toMatch(/^source,stream,pipeline,walk,kind,from,to/);
  expect(csv.slice(1).every((line) => line.startsWith('acme,cylance.detection,'))).toBe(true);
  expect((await sluice('ledger')).stdout).toMatch(/accepted +pipeline +walk/);
  expect((await sluice('gaps', '--from', at(0), '--to', at(1))).code).toBe(2);
}, 60_000);
