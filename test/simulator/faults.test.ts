import { describe, expect, test } from 'vitest';
import { FAULT_NAMES, type FaultPlan, readFaultPlan } from '../../simulator/index.ts';
import { askToken, authToken, type Reader, readerOf, start, withSimulator } from './client.ts';

const LIST = '/detections/v2?page_size=10';
const statusOf = async (reader: Reader, path = LIST) => (await reader.get(path)).status;

/** The outcome of a number of requests in a row: the status, or the kind of failure. */
async function outcomes(reader: Reader, count: number, path = LIST): Promise<(number | string)[]> {
  const seen: (number | string)[] = [];
  for (let index = 0; index < count; index++) {
    seen.push(
      await reader.get(path).then(
        ({ status, json }) => (json === undefined ? 'no JSON' : status),
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      ),
    );
  }
  return seen;
}

async function withFaults(faults: FaultPlan, run: Parameters<typeof withSimulator>[1]): Promise<void> {
  await withSimulator({ detections: 60, faults }, run);
}

describe('fault plan', () => {
  test('is read strictly', () => {
    const bad: [plan: unknown, message: RegExp][] = [
      [{}, /must be a list/],
      [[{ fault: 'flood' }], /rule 1 has an unknown fault "flood"/],
      [[{ fault: 'hang' }, { fault: 'hang', evry: 2 }], /rule 2 \(hang\) has an unknown member "evry"/],
      [[{ fault: 'hang', every: 0 }], /"every" must be a whole number/],
      [[{ fault: 'hang', endpoint: 'lists' }], /"endpoint" must be one of/],
      [[{ fault: 'rate-limit', retryAfter: 3 }], /"retryAfter" must be/],
      [[{ fault: 'server-error', status: 200 }], /"status" must be/],
      [[{ fault: 'slow', overMs: 'long' }], /"overMs" must be a number/],
      [[{ fault: 'detail-fails' }], /needs "fraction"/],
    ];
    for (const [plan, message] of bad) expect(() => readFaultPlan(plan)).toThrow(message);
    expect(FAULT_NAMES).toHaveLength(19);
  });

  test('a wrong plan keeps the simulator from starting', async () => {
    await expect(start({ faults: [{ fault: 'nothing' } as never] })).rejects.toThrow(/unknown fault/);
  });

  test('every, requests, times, probability and endpoint choose the requests', async () => {
    await withFaults(
      [{ fault: 'server-error', status: 503, endpoint: 'list', every: 3, times: 2 }],
      async (_, reader) => {
        expect(await outcomes(reader, 9)).toEqual([200, 200, 503, 200, 200, 503, 200, 200, 200]);
        expect(await statusOf(reader, '/detections/v2/recent')).toBe(200);
      },
    );
    await withFaults(
      [{ fault: 'server-error', status: [500, 502, 504], endpoint: 'list', requests: [1, 3, 4] }],
      async (simulator, reader) => {
        expect(await outcomes(reader, 5)).toEqual([500, 200, 502, 504, 200]);
        expect(simulator.stats()).toMatchObject({ faultsDone: { 'server-error': 3 }, unusedFaults: [] });
      },
    );
    const random: FaultPlan = [{ fault: 'server-error', endpoint: 'list', probability: 0.5 }];
    let first: (number | string)[] = [];
    await withFaults(random, async (_, reader) => {
      first = await outcomes(reader, 40);
    });
    await withFaults(random, async (_, reader) => expect(await outcomes(reader, 40)).toEqual(first));
    expect(first.filter((status) => status === 200).length).toBeGreaterThan(5);
    expect(first.filter((status) => status !== 200).length).toBeGreaterThan(5);
  });

  test('names the rules that never fired', async () => {
    await withFaults(
      [
        { fault: 'hang', endpoint: 'csv' },
        { fault: 'rate-limit', endpoint: 'list', times: 1 },
      ],
      async (simulator, reader) => {
        await outcomes(reader, 2);
        expect(simulator.stats()).toMatchObject({ faultsDone: { 'rate-limit': 1 }, unusedFaults: ['rule 1 (hang)'] });
      },
    );
  });
});

describe('faults of requests', () => {
  test('rate-limit, with both forms of Retry-After and without', async () => {
    const plan: FaultPlan = [
      { fault: 'rate-limit', endpoint: 'list', requests: [1], seconds: 7 },
      { fault: 'rate-limit', endpoint: 'list', requests: [2], seconds: 7, retryAfter: 'date' },
      { fault: 'rate-limit', endpoint: 'list', requests: [3], retryAfter: 'none' },
    ];
    await withFaults(plan, async (_, reader) => {
      const answers = [await reader.get(LIST), await reader.get(LIST), await reader.get(LIST)];
      expect(answers.map(({ status }) => status)).toEqual([429, 429, 429]);
      expect(answers[0]?.headers['retry-after']).toBe('7');
      const wait = Date.parse(String(answers[1]?.headers['retry-after'])) - Date.now();
      expect(wait).toBeGreaterThan(4000);
      expect(wait).toBeLessThan(9000);
      expect(answers[2]?.headers['retry-after']).toBeUndefined();
    });
  });

  test('hang, reset, and what breaks bodies', async () => {
    const plan: FaultPlan = [
      { fault: 'reset', endpoint: 'list', requests: [1] },
      { fault: 'hang', endpoint: 'list', requests: [2] },
      { fault: 'reset-body', endpoint: 'list', requests: [1] },
      { fault: 'truncated-json', endpoint: 'list', requests: [2] },
      { fault: 'malformed-json', endpoint: 'list', requests: [3] },
      { fault: 'html-page', endpoint: 'list', requests: [4] },
    ];
    await withFaults(plan, async (simulator, reader) => {
      await expect(reader.get(LIST)).rejects.toThrow();
      await expect(reader.get(LIST, { timeoutMs: 150 })).rejects.toThrow('timeout');
      await expect(reader.get(LIST)).rejects.toThrow(/aborted|ECONNRESET|reset/);
      const [cut, broken, html, good] = [
        await reader.get(LIST),
        await reader.get(LIST),
        await reader.get(LIST),
        await reader.get(LIST),
      ];
      expect(cut).toMatchObject({ status: 200, json: undefined });
      expect(Number(cut.headers['content-length'])).toBe(Buffer.byteLength(cut.text));
      expect(good.text.startsWith(cut.text)).toBe(true);
      expect(broken).toMatchObject({ status: 200, json: undefined });
      expect(html.headers['content-type']).toMatch(/^text\/html/);
      expect(html.status).toBe(200);
      expect(good.json.page_items).toHaveLength(10);
      expect(simulator.stats().unusedFaults).toEqual([]);
    });
  });

  test('slow replies arrive whole, late', async () => {
    await withFaults([{ fault: 'slow', endpoint: 'list', overMs: 200 }], async (_, reader) => {
      const before = performance.now();
      const { json } = await reader.get(LIST);
      expect(performance.now() - before).toBeGreaterThan(150);
      expect(json.page_items).toHaveLength(10);
    });
  });
});

