import { describe, expect, test } from 'vitest';
import type { LivingOptions, Simulator, TruthRow } from '../../simulator/index.ts';
import { type Loose, type Reader, readerOf, start, withSimulator } from './client.ts';

const LIVING: LivingOptions = {
  arrivals: 12,
  lateArrivals: 8,
  statusChanges: 12,
  returns: 6,
  commentChanges: 8,
  responseChanges: 6,
  deletions: 8,
  deletionsUnseen: 8,
  dwellMs: 30,
  everyRequests: 20,
  everyMs: 20,
};

interface Seen {
  id: string;
  kind: string;
  text: string;
}

/** What a tireless reader sees: the list and every detail again and again, each new text once, in order. */
async function readUntilQuiet(simulator: Simulator, reader: Reader): Promise<Map<string, Seen[]>> {
  const seen = new Map<string, Seen[]>();
  const note = (id: string, kind: string, value: unknown) => {
    const known = seen.get(id) ?? [];
    const text = JSON.stringify(value);
    if (known.at(-1)?.text !== text) seen.set(id, [...known, { id, kind, text }]);
  };
  const round = async () => {
    const present = (await reader.get('/detections/v2?page_size=1000&sort=OccurrenceTime')).json.page_items as Loose[];
    const gone = [...seen.keys()].filter((id) => !present.some((item) => item.Id === id));
    await Promise.all([
      ...present.map(async (item) => {
        const { status, json } = await reader.get(`/detections/v2/${item.Id}/details`);
        if (status === 200) note(item.Id, 'detail', json);
        else if (status === 500) note(item.Id, 'list', item);
      }),
      ...gone.map(async (id) => {
        const { status } = await reader.get(`/detections/v2/${id}/details`);
        if (status === 404) note(id, 'deleted', null);
      }),
    ]);
  };
  const until = Date.now() + 20_000;
  for (let calm = 0; calm < 2; ) {
    await round();
    const { pending, unserved } = simulator.stats();
    calm = pending === 0 && unserved === 0 ? calm + 1 : 0;
    if (Date.now() > until) throw new Error(`not quiet: ${JSON.stringify(simulator.stats())}`);
  }
  return seen;
}

function sorted(rows: { id: string; kind: string; text: string }[]): string[] {
  return rows.map(({ id, kind, text }) => `${id} ${kind} ${text}`).sort();
}

function truthOf(rows: Iterable<TruthRow>): { id: string; kind: string; text: string; ordinal: number }[] {
  return [...rows].map(({ id, kind, record, ordinal }) => ({ id, kind, ordinal, text: JSON.stringify(record) }));
}

