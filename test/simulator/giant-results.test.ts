import { get as httpGet } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { FaultPlan, SimulatorOptions } from '../../simulator/index.ts';
import { askToken, authToken, type Loose, type Reader, withSimulator } from './client.ts';
import { allQueries, found, idOf, keyOf, QUERIES } from './queries-client.ts';

const GIANT: Partial<SimulatorOptions> = { detections: 0, giantResults: 20_000 };

async function giantPath(reader: Reader): Promise<string> {
  return `${QUERIES}/${idOf((await allQueries(reader))[0])}/results`;
}

describe('the giant reply', () => {
  test('has exactly the promised results, each with a Uid of its own, and is the truth', async () => {
    for (const giantResultForm of ['object', 'string'] as const) {
      await withSimulator({ ...GIANT, instaQueries: 3, giantResultForm }, async (simulator, reader) => {
        const [query] = await allQueries(reader);
        expect(query).toMatchObject({ results_available: true, progress: { queried: 5000, responded: 5000 } });
        const { text, headers, json } = await reader.get(await giantPath(reader));
        expect(Number(headers['content-length'])).toBe(Buffer.byteLength(text));
        expect(Buffer.byteLength(text) / 20_000).toBeCloseTo(1024, 0);
        expect(json).toMatchObject({ id: idOf(query), status: 'done' });
        expect(json.result).toHaveLength(20_000);
        expect(new Set(json.result.map((entry: Loose) => found(entry).Uid)).size).toBe(20_000);
        expect(new Set(json.result.map((entry: Loose) => found(entry).Properties.Path)).size).toBe(20_000);
        expect(typeof json.result[0].Result).toBe(giantResultForm);
        const Query = { id: idOf(query), name: query.name };
        let number = 0;
        for (const { id, ordinal, record } of simulator.truthOf('cylance.instaquery_result')) {
          if (!id.startsWith(Query.id)) continue;
          const entry = json.result[number++];
          if (number % 997 < 2 || number > 19_990) expect(record).toEqual({ ...entry, Query });
          if (id !== `${Query.id}|${keyOf(entry)}` || ordinal !== 1) throw new Error(`row ${number} has id ${id}`);
        }
        expect(number).toBe(20_000);
        const { records } = simulator.summaryOf('cylance.instaquery_result');
        expect(records).toBe([...simulator.truthOf('cylance.instaquery_result')].length);
        const served = simulator.stats().unserved;
        await reader.get(`${QUERIES}/${idOf(query)}`);
        expect(simulator.stats().unserved).toBe(served - 1);
      });
    }
  });

  test.each([1, 7, 8, 512, 513])('of %i results is JSON too', async (giantResults) => {
    await withSimulator({ detections: 0, giantResults }, async (_, reader) => {
      expect((await reader.get(await giantPath(reader))).json.result).toHaveLength(giantResults);
    });
  });

  test('waits for a reader that does not read', async () => {
    await withSimulator({ detections: 0, giantResults: 400_000 }, async ({ url }, reader) => {
      const token = (await askToken(url, authToken())).json.access_token;
      const path = await giantPath(reader);
      const before = process.memoryUsage().arrayBuffers;
      await new Promise<void>((resolve, reject) => {
        const sent = httpGet(url + path, { headers: { Authorization: `Bearer ${token}` } }, (reply) => {
          expect(Number(reply.headers['content-length'])).toBeGreaterThan(400_000_000);
          setTimeout(() => {
            const grown = process.memoryUsage().arrayBuffers - before;
            sent.destroy();
            if (grown < 50_000_000) resolve();
            else reject(new Error(`holds ${grown} bytes`));
          }, 500);
        });
        sent.on('error', reject);
      });
    });
  });

  test('is cut at a seeded place, or where the rule says', async () => {
    const lengths = async (seed: number, faults: FaultPlan) => {
      const cut: number[] = [];
      await withSimulator({ ...GIANT, seed, faults }, async (simulator, reader) => {
        const path = await giantPath(reader);
        for (let read = 0; read < 3; read++) {
          const { status, json, headers, text } = await reader.get(path);
          expect({ status, json }).toEqual({ status: 200, json: undefined });
          expect(Number(headers['content-length'])).toBe(Buffer.byteLength(text));
          cut.push(Buffer.byteLength(text));
        }
        await reader.get(path.replace('/results', ''));
        expect(simulator.stats()).toMatchObject({ unserved: 1, faultsDone: { 'truncated-json': 3 } });
      });
      return cut;
    };
    const whole = 20_000 * 1024;
    const seeded = await lengths(5, [{ fault: 'truncated-json', endpoint: 'results' }]);
    expect(await lengths(5, [{ fault: 'truncated-json', endpoint: 'results' }])).toEqual(seeded);
    expect(await lengths(6, [{ fault: 'truncated-json', endpoint: 'results' }])).not.toEqual(seeded);
    expect(new Set(seeded).size).toBe(3);
    for (const length of seeded) expect(length).toBeLessThan(whole);
    for (const length of await lengths(5, [{ fault: 'truncated-json', endpoint: 'results', at: 0.25 }]))
      expect(length / whole).toBeCloseTo(0.25, 3);
  });

  test('a reset comes in the middle of the body, and only the whole reply counts as served', async () => {
    const faults: FaultPlan = [
      { fault: 'reset-body', endpoint: 'results', requests: [1], at: 0.9 },
      { fault: 'malformed-json', endpoint: 'results', requests: [2] },
      { fault: 'html-page', endpoint: 'results', requests: [3] },
      { fault: 'slow', endpoint: 'results', requests: [4], overMs: 300 },
    ];
    await withSimulator({ ...GIANT, faults }, async (simulator, reader) => {
      const path = await giantPath(reader);
      await reader.get(path.replace('/results', ''));
      await expect(reader.get(path)).rejects.toThrow(/aborted|ECONNRESET|reset/);
      expect(await reader.get(path)).toMatchObject({ status: 200, json: undefined });
      expect((await reader.get(path)).headers['content-type']).toMatch(/^text\/html/);
      expect(simulator.stats()).toMatchObject({ unserved: 1, unusedFaults: ['rule 4 (slow)'] });
      const before = performance.now();
      expect((await reader.get(path)).json.result).toHaveLength(20_000);
      expect(performance.now() - before).toBeGreaterThan(200);
      expect(simulator.stats()).toMatchObject({ unserved: 0, unusedFaults: [] });
    });
  });
});