describe('faults of tokens and clocks', () => {
  test('token-expires-early: after a number of uses, though its expiry is later', async () => {
    await withFaults([{ fault: 'token-expires-early', afterUses: 2, times: 1 }], async (simulator, reader) => {
      expect(await outcomes(reader, 3)).toEqual([200, 200, 401]);
      const again = await readerOf(simulator.url);
      expect(await outcomes(again, 4)).toEqual([200, 200, 200, 200]);
      again.close();
    });
  });

  test('token-expires-early: after a time', async () => {
    await withFaults([{ fault: 'token-expires-early', afterMs: 700 }], async (_, reader) => {
      expect(await statusOf(reader)).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 800));
      expect(await statusOf(reader)).toBe(401);
    });
  });

  test('clock-skew: shows in Date and refuses tokens that are right by the client’s clock', async () => {
    const simulator = await start({ faults: [{ fault: 'clock-skew', seconds: -600 }] });
    const answer = await askToken(simulator.url, authToken());
    expect(answer.status).toBe(401);
    const skew = Date.parse(String(answer.headers.date)) - Date.now();
    expect(Math.abs(skew + 600_000)).toBeLessThan(5000);
    const now = Math.floor(Date.now() / 1000) - 600;
    expect((await askToken(simulator.url, authToken({ iat: now, exp: now + 1800 }))).status).toBe(200);
    expect(simulator.stats().faultsDone['clock-skew']).toBeGreaterThan(0);
    await simulator.close();
  });
});

describe('faults of lists and details', () => {
  test('lists that lie', async () => {
    const plan: FaultPlan = [
      { fault: 'missing-items', requests: [1] },
      { fault: 'wrong-page-number', requests: [2] },
      { fault: 'empty-items', requests: [3] },
      { fault: 'duplicate-items', requests: [4] },
    ];
    await withFaults(plan, async (simulator, reader) => {
      const page = `${LIST}&page=2`;
      const [missing, wrong, empty, twice, good] = [
        (await reader.get(page)).json,
        (await reader.get(page)).json,
        (await reader.get(page)).json,
        (await reader.get(page)).json,
        (await reader.get(page)).json,
      ];
      expect('page_items' in missing).toBe(false);
      expect(wrong.page_number).toBe(3);
      expect(empty).toMatchObject({ page_items: [], total_number_of_items: 60 });
      const first = (await reader.get(LIST)).json;
      expect(twice.page_items).toEqual([first.page_items[9], ...good.page_items.slice(1)]);
      expect(simulator.stats().unusedFaults).toEqual([]);
    });
  });

  test('moving-totals: never the true total, and not the same twice', async () => {
    await withFaults([{ fault: 'moving-totals', by: 3 }], async (_, reader) => {
      const totals: number[] = [];
      for (let index = 0; index < 6; index++) totals.push((await reader.get(LIST)).json.total_number_of_items);
      expect(totals).not.toContain(60);
      expect(new Set(totals).size).toBeGreaterThan(3);
    });
  });

  test('detail-fails: a fraction, for ever, and the truth says so', async () => {
    await withFaults([{ fault: 'detail-fails', fraction: 0.2 }], async (simulator, reader) => {
      const lost = [...simulator.truth()].filter(({ kind }) => kind === 'list');
      expect(lost.length).toBeGreaterThan(2);
      const items = await reader.all();
      for (const { id, record } of lost) {
        expect(await outcomes(reader, 2, `/detections/v2/${id}/details`)).toEqual([500, 500]);
        expect(items).toContainEqual(record);
      }
      const kept = [...simulator.truth()].find(({ kind }) => kind === 'detail');
      expect(await statusOf(reader, `/detections/v2/${kept?.id}/details`)).toBe(200);
      expect(simulator.stats().unserved).toBe(60 - lost.length - 1);
    });
  });

  test('deep-pages-fail: beyond a depth', async () => {
    await withFaults([{ fault: 'deep-pages-fail', beyond: 30 }], async (_, reader) => {
      const pages = [1, 2, 3, 4, 5, 6];
      const statuses = await Promise.all(pages.map((page) => statusOf(reader, `${LIST}&page=${page}`)));
      expect(statuses).toEqual([200, 200, 200, 500, 500, 500]);
    });
  });
});
