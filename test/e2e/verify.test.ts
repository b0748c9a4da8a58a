/** `sluice verify` with files: lines removed and doubled by hand, and a vendor that went on. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { documentsIn } from './delivered.ts';
import { configOf, openPlace } from './place.ts';
import { proveVerify, VERIFY_DETECTIONS, VERIFY_LIVING } from './verified.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const SINKS = [{ name: 'files', type: 'ndjson', path: 'out', rotate_size: '1MiB' }];

test('names exactly what is missing, stale and doubled, and repairs what can be', { timeout: 600_000 }, async () => {
  const place = await openPlace({ detections: VERIFY_DETECTIONS, living: VERIFY_LIVING });
  cleanups.push(place.close);
  place.configure(configOf({ url: place.simulator.url, sinks: SINKS }));
  const out = join(place.folder, 'out', 'acme', 'cylance.detection');
  await proveVerify({
    place,
    removes: false,
    documents: async () => documentsIn(out),
    async tamper(missing, doubled) {
      for (const name of readdirSync(out).filter((one) => one.endsWith('.ndjson'))) {
        const lines = readFileSync(join(out, name), 'utf8')
          .split('\n')
          .filter((line) => line !== '');
        const keyOf = (line: string) => (JSON.parse(line) as { event: { id: string } }).event.id;
        const left = lines.flatMap((line) => {
          if (missing.has(keyOf(line))) return [];
          return doubled.has(keyOf(line)) ? [line, line] : [line];
        });
        writeFileSync(join(out, name), `${left.join('\n')}\n`);
      }
    },
  });
});

test('a deletion that was not told is extra, and repaired; what a collector took is expired', {
  timeout: 600_000,
}, async () => {
  const place = await openPlace({ detections: 60, living: { deletions: 5, dwellMs: 0, everyMs: 10, confirm: true } });
  cleanups.push(place.close);
  place.configure(configOf({ url: place.simulator.url, sinks: SINKS }));
  place.simulator.pause();
  expect((await place.sluice('backfill', '--from', '400d')).code).toBe(0);
  for (const { id } of place.simulator.truth()) place.simulator.confirm(id, 1);
  place.simulator.resume();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const extra = await place.sluice('verify');
  expect(extra.stdout).toMatch(/0 missing, 0 stale, 0 doubled, 5 extra/);
  expect(extra.code).toBe(1);
  const repaired = await place.sluice('verify', '--repair');
  expect(repaired.stdout).toMatch(/5 documents shipped/);
  const clean = await place.sluice('verify');
  expect({ code: clean.code, stdout: clean.stdout }).toMatchObject({ code: 0, stdout: /everything is there, once/ });

  const out = join(place.folder, 'out', 'acme', 'cylance.detection');
  const first = readdirSync(out).find((name) => /backfill-1-000001\.ndjson$/.test(name)) as string;
  rmSync(join(out, first));
  const collected = await place.sluice('verify');
  expect(collected.stdout).toMatch(/60 expired/);
  expect(collected.code).toBe(0);
});
