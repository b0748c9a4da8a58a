import { describe, expect, test } from 'vitest';
import type { FaultPlan } from '../../simulator/index.ts';
import { type Loose, type Reader, readerOf, start, withSimulator } from './client.ts';
import { allQueries, allResults, DOZEN, entriesOf, found, idOf, keyOf, QUERIES, resultsOf } from './queries-client.ts';

describe('the list of queries', () => {
  test('is paged, newest first, and a page past the end is 404', async () => {
    await withSimulator({ ...DOZEN, instaQueries: 45 }, async (_, reader) => {
      const first = (await reader.get(`${QUERIES}?archived=true`)).json;
      expect(first).toMatchObject({ page_number: 1, page_size: 20, total_pages: 3, total_number_of_items: 45 });
      const all = await allQueries(reader, 7);
      expect(new Set(all.map(idOf)).size).toBe(45);
      expect(all.slice(0, 20)).toEqual(first.page_items);
      const times = all.flatMap(({ created_at }) => (created_at ? [Date.parse(created_at.slice(0, 10))] : []));
      expect(times.length).toBeGreaterThan(8);
      expect(times.length).toBeLessThan(20);
      // Days may be off by one, as some are written in another zone.
      for (const [index, time] of times.slice(1).entries()) expect(time).toBeLessThan((times[index] ?? 0) + 86_400_001);
      expect((await reader.get(`${QUERIES}?page=4&archived=true`)).status).toBe(404);
      expect((await reader.get(`${QUERIES}?page=0`)).status).toBe(400);
      expect((await reader.get(`${QUERIES}?sort=-name&originated-from=x`)).status).toBe(200);
    });
    await withSimulator({ detections: 5 }, async (_, reader) => {
      const { status, json } = await reader.get(QUERIES);
      expect(status).toBe(200);
      expect(json).toMatchObject({ total_pages: 0, total_number_of_items: 0, page_items: [] });
    });
  });

  test('hides archived queries unless they are asked for', async () => {
    await withSimulator(DOZEN, async (_, reader) => {
      const listed = async (params: string) => (await reader.get(`${QUERIES}${params}`)).json.page_items as Loose[];
      const all = await listed('?archived=true');
      expect(all).toHaveLength(12);
      expect(await listed('?archived')).toEqual(all);
      const open = await listed('');
      expect(open).toEqual(all.filter(({ archived }) => !archived));
      expect(open).toHaveLength(10);
      expect(await listed('?archived=false')).toEqual(open);
      const shown = all.flatMap(({ archived }) => archived ?? []);
      expect(shown).toHaveLength(2);
      for (const time of shown) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-08:00$/);
      expect(await listed('?q=MAKROS')).toEqual([]);
      const named = await listed('?archived=1&q=MAKROS');
      expect(named.map(({ name }) => name)).toEqual(['Suche nach Makros: "Überprüfung"']);
    });
  });

  test('a dozen has every kind and every way of writing', async () => {
    await withSimulator(DOZEN, async (_, reader) => {
      const all = await allQueries(reader);
      const count = (test: (query: Loose) => boolean) => all.filter(test).length;
      const complete = ({ progress }: Loose) => progress.queried > 0 && progress.queried === progress.responded;
      expect(count(({ progress }) => Object.keys(progress).length === 0)).toBe(1);
      expect(count(({ progress }) => progress.responded < progress.queried)).toBe(1);
      expect(count((query) => complete(query) && !query.results_available)).toBe(2);
      expect(count((query) => complete(query) && query.results_available)).toBe(8);
      expect(count((query) => 'Id' in query)).toBe(1);
      expect(count(({ created_at }) => created_at !== undefined)).toBe(3);
      expect(count(({ archived }) => archived === null)).toBeGreaterThan(0);
      expect(count(({ name }) => name !== name.trim())).toBe(1);
      expect(count(({ name }) => /[^\u0020-\u024f]/.test(name))).toBeGreaterThan(4);
      for (const query of all) expect(idOf(query)).toMatch(/^[0-9A-F]{32}$/);
      const artifacts = new Set(all.map(({ artifact }) => artifact));
      expect([...artifacts].sort()).toEqual(['Driver', 'File', 'NetworkConnection', 'Process', 'RegistryKey']);
      for (const member of ['zones', 'filters', 'relations'])
        for (const query of all) expect(Array.isArray(query[member])).toBe(true);
    });
  });
});

