/** What is kept of the vendors' records: by day, private, bounded, and whole after whatever tears a file. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openRawStore } from '../src/state/raw/keep.ts';
import { rawRecords } from '../src/state/raw/read.ts';
import { beginLine, wholeLine } from '../src/state/raw/record.ts';
import { scratch } from './engine/harness.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 10, 12);
const STREAM = 'acme.alarm';
let place: ReturnType<typeof scratch>;
let nowMs: number;
beforeEach(() => {
  place = scratch();
  nowMs = START;
});
afterEach(() => place.remove());

const open = (more: object = {}) => openRawStore({ path: place.path, forMs: 3 * DAY_MS, now: () => nowMs, ...more });
const folder = () => join(place.path, 'raw', 'acme', STREAM);
const first = () => join(folder(), '2026-01-10.ndjson.zst');

function line(key: string, more: object = {}): Buffer {
  const facts = {
    sink: 'files',
    key,
    ordinal: 1,
    revision: `r-${key}`,
    timeMs: nowMs,
    atMs: nowMs,
    kind: 'list' as const,
  };
  const document = { event: { id: key, ingested: '0000' }, note: 'ü'.repeat(100) };
  const begin = beginLine({ ...facts, ...more }, { id: key, text: 'x'.repeat(300) });
  return wholeLine(begin as string, Buffer.from(JSON.stringify(document)));
}

async function kept(query: object = {}): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of rawRecords({ path: place.path, source: 'acme', stream: STREAM, ...query }))
    keys.push(key);
  return keys;
}

test('records are there as they were kept, with their document, by time and by sink; a reader of zstd has them all', async () => {
  const store = open();
  await store.keep('acme', STREAM, [line('a'), line('b', { timeMs: START - DAY_MS, action: 'closed', as: 'event' })]);
  await store.keep('acme', STREAM, [line('c', { sink: 'other' })]);
  await store.keep('other', STREAM, [line('z')]);
  const all = [];
  for await (const record of rawRecords({ path: place.path, source: 'acme', stream: STREAM })) all.push(record);
  expect(all.map(({ key }) => key)).toEqual(['a', 'b', 'c']);
  expect(all[1]).toEqual({
    ...{ sink: 'files', key: 'b', ordinal: 1, revision: 'r-b', timeMs: START - DAY_MS, atMs: START, kind: 'list' },
    ...{ action: 'closed', as: 'event', record: { id: 'b', text: 'x'.repeat(300) } },
    document: { event: { id: 'b' }, note: 'ü'.repeat(100) },
  });
  expect(await kept({ sink: 'files' })).toEqual(['a', 'b']);
  expect(await kept({ newestFirst: true })).toEqual(['c', 'b', 'a']);
  expect(await kept({ fromMs: START })).toEqual(['a', 'c']);
  expect(await kept({ toMs: START })).toEqual(['b']);
  expect(await kept({ source: 'nobody' })).toEqual([]);
  const read = execFileSync('zstd', ['-dc', first()], { encoding: 'utf8' });
  expect(read.trim().split('\n')).toHaveLength(3);
});

test('files are for the own user alone, one for each day, and go when they are too old', async () => {
  let store = open();
  await store.keep('acme', STREAM, [line('a')]);
  expect((statSync(first()).mode & 0o777).toString(8)).toBe('600');
  expect((statSync(folder()).mode & 0o777).toString(8)).toBe('700');
  for (const day of [1, 2, 3]) {
    nowMs = START + day * DAY_MS;
    await store.keep('acme', STREAM, [line(`day ${day}`)]);
  }
  expect(readdirSync(folder())).toHaveLength(4);
  nowMs = START + 4 * DAY_MS; // the first day ended three and a half days ago
  await store.keep('other', STREAM, [line('of another source')]);
  expect(await kept()).toEqual(['day 1', 'day 2', 'day 3']);
  writeFileSync(join(folder(), 'notes.txt'), 'of a person');
  nowMs = START + 30 * DAY_MS;
  store = open();
  expect(readdirSync(folder())).toEqual(['notes.txt']);
});

test('appends that are asked for at once follow one another', async () => {
  const store = open();
  const keys = Array.from({ length: 50 }, (_, index) => `k${index}`);
  await Promise.all(keys.map((key) => store.keep('acme', STREAM, [line(key), line(`${key}+`)])));
  expect((await kept()).sort()).toEqual(keys.flatMap((key) => [key, `${key}+`]).sort());
});

/** What a crash can leave behind the last whole batch. */
const TORN: [what: string, tear: (path: string, size: number) => void][] = [
  ['half a batch', (path) => truncateSync(path, statSync(path).size - 20)],
  ['half a head', (path, size) => truncateSync(path, size + 9)],
  ['a head alone', (path, size) => truncateSync(path, size + 16)],
  [
    'zeros',
    (path, size) => writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, size), Buffer.alloc(500)])),
  ],
  [
    'a head with zeros in place of its batch',
    (path, size) => {
      const bytes = readFileSync(path);
      writeFileSync(path, bytes.fill(0, size + 16));
    },
  ],
];

test.each(TORN)('%s at the end is passed over, and cut by the next append', async (_what, tear) => {
  let store = open();
  await store.keep('acme', STREAM, [line('a')]);
  const { size } = statSync(first());
  await store.keep('acme', STREAM, [line('torn')]);
  tear(first(), size);
  expect(await kept()).toEqual(['a']);
  store = open();
  await store.keep('acme', STREAM, [line('b')]);
  expect(await kept()).toEqual(['a', 'b']);
});

test('what is no torn end is never cut', async () => {
  const store = open();
  await store.keep('acme', STREAM, [line('a')]);
  appendFileSync(first(), 'what another wrote meanwhile');
  const { size } = statSync(first());
  await expect(store.keep('acme', STREAM, [line('b')])).rejects.toThrow(/is damaged at byte/);
  await expect(kept()).rejects.toThrow(/is damaged at byte/);
  expect(statSync(first()).size).toBe(size);
});

test('a flipped bit before the end is said, not passed over', async () => {
  const store = open();
  for (const key of ['a', 'b']) await store.keep('acme', STREAM, [line(key)]);
  const bytes = readFileSync(first());
  bytes[40] = (bytes[40] as number) ^ 1;
  writeFileSync(first(), bytes);
  await expect(kept()).rejects.toThrow(/2026-01-10\.ndjson\.zst is damaged at byte 16/);
});

test('a folder that cannot be written is an error with advice, before anything is sent', async () => {
  writeFileSync(join(place.path, 'raw'), 'a file');
  expect(() => open()).toThrow(/cannot be kept/);
});
