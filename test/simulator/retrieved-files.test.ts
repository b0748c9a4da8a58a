import { describe, expect, test } from 'vitest';
import type { FaultPlan, Simulator, SimulatorOptions } from '../../simulator/index.ts';
import { type Loose, type Reader, readerOf, start, withSimulator } from './client.ts';

const FILES = '/devicecommands/v2/retrieved_files';
const SOME: Partial<SimulatorOptions> = { detections: 0, retrievedFiles: 60 };

const keyOf = ({ device_id, filepath, created_at, correlation_id }: Loose): string =>
  [device_id, filepath, created_at, correlation_id].join('|');
/** What may be compared: the link is another one at every serving. */
const stable = ({ download_url, ...rest }: Loose) => ({ ...rest, download_url: typeof download_url });

async function all(reader: Reader, pageSize = 25): Promise<Loose[]> {
  const items: Loose[] = [];
  for (let page = 1; ; page++) {
    const { json } = await reader.get(`${FILES}?page=${page}&page_size=${pageSize}`);
    items.push(...json);
    if (json.length === 0) return items;
  }
}

describe('the shape of the list', () => {
  test('a bare array honours the page and is empty past the end', async () => {
    await withSimulator(SOME, async (_, reader) => {
      const first = (await reader.get(FILES)).json;
      expect(first).toHaveLength(20);
      const items = await all(reader);
      expect(new Set(items.map(keyOf)).size).toBe(60);
      expect(items.slice(0, 20).map(keyOf)).toEqual(first.map(keyOf));
      const past = await reader.get(`${FILES}?page=4`);
      expect(past).toMatchObject({ status: 200, json: [] });
      expect((await reader.get(`${FILES}?page_size=0`)).status).toBe(400);
      const searched = (await reader.get(`${FILES}?q=SVCHOST&page_size=60`)).json as Loose[];
      expect(searched.length).toBeGreaterThan(0);
      expect(searched).toHaveLength(items.filter(({ filepath }) => /svchost/i.test(filepath)).length);
    });
  });

  test('or it is always the whole list', async () => {
    await withSimulator({ ...SOME, bareArrayPaged: false }, async (_, reader) => {
      for (const params of ['', '?page=2&page_size=7', '?page=99'])
        expect((await reader.get(FILES + params)).json).toHaveLength(60);
    });
  });

  test('or a page in the envelope, 404 past the end', async () => {
    await withSimulator({ ...SOME, retrievedFilesShape: 'envelope' }, async (_, reader) => {
      const { json } = await reader.get(`${FILES}?page=2&page_size=50`);
      expect(json).toMatchObject({ page_number: 2, page_size: 50, total_pages: 2, total_number_of_items: 60 });
      expect(json.page_items).toHaveLength(10);
      expect((await reader.get(`${FILES}?page=3&page_size=50`)).status).toBe(404);
    });
  });

  test('asks for its scope, and is only read', async () => {
    await withSimulator(SOME, async (simulator) => {
      for (const [scp, status] of [
        ['opticscommand:read', 200],
        ['opticsdetect:list opticssurvey:read', 403],
      ] as const) {
        const reader = await readerOf(simulator.url, { scp });
        expect((await reader.get(FILES)).status).toBe(status);
        reader.close();
      }
      const reader = await readerOf(simulator.url);
      expect((await reader.get(FILES, { method: 'POST' })).status).toBe(405);
      expect((await reader.get('/devicecommands/v2/X/getfile', { method: 'POST' })).status).toBe(405);
      expect(simulator.stats().forbiddenCalls).toBe(2);
      reader.close();
    });
  });
});