describe('one query and its results', () => {
  test('the detail is what the list shows; ids that are none are refused', async () => {
    await withSimulator(DOZEN, async (simulator, reader) => {
      for (const query of await allQueries(reader)) {
        expect((await reader.get(`${QUERIES}/${idOf(query)}`)).json).toEqual(query);
      }
      const unknown = 'AF593F38EDC1B743BDC0A6FCC53A03CD';
      for (const path of [`${QUERIES}/${unknown}`, `${QUERIES}/${unknown}/results`]) {
        expect((await reader.get(path)).status).toBe(404);
      }
      expect((await reader.get(`${QUERIES}/no-id`)).status).toBe(400);
      for (const method of ['POST', 'DELETE', 'PUT'])
        expect((await reader.get(`${QUERIES}/${unknown}`, { method })).status).toBe(405);
      expect(simulator.stats()).toMatchObject({ forbiddenCalls: 3, byEndpoint: { instaquery: 14, results: 1 } });
    });
  });

  test('each endpoint asks for its own scope', async () => {
    await withSimulator(DOZEN, async (simulator, all) => {
      const id = idOf((await allQueries(all))[0]);
      const paths = [QUERIES, `${QUERIES}/${id}`, `${QUERIES}/${id}/results`];
      for (const [scp, statuses] of [
        ['opticssurvey:list', [200, 403, 403]],
        ['opticssurvey:read', [403, 200, 200]],
        ['opticsdetect:list opticsdetect:read', [403, 403, 403]],
      ] as const) {
        const reader = await readerOf(simulator.url, { scp });
        expect((await Promise.all(paths.map((path) => reader.get(path)))).map(({ status }) => status)).toEqual(
          statuses,
        );
        reader.close();
      }
    });
  });

  test('results come in all the forms that have been seen, under both forms of the address', async () => {
    await withSimulator({ ...DOZEN, resultsPerQuery: 60 }, async (_, reader) => {
      const replies = await allResults(reader);
      const names = new Set(replies.flatMap(({ reply }) => Object.keys(reply)));
      expect([...names].sort()).toEqual(['Id', 'Result', 'Status', 'id', 'result', 'status']);
      const places = new Set(replies.map(({ reply }) => Object.keys(reply).findIndex((name) => /result/i.test(name))));
      expect([...places].sort()).toEqual([0, 1, 2]);
      expect(new Set(replies.map(({ reply }) => reply.status ?? reply.Status))).toEqual(
        new Set(['done', 'running', 'pending']),
      );
      const entries = replies.flatMap(({ reply }) => entriesOf(reply));
      const forms = (of: (entry: Loose) => unknown) => new Set(entries.map(of));
      expect(forms(({ Result }) => typeof Result)).toEqual(new Set(['object', 'string']));
      expect(forms((entry) => typeof entry['@version'])).toEqual(new Set(['number', 'string']));
      expect(forms((entry) => typeof entry['@timestamp'])).toEqual(new Set(['number']));
      expect(entries.every((entry) => !Number.isInteger(entry['@timestamp']))).toBe(true);
      for (const [one, other] of [
        ['DeviceId', 'DeviceID'],
        ['CorrelationId', 'CorrelationID'],
      ] as const) {
        expect(forms((entry) => `${one in entry} ${other in entry}`)).toEqual(new Set(['true false', 'false true']));
      }
      const inner = entries.map(found);
      expect(new Set(inner.map((result) => 'FirstObserved' in result))).toEqual(new Set([true, false]));
      const first = inner.map((result) => result.FirstObserved ?? result.FirstObservedTime);
      expect(first.filter((time) => time.startsWith('1970-01-01')).length).toBeGreaterThan(3);
      for (const { Uid } of inner) expect(Uid).toMatch(/^[A-Za-z0-9+/]{21}[AQgw]==$/);
      const properties = (type: string) =>
        inner.filter(({ Type }) => Type === type).map(({ Properties }) => Properties);
      expect(new Set(properties('File').map(({ Size }) => typeof Size))).toEqual(new Set(['number', 'string']));
      expect(new Set(properties('File').map((one) => typeof one.FileSignature))).toEqual(new Set(['string', 'object']));
      expect(properties('File').some(({ Path }) => Path !== Path.trim())).toBe(true);
      const network = properties('NetworkConnection');
      expect(network.some((one) => 'ProcessImageSha2' in one)).toBe(true);
      expect(network.some((one) => 'ProcessImageSha256' in one)).toBe(true);
      expect(properties('Process').every((one) => one.CommandLine && one.PrimaryImagePath)).toBe(true);
      expect(properties('RegistryKey').every((one) => one.Path && 'IsPersistencePoint' in one)).toBe(true);
      expect(properties('Driver').length).toBeGreaterThan(10);
      const { query, reply } = replies.find((one) => entriesOf(one.reply).length > 0) as { query: Loose; reply: Loose };
      const again = (await reader.get(`${QUERIES}${idOf(query)}/results`)).json;
      expect(entriesOf(again).map(keyOf).sort()).toEqual(entriesOf(reply).map(keyOf).sort());
    });
  });

  test('what is served is the truth: one row for each artifact of a device, however often it is listed', async () => {
    await withSimulator({ ...DOZEN, instaQueries: 24 }, async (simulator, reader) => {
      const served = new Map<string, Loose[]>();
      for (const { query, reply } of await allResults(reader)) {
        expect(reply.id ?? reply.Id).toBe(idOf(query));
        expect(query.results_available).toBe(entriesOf(reply).length > 0);
        for (const entry of entriesOf(reply)) {
          const key = `${idOf(query)}|${keyOf(entry)}`;
          const record = { ...entry, Query: { id: idOf(query), name: query.name } };
          served.set(key, [...(served.get(key) ?? []), record]);
        }
      }
      const rows = [...simulator.truthOf('cylance.instaquery_result')];
      expect(rows.map(({ id }) => id).sort()).toEqual([...served.keys()].sort());
      expect(simulator.summaryOf('cylance.instaquery_result')).toEqual({
        records: rows.length,
        revisions: rows.length,
      });
      const twice = [...served.values()].filter((list) => list.length > 1);
      expect(twice.length).toBeGreaterThan(3);
      for (const [one, other] of twice) {
        expect(one['@timestamp']).not.toBe(other['@timestamp']);
        expect({ ...one, '@timestamp': 0 }).toEqual({ ...other, '@timestamp': 0 });
      }
      for (const { id, ordinal, record } of rows) {
        const latest = (served.get(id) ?? []).sort((a, b) => b['@timestamp'] - a['@timestamp'])[0];
        expect({ ordinal, record }).toEqual({ ordinal: 1, record: latest });
      }
      const uids = rows.map(({ id, record }) => ({ query: id.slice(0, 32), uid: found(record).Uid }));
      const queriesOf = Map.groupBy(uids, ({ uid }) => uid);
      const shared = [...queriesOf.values()].filter((list) => new Set(list.map(({ query }) => query)).size > 1);
      expect(shared.length).toBeGreaterThan(20);
    });
  });

  test('the order of results changes between reads', async () => {
    await withSimulator(DOZEN, async (_, reader) => {
      const query = (await allQueries(reader)).find(({ results_available }) => results_available);
      const orders = [];
      for (let read = 0; read < 3; read++) orders.push(entriesOf(await resultsOf(reader, idOf(query))).map(keyOf));
      expect(new Set(orders.map((keys) => keys.join())).size).toBe(3);
      expect(new Set(orders.map((keys) => [...keys].sort().join())).size).toBe(1);
    });
  });

  test('the same seed gives the same queries, another one others', async () => {
    const truth = async (seed: number) => {
      const simulator = await start({ ...DOZEN, seed });
      const rows = [...simulator.truthOf('cylance.instaquery'), ...simulator.truthOf('cylance.instaquery_result')];
      await simulator.close();
      return rows;
    };
    const one = await truth(7);
    expect(await truth(7)).toEqual(one);
    const ids = new Set(one.map(({ id }) => id));
    expect((await truth(8)).filter(({ id }) => ids.has(id))).toEqual([]);
  });

  test('plants secrets where queries and results can hold them', async () => {
    const options = { ...DOZEN, resultsPerQuery: 60 };
    const read = async (reader: Reader) =>
      JSON.stringify(await allQueries(reader)) +
      (await allResults(reader)).map(({ reply }) => JSON.stringify(entriesOf(reply).map(found))).join();
    await withSimulator({ ...options, plantSecrets: true }, async (_, reader) => {
      const queries = JSON.stringify(await allQueries(reader));
      expect(queries).toMatch(/https:\/\/analyst:PLANTED-SECRET-\d+@tickets/);
      expect(queries).toMatch(/"match_values":\["net use[^"]*(\\"[^"]*)*PLANTED-SECRET-/);
      const text = await read(reader);
      expect(text).toMatch(/"CommandLine":"[^,]*PLANTED-SECRET-\d+/);
      expect(text).toMatch(/"(password|download_?[uU]rl|Authorization)":"[^"]*PLANTED-SECRET-\d+/);
      expect(new Set(text.match(/PLANTED-SECRET-\d+/g)).size).toBeGreaterThan(50);
    });
    await withSimulator(options, async (_, reader) => expect(await read(reader)).not.toContain('PLANTED'));
  });
});

