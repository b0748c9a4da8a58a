/** 64 MB of heap, and a page of details of 3.5 MiB each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { fakeVendor } from '../engine/fake-vendor.ts';
import { documentsIn, idOf } from './delivered.ts';
import { type Child, configOf, openPlace, type Place } from './place.ts';
import { messagesIn } from './worst-days.ts';

let place: Place;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await place.close();
});

/** `SLUICE_LARGE_DETAILS=200` is the long form. */
const DETAILS = Number(process.env.SLUICE_LARGE_DETAILS ?? 50);
const MIB = 1024 * 1024;
const BYTES = 3.5 * MIB;
const many = (piece: string): string => piece.repeat(Math.floor(BYTES / piece.length));
const artifact =
  '{"Uid":"2b1c1c4e","Type":"Process","Name":"cmd.exe","ParentUid":"77","CommandLine":"cmd.exe /c dir C:\\\\Users"},';
/** What stands in a member of each: half of a detail may become more than there is. */
const CONTENT = {
  artifacts: `[${many(artifact)}{}]`,
  text: JSON.stringify(many('cmd.exe /c dir ')),
  hashes: `[${many('"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",')}""]`,
  'small objects': `[${many('{},')}{}]`,
};
const KINDS = Object.keys(CONTENT) as (keyof typeof CONTENT)[];
/** Of every ten: five of artifacts, two of each other but one of nothing but small objects. */
const kindOf = (index: number): keyof typeof CONTENT =>
  KINDS[[0, 1, 0, 2, 0, 3, 0, 1, 0, 2][index % 10] as number] ?? 'text';

/** The most that the process held at any time, in MB; undefined where that cannot be told. */
async function peakOf(child: Child): Promise<number | undefined> {
  let peak: number | undefined;
  while (child.hasEnded() === undefined) {
    try {
      peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024 || peak;
    } catch {
      // it has just ended, or there is no such file
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return peak;
}

test(`${DETAILS} large details: slower, and what is more than there is waits for a larger process`, async () => {
  const at = new Date(Date.now() - 3_600_000).toISOString();
  const items = Array.from({ length: DETAILS }, (_, index) => ({
    ...{ Id: `d${String(index).padStart(4, '0')}`, Status: 'New', Severity: 'Low' },
    ...{ OccurrenceTime: at, ReceivedTime: at },
  }));
  const vendor = await fakeVendor({
    detections: () => items,
    answer(path) {
      const id = /^\/detections\/v2\/d(\d+)\/details$/.exec(path)?.[1];
      if (id === undefined) return undefined;
      const start = JSON.stringify(items[Number(id)]).slice(0, -1);
      return { body: `${start},"Description":"whole","Other":${CONTENT[kindOf(Number(id))]}}` };
    },
  });
  cleanups.push(vendor.close);
  place = await openPlace({ detections: 0 });
  const sinks = [{ name: 'files', type: 'ndjson', path: 'out' }];
  place.configure(configOf({ url: vendor.url, sinks, reading: { lookback: '1d', detail_refresh: ['1s'] } }));

  const child = place.start(['run', '--once'], { NODE_OPTIONS: '--max-old-space-size=64' });
  const peak = await peakOf(child);
  console.log(`${DETAILS} details, 64 MB of heap: ${peak?.toFixed(0)} MB at most`);
  const { code, stderr } = await child.ended;
  expect(code, stderr.slice(-1000)).toBe(0);
  if (peak !== undefined) expect(peak).toBeLessThan(300);
  const tooLarge = items.filter((_, index) => kindOf(index) === 'small objects').map(({ Id }) => Id);
  const delivered = documentsIn(join(place.folder, 'out'));
  const idsOf = (of: typeof delivered) => of.map(({ event }) => (event as { id: string }).id).toSorted();
  expect(idsOf(delivered)).toEqual(items.map(({ Id }) => Id));
  expect(idsOf(delivered.filter(({ tags }) => (tags as string[] | undefined)?.includes('detail_missing')))).toEqual(
    tooLarge,
  );
  const said = messagesIn(stderr).filter((text) =>
    /the reply of 4 MiB may take \d+ MiB of memory, which this process does not have → Give Sluice more memory/.test(
      text,
    ),
  );
  expect(said).toHaveLength(tooLarge.length);

  const larger = await place.sluice('run', '--once');
  expect(larger.code, larger.stderr.slice(-1000)).toBe(0);
  const all = documentsIn(join(place.folder, 'out'));
  expect(new Set(all.map(idOf)).size).toBe(all.length);
  const later = all.filter(({ event }) => (event as { sequence: number }).sequence === 2);
  expect(idsOf(later)).toEqual(tooLarge);
  expect(later.every(({ tags }) => !(tags as string[] | undefined)?.includes('detail_missing'))).toBe(true);
}, 240_000);