describe('one file', () => {
  test('has every status, paths of all systems, and its hashes only when it is there', async () => {
    await withSimulator(SOME, async (_, reader) => {
      const items = await all(reader);
      const statuses = ['AVAILABLE', 'DOES_NOT_EXIST', 'PENDING', 'REQUEST', 'RETRY_REQUEST', 'UNAVAILABLE'];
      expect([...new Set(items.map(({ file_status }) => file_status))].sort()).toEqual(statuses);
      for (const { file_status, sha256, md5, password, download_url } of items) {
        const isThere = file_status === 'AVAILABLE';
        for (const value of [sha256, md5, password, download_url]) expect(typeof value === 'string').toBe(isThere);
      }
      expect(items.some((item) => 'sha256' in item && item.sha256 === null)).toBe(true);
      expect(items.some((item) => !('sha256' in item))).toBe(true);
      expect(items.some(({ filepath }) => /^[A-Z]:\\/.test(filepath))).toBe(true);
      expect(items.some(({ filepath }) => /^[a-z]:\\/.test(filepath))).toBe(true);
      expect(items.some(({ filepath }) => filepath.startsWith('/'))).toBe(true);
    });
  });

  test('in another case is another file on Unix, and a later request on Windows', async () => {
    await withSimulator({ ...SOME, retrievedFiles: 400 }, async (_, reader) => {
      const folded = Map.groupBy(await all(reader, 200), (item) => `${item.device_id}|${item.filepath.toLowerCase()}`);
      const pairs = [...folded.values()].filter((list) => new Set(list.map(({ filepath }) => filepath)).size > 1);
      const unix = pairs.filter(([first]) => first.filepath.startsWith('/'));
      const sameRequest = unix.filter((list) => new Set(list.map((one) => one.correlation_id)).size < list.length);
      expect(sameRequest.length).toBeGreaterThan(2);
      const windows = pairs.filter(([first]) => !first.filepath.startsWith('/'));
      expect(windows.length).toBeGreaterThan(10);
      for (const list of windows) expect(new Set(list.map((one) => one.correlation_id)).size).toBe(list.length);
    });
  });

  test('has a fresh link at every serving, and nothing else changes', async () => {
    await withSimulator(SOME, async (_, reader) => {
      const [before, after] = [await all(reader), await all(reader)];
      expect(after.map(stable)).toEqual(before.map(stable));
      const links = [...before, ...after].flatMap(({ download_url }) => download_url ?? []);
      expect(links).toHaveLength(20);
      expect(new Set(links).size).toBe(20);
    });
  });

  test('plants secrets in its password and its link', async () => {
    await withSimulator({ ...SOME, plantSecrets: true }, async (_, reader) => {
      const there = (await all(reader)).filter(({ file_status }) => file_status === 'AVAILABLE');
      for (const { password, download_url } of there) {
        expect(password).toMatch(/^PLANTED-SECRET-\d+$/);
        expect(download_url).toMatch(/PLANTED-SECRET-\d+$/);
      }
      const secrets = JSON.stringify(there).match(/PLANTED-SECRET-\d+/g) ?? [];
      expect(new Set(secrets).size).toBe(20);
    });
    await withSimulator(SOME, async (_, reader) => {
      expect(JSON.stringify(await all(reader))).not.toContain('PLANTED');
    });
  });
});

async function readUntilQuiet(simulator: Simulator, reader: Reader): Promise<Map<string, Loose[]>> {
  const seen = new Map<string, Loose[]>();
  const until = Date.now() + 20_000;
  for (let calm = 0; calm < 2; ) {
    for (const item of await all(reader)) {
      const known = seen.get(keyOf(item)) ?? [];
      if (known.at(-1)?.file_status !== item.file_status) seen.set(keyOf(item), [...known, stable(item)]);
    }
    const { pending, unserved } = simulator.stats();
    calm = pending === 0 && unserved === 0 ? calm + 1 : 0;
    if (Date.now() > until) throw new Error(`not quiet: ${JSON.stringify(simulator.stats())}`);
  }
  return seen;
}