describe('faults of queries', () => {
  test('each endpoint has its own', async () => {
    const faults: FaultPlan = [
      { fault: 'rate-limit', endpoint: 'instaqueries', requests: [2] },
      { fault: 'server-error', status: 503, endpoint: 'instaquery', requests: [1] },
      { fault: 'hang', endpoint: 'results', requests: [1] },
      { fault: 'reset', endpoint: 'results', requests: [2] },
      { fault: 'truncated-json', endpoint: 'results', requests: [1], at: 0.9 },
    ];
    await withSimulator({ ...DOZEN, faults }, async (simulator, reader) => {
      const id = idOf((await allQueries(reader)).find(({ results_available }) => results_available));
      const [one, results] = [`${QUERIES}/${id}`, `${QUERIES}/${id}/results`];
      expect((await reader.get(QUERIES)).status).toBe(429);
      expect((await reader.get(one)).status).toBe(503);
      await expect(reader.get(results, { timeoutMs: 150 })).rejects.toThrow('timeout');
      await expect(reader.get(results)).rejects.toThrow();
      const cut = await reader.get(results);
      const good = await reader.get(results);
      expect(cut).toMatchObject({ status: 200, json: undefined });
      expect(entriesOf(good.json).length).toBeGreaterThan(0);
      expect(cut.text.length / good.text.length).toBeCloseTo(0.9, 2);
      expect((await reader.get(one)).status).toBe(200);
      expect((await reader.get('/detections/v2')).status).toBe(200);
      expect(simulator.stats().unusedFaults).toEqual([]);
    });
  });

  test('the list lies as that of detections does', async () => {
    const faults: FaultPlan = [
      { fault: 'missing-items', endpoint: 'instaqueries', requests: [1] },
      { fault: 'wrong-page-number', endpoint: 'instaqueries', requests: [2] },
      { fault: 'duplicate-items', endpoint: 'instaqueries', requests: [3] },
      { fault: 'deep-pages-fail', endpoint: 'instaqueries', beyond: 8 },
    ];
    await withSimulator({ ...DOZEN, faults }, async (_, reader) => {
      const page = async (number: number) => (await reader.get(`${QUERIES}?page_size=4&page=${number}`)).json;
      expect('page_items' in (await page(2))).toBe(false);
      expect((await page(2)).page_number).toBe(3);
      const twice = await page(2);
      const [first, good] = [await page(1), await page(2)];
      expect(twice.page_items).toEqual([first.page_items[3], ...good.page_items.slice(1)]);
      expect((await reader.get(`${QUERIES}?page_size=4&page=3`)).status).toBe(500);
      expect((await reader.get('/detections/v2?page_size=4&page=2')).status).toBe(200);
    });
  });
});
