/** `sluice verify` with files: lines removed and doubled by hand, and a vendor that went on. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import { documentsIn } from './delivered.ts';
import { configOf, openPlace, until } from './place.ts';
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

test('an older revision is shipped as it was where it is kept, and else is beyond repair', {
  timeout: 600_000,
}, async () => {
  const living = { statusChanges: 6, dwellMs: 0, everyMs: 10, confirm: true };
  const place = await openPlace({ detections: 60, living });
  cleanups.push(place.close);
  const configure = (keep: boolean) =>
    place.configure(configOf({ url: place.simulator.url, sinks: SINKS, raw: { keep } }));
  configure(true);
  place.simulator.pause();
  expect((await place.sluice('backfill', '--from', '400d')).code).toBe(0);
  for (const { id } of place.simulator.truth()) place.simulator.confirm(id, 1);
  place.simulator.resume();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect((await place.sluice('run', '--once')).code).toBe(0);
  const out = join(place.folder, 'out', 'acme', 'cylance.detection');
  const before = documentsIn(out);
  const eventOf = (document: EcsDocument) => document.event as { id: string; sequence: number; kind: string };
  const changed = before.map(eventOf).filter(({ sequence }) => sequence === 2);
  expect(changed).toHaveLength(6);
  const lost = new Set(changed.map(({ id }) => id));
  for (const name of readdirSync(out).filter((one) => one.endsWith('.ndjson'))) {
    const lines = readFileSync(join(out, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    const left = lines.filter((line) => {
      const { id, sequence } = eventOf(JSON.parse(line) as EcsDocument);
      return sequence !== 1 || !lost.has(id);
    });
    writeFileSync(join(out, name), left.map((line) => `${line}\n`).join(''));
  }
  configure(false);
  const beyond = await place.sluice('verify', '--repair');
  expect(beyond.stdout).toMatch(/6 missing/);
  expect(beyond.stdout).toMatch(/0 documents shipped\n {2}beyond repair: 6: an older revision cannot be had again/);
  configure(true);
  expect((await place.sluice('verify', '--repair')).stdout).toMatch(/6 documents shipped/);
  expect((await place.sluice('verify')).stdout).toMatch(/everything is there, once/);
  const plain = ({ event, ...rest }: EcsDocument) => {
    const { ingested: _, kind: __, ...more } = event as Record<string, unknown>;
    return { ...rest, event: more };
  };
  const byId = (one: EcsDocument, other: EcsDocument) => {
    const name = (of: EcsDocument) => `${eventOf(of).id} ${eventOf(of).sequence}`;
    return name(one) < name(other) ? -1 : 1;
  };
  const after = documentsIn(out);
  expect(after.sort(byId).map(plain)).toEqual(before.sort(byId).map(plain));
  expect(after.map(eventOf).filter(({ id, sequence }) => sequence === 1 && lost.has(id))).toEqual(
    changed.map(() => expect.objectContaining({ kind: 'event' })),
  );
});

test('a repair that is stopped goes on where it was, and raises no alert', { timeout: 600_000 }, async () => {
  const place = await openPlace({ detections: 60 });
  cleanups.push(place.close);
  const configure = (perSecond: number) => {
    const source = { rate: { requests_per_second: perSecond, concurrency: 2 } };
    place.configure(configOf({ url: place.simulator.url, sinks: SINKS, source }));
  };
  configure(5000);
  expect((await place.sluice('backfill', '--from', '400d')).code).toBe(0);
  const out = join(place.folder, 'out', 'acme', 'cylance.detection');
  for (const name of readdirSync(out).filter((one) => one.endsWith('.ndjson'))) writeFileSync(join(out, name), '');
  configure(15);
  const child = place.start(['verify', '--repair']);
  const jobs = () => {
    const database = new DatabaseSync(join(place.folder, 'sluice-state', 'state.db'), {
      readOnly: true,
      timeout: 1000,
    });
    try {
      return database.prepare('SELECT status, "as" FROM jobs ORDER BY id').all();
    } finally {
      database.close();
    }
  };
  await until('the repair has begun', 60_000, () => jobs().length === 2);
  await child.end('SIGTERM');
  expect(jobs()[1]).toMatchObject({ as: 'event' });
  expect(jobs()[1]).not.toMatchObject({ status: 'done' });
  configure(5000);
  const resumed = await place.sluice('backfill', '--resume');
  expect({ code: resumed.code, stderr: resumed.stderr }).toMatchObject({ code: 0 });
  const kinds = documentsIn(out).map(({ event }) => (event as { kind: string }).kind);
  expect(kinds).toEqual(Array.from({ length: 60 }, () => 'event'));
  expect((await place.sluice('verify')).stdout).toMatch(/everything is there, once/);
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