describe('files that move', () => {
  test('what was served, status by status, is the truth', async () => {
    await withSimulator({ ...SOME, living: { filesMove: 12, dwellMs: 20 } }, async (simulator, reader) => {
      expect(simulator.stats()).toMatchObject({ pending: 3 * 7, unserved: 60 });
      const seen = await readUntilQuiet(simulator, reader);
      const rows = [...simulator.truthOf('cylance.retrieved_file')];
      expect(rows.every(({ kind }) => kind === 'list')).toBe(true);
      const byId = Map.groupBy(rows, ({ id }) => id);
      expect([...byId.keys()].sort()).toEqual([...seen.keys()].sort());
      for (const [id, own] of byId) {
        expect(own.map(({ ordinal }) => ordinal)).toEqual(own.map((_, index) => index + 1));
        expect(own.map(({ record }) => stable(record))).toEqual(seen.get(id));
      }
      expect(simulator.summaryOf('cylance.retrieved_file')).toEqual({ records: 60, revisions: 60 + 21 });
      const ways = [...seen.values()]
        .filter((list) => list.length > 1)
        .map((list) => list.map((one) => one.file_status));
      expect(ways.filter((way) => way.join() === 'PENDING,UNAVAILABLE,RETRY_REQUEST')).toHaveLength(3);
      const { text } = await reader.get('/_simulator/truth?stream=cylance.retrieved_file');
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(lines.map((row) => ({ ...row, record: stable(row.record) }))).toEqual(
        rows.map((row) => ({ ...row, record: stable(row.record) })),
      );
    });
  });

  test('with confirm, a status waits; ids with blanks are taken whole', async () => {
    const living = { filesMove: 60, dwellMs: 0, confirm: true };
    await withSimulator({ ...SOME, living }, async (simulator, reader) => {
      const { pending } = simulator.stats();
      await all(reader);
      await new Promise((resolve) => setTimeout(resolve, 80));
      expect(simulator.stats()).toMatchObject({ pending, waitingFor: { confirmation: 60 } });
      const ids = [...simulator.truthOf('cylance.retrieved_file')].map(({ id }) => id);
      expect(ids.some((id) => id.includes(' '))).toBe(true);
      const body = ids.map((id) => `${id} 1`).join('\n');
      expect((await reader.get('/_simulator/confirm', { method: 'POST', body })).json).toEqual({ confirmed: 60 });
      await new Promise((resolve) => setTimeout(resolve, 80));
      expect(simulator.stats()).toMatchObject({ pending: pending - 60, unserved: 60 });
    });
  });

  test('more moves than files is an error', async () => {
    await expect(start({ ...SOME, living: { filesMove: 61 } })).rejects.toThrow(/more changes are planned/);
  });
});

describe('faults of files', () => {
  test('requests and bodies; what is spoiled does not count as served', async () => {
    const faults: FaultPlan = [
      { fault: 'rate-limit', endpoint: 'files', requests: [1] },
      { fault: 'truncated-json', endpoint: 'files', requests: [1] },
    ];
    await withSimulator({ ...SOME, faults }, async (simulator, reader) => {
      const path = `${FILES}?page_size=60`;
      expect((await reader.get(path)).status).toBe(429);
      expect(await reader.get(path)).toMatchObject({ status: 200, json: undefined });
      expect(simulator.stats().unserved).toBe(60);
      expect((await reader.get(path)).json).toHaveLength(60);
      expect(simulator.stats().unserved).toBe(0);
    });
  });

  test('a list in the envelope can lie', async () => {
    const faults: FaultPlan = [{ fault: 'moving-totals', endpoint: 'files', requests: [1] }];
    await withSimulator({ ...SOME, retrievedFilesShape: 'envelope', faults }, async (simulator, reader) => {
      expect((await reader.get(FILES)).json.total_number_of_items).not.toBe(60);
      expect((await reader.get(FILES)).json.total_number_of_items).toBe(60);
      expect(simulator.stats().unserved).toBe(40);
    });
  });
});