describe('a living tenant', () => {
  test('what was served, revision by revision, is the truth', async () => {
    const faults = [{ fault: 'detail-fails' as const, fraction: 0.1 }];
    await withSimulator({ detections: 150, living: LIVING, faults }, async (simulator, reader) => {
      expect(simulator.stats().pending).toBeGreaterThan(60);
      const seen = await readUntilQuiet(simulator, reader);
      const truth = truthOf(simulator.truth());
      expect(sorted([...seen.values()].flat())).toEqual(sorted(truth));
      for (const [id, revisions] of seen) {
        const own = truth.filter((row) => row.id === id);
        expect(own.map(({ ordinal }) => ordinal)).toEqual(own.map((_, index) => index + 1));
        expect(own.map(({ text }) => text)).toEqual(revisions.map(({ text }) => text));
      }
      const { detections, revisions, deleted, listOnly } = simulator.summary();
      expect(revisions).toBe(truth.length);
      expect(detections).toBe(seen.size);
      expect(deleted).toBeGreaterThanOrEqual(8);
      expect(listOnly).toBe(new Set(truth.filter(({ kind }) => kind === 'list').map(({ id }) => id)).size);
      expect(truth.some(({ text }) => text.includes('Reviewed again (1)'))).toBe(true);
    });
  });

  test('a return to an earlier state is a revision of its own', async () => {
    const living = { returns: 5, dwellMs: 10 };
    await withSimulator({ detections: 40, living }, async (simulator, reader) => {
      await readUntilQuiet(simulator, reader);
      const statuses = new Map<string, string[]>();
      for (const { id, record } of simulator.truth()) {
        statuses.set(id, [...(statuses.get(id) ?? []), (record as Loose).Status]);
      }
      const returned = [...statuses.values()].filter((list) => list.join() === 'New,Done,New');
      expect(returned).toHaveLength(5);
    });
  });

  test('nothing moves on before it was served, or before it has dwelt', async () => {
    await withSimulator({ detections: 40, living: { statusChanges: 10, dwellMs: 400 } }, async (simulator, reader) => {
      const before = (await reader.all()).map((item) => item.Status);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect((await reader.all()).map((item) => item.Status)).toEqual(before);
      expect(simulator.stats().waitingFor).toMatchObject({ serving: 10, dwell: 0 });
      const started = performance.now();
      for (const item of await reader.all()) await reader.get(`/detections/v2/${item.Id}/details`);
      expect(simulator.stats().waitingFor.serving + simulator.stats().waitingFor.dwell).toBeLessThanOrEqual(10);
      if (performance.now() - started < 300) expect((await reader.all()).map((item) => item.Status)).toEqual(before);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect((await reader.all()).map((item) => item.Status)).not.toEqual(before);
    });
  });

  test('a spoiled reply does not count as served', async () => {
    const faults = [{ fault: 'truncated-json' as const, endpoint: 'detail' as const }];
    await withSimulator(
      { detections: 20, living: { statusChanges: 5, dwellMs: 0 }, faults },
      async (simulator, reader) => {
        for (const item of await reader.all()) await reader.get(`/detections/v2/${item.Id}/details`);
        expect(simulator.stats()).toMatchObject({ unserved: 20, waitingFor: { serving: 5 } });
      },
    );
  });

  test('arrivals come to a quiet reader too, at the live edge and days back', async () => {
    const living = { arrivals: 5, lateArrivals: 5, everyMs: 10 };
    await withSimulator({ detections: 300, living }, async (simulator, reader) => {
      const still = await start({ detections: 300 });
      const old = new Set([...still.truth()].map(({ id }) => id));
      await still.close();
      while (simulator.stats().pending > 0) await new Promise((resolve) => setTimeout(resolve, 20));
      const items = await reader.all();
      expect(items).toHaveLength(310);
      const places = items.flatMap((item, index) => (old.has(item.Id) ? [] : [index]));
      expect(places.filter((place) => place < 5).length).toBeGreaterThanOrEqual(4);
      expect(places.filter((place) => place >= 5).length).toBe(5);
      const newest = (await reader.get('/detections/v2?page_size=1')).json.page_items[0];
      expect(Date.now() - Date.parse(newest.ReceivedTime)).toBeLessThan(60_000);
    });
  });

  test('pause holds changes back, resume lets them go', async () => {
    await withSimulator({ detections: 20, living: { arrivals: 5, everyMs: 10 } }, async (simulator, reader) => {
      simulator.pause();
      const before = (await reader.get('/detections/v2')).json.total_number_of_items;
      await new Promise((resolve) => setTimeout(resolve, 80));
      expect((await reader.get('/detections/v2')).json.total_number_of_items).toBe(before);
      await reader.get('/_simulator/resume', { method: 'POST' });
      while (simulator.stats().pending > 0) await new Promise((resolve) => setTimeout(resolve, 20));
      expect((await reader.get('/detections/v2')).json.total_number_of_items).toBe(25);
    });
  });

  test('with confirm, a state waits until its delivery is confirmed', async () => {
    await withSimulator(
      { detections: 20, living: { returns: 2, dwellMs: 0, confirm: true } },
      async (simulator, reader) => {
        const read = async () => {
          for (const item of await reader.all()) await reader.get(`/detections/v2/${item.Id}/details`);
          await new Promise((resolve) => setTimeout(resolve, 80));
        };
        await read();
        expect(simulator.stats()).toMatchObject({ pending: 4, waitingFor: { confirmation: 2 } });
        for (const { id, ordinal } of simulator.truth()) simulator.confirm(id, ordinal);
        expect(simulator.stats()).toMatchObject({ pending: 2, waitingFor: { serving: 2 } });
        await read();
        const body = [...simulator.truth()].map(({ id, ordinal }) => `${id} ${ordinal}`).join('\n');
        await reader.get('/_simulator/confirm', { method: 'POST', body });
        expect(simulator.stats().pending).toBe(0);
      },
    );
  });

  test('more changes than detections is an error', async () => {
    await expect(start({ detections: 10, living: { returns: 9 } })).rejects.toThrow(/more changes are planned/);
    await expect(start({ living: { arrival: 9 } as never })).rejects.toThrow(/unknown living option "arrival"/);
  });
});

describe('the simulator’s own pages', () => {
  test('truth streams as NDJSON, whole or for a range; status and summary are JSON', async () => {
    await withSimulator({ detections: 500 }, async (simulator, reader) => {
      const { text, headers } = await reader.get('/_simulator/truth');
      expect(headers['content-type']).toBe('application/x-ndjson');
      const rows = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(rows).toEqual([...simulator.truth()]);
      const middle = '2026-01-20T00:00:00Z';
      const [until, since] = [
        await reader.get(`/_simulator/truth?until=${middle}`),
        await reader.get(`/_simulator/truth?since=${middle}`),
      ];
      expect(until.text + since.text).toBe(text);
      const before = (await reader.all(`&end=${middle}`)).length;
      expect(until.text.trimEnd().split('\n')).toHaveLength(before);
      const status = (await reader.get('/_simulator/status')).json;
      expect(status).toMatchObject({ forbiddenCalls: 0, unserved: 500, tokens: 1 });
      expect((await reader.get('/_simulator/summary')).json).toEqual({
        detections: 500,
        revisions: 500,
        deleted: 0,
        listOnly: 0,
      });
    });
  });

  test('served says what was read of one detection', async () => {
    const simulator = await start({ detections: 3 });
    const reader = await readerOf(simulator.url);
    const [row] = simulator.truth();
    const id = row?.id ?? '';
    expect(simulator.served(id)).toEqual({ listed: false, presentState: false, deleted: false });
    await reader.get('/detections/v2');
    await reader.get(`/detections/v2/${id}/details`);
    expect(simulator.served(id)).toEqual({ listed: true, presentState: true, deleted: false });
    expect(simulator.served('something else')).toBeUndefined();
    reader.close();
    await simulator.close();
  });
});
