import { describe, expect, test } from 'vitest';
import type { Simulator, TruthRow } from '../../simulator/index.ts';
import { type Loose, type Reader, withSimulator } from './client.ts';
import { allQueries, DOZEN, entriesOf, idOf, keyOf, QUERIES, resultsOf } from './queries-client.ts';

const LIVING = { queriesGrow: 4, queriesArchived: 2, queriesDeleted: 3, dwellMs: 20 };

interface Seen {
  details: Map<string, string[]>;
  results: Map<string, Map<string, Loose>>;
  counts: Map<string, number[]>;
  statuses: Map<string, string>;
}

async function readUntilQuiet(simulator: Simulator, reader: Reader): Promise<Seen> {
  const seen: Seen = { details: new Map(), results: new Map(), counts: new Map(), statuses: new Map() };
  const note = (id: string, text: string) => {
    const known = seen.details.get(id) ?? [];
    if (known.at(-1) !== text) seen.details.set(id, [...known, text]);
  };
  const readOne = async (id: string) => {
    const detail = await reader.get(`${QUERIES}/${id}`);
    const answer = await reader.get(`${QUERIES}/${id}/results`);
    note(id, detail.status === 404 ? 'null' : detail.text);
    if (answer.status === 404) return;
    const kept = new Map<string, Loose>();
    for (const entry of entriesOf(answer.json)) kept.set(keyOf(entry), { ...entry, '@timestamp': 0 });
    seen.results.set(id, kept);
    seen.counts.set(id, [...(seen.counts.get(id) ?? []), kept.size]);
    seen.statuses.set(id, answer.json.status ?? answer.json.Status);
  };
  const until = Date.now() + 20_000;
  for (let calm = 0; calm < 2; ) {
    const listed = (await allQueries(reader)).map(idOf);
    await Promise.all([...new Set([...listed, ...seen.details.keys()])].map(readOne));
    const { pending, unserved } = simulator.stats();
    calm = pending === 0 && unserved === 0 ? calm + 1 : 0;
    if (Date.now() > until) throw new Error(`not quiet: ${JSON.stringify(simulator.stats())}`);
  }
  return seen;
}

describe('queries that live', () => {
  test('grow, are archived, are deleted; what was served, state by state, is the truth', async () => {
    await withSimulator({ ...DOZEN, detections: 0, living: LIVING }, async (simulator, reader) => {
      expect(simulator.stats().pending).toBe(4 * 3 + 2 * 4 + 3 * 2);
      expect(simulator.stats().unserved).toBe(21);
      const seen = await readUntilQuiet(simulator, reader);
      const rows = [...simulator.truthOf('cylance.instaquery')];
      for (const [id, own] of Map.groupBy(rows, (row) => row.id)) {
        expect(own.map(({ ordinal }) => ordinal)).toEqual(own.map((_, index) => index + 1));
        expect(own.map(({ record }) => JSON.stringify(record))).toEqual(seen.details.get(id));
      }
      expect(new Set(rows.map(({ id }) => id)).size).toBe(21);
      expect(simulator.summaryOf('cylance.instaquery')).toEqual({ records: 21, revisions: rows.length });
      const deleted = rows.filter(({ kind }) => kind === 'deleted').map(({ id }) => id);
      expect(deleted).toHaveLength(3);
      for (const id of deleted) {
        expect((await reader.get(`${QUERIES}/${id}`)).status).toBe(404);
        expect((await reader.get(`${QUERIES}/${id}/results`)).status).toBe(404);
      }
      expect((await allQueries(reader)).map(idOf).filter((id) => deleted.includes(id))).toEqual([]);
      const results = [...simulator.truthOf('cylance.instaquery_result')];
      const texts = ({ record }: TruthRow) =>
        JSON.stringify({ ...(record as Loose), '@timestamp': 0, Query: undefined });
      for (const [id, own] of Map.groupBy(results, (row) => row.id.slice(0, 32))) {
        expect(own.map(texts).sort()).toEqual(
          [...(seen.results.get(id)?.values() ?? [])].map((one) => JSON.stringify(one)).sort(),
        );
      }
      expect(results.filter(({ id }) => deleted.includes(id.slice(0, 32))).length).toBeGreaterThan(0);
    });
  });

  test('a growing query ends with all devices and status done, and an archived one leaves the list but goes on', async () => {
    await withSimulator({ ...DOZEN, detections: 0, living: LIVING }, async (simulator, reader) => {
      const before = (await reader.get(`${QUERIES}?page_size=100`)).json.total_number_of_items;
      const seen = await readUntilQuiet(simulator, reader);
      const last = (id: string): Loose => JSON.parse(seen.details.get(id)?.at(-1) ?? 'null');
      const moved = [...seen.details].filter(([id, states]) => states.length > 1 && last(id) !== null);
      expect(moved).toHaveLength(6);
      for (const [id, states] of moved) {
        const shares = states.map((text) => JSON.parse(text).progress.responded);
        expect(shares).toEqual([...shares].sort((a, b) => a - b));
        expect(last(id).progress.responded).toBe(last(id).progress.queried);
        expect(seen.statuses.get(id)).toBe('done');
        const counts = seen.counts.get(id) ?? [];
        expect(counts).toEqual([...counts].sort((a, b) => a - b));
        expect(counts.at(-1)).toBeGreaterThan(counts[0] ?? 0);
      }
      const archived = moved.filter(([id]) => last(id).archived);
      expect(archived).toHaveLength(2);
      for (const [, states] of archived)
        expect(states.map((text) => Boolean(JSON.parse(text).archived))).toEqual([false, false, true, true, true]);
      // Three were deleted, two archived.
      expect((await reader.get(`${QUERIES}?page_size=100`)).json.total_number_of_items).toBe(before - 5);
    });
  });

  test('a state waits until both the detail and the results were served, and with confirm for that too', async () => {
    const living = { queriesGrow: 1, dwellMs: 0, confirm: true };
    const wait = () => new Promise((resolve) => setTimeout(resolve, 80));
    await withSimulator({ detections: 0, living }, async (simulator, reader) => {
      const id = idOf((await allQueries(reader))[0]);
      const responded = async () => (await allQueries(reader))[0].progress.responded;
      const first = await responded();
      await resultsOf(reader, id);
      await wait();
      expect(simulator.stats()).toMatchObject({ unserved: 1, pending: 3, waitingFor: { serving: 1 } });
      await reader.get(`${QUERIES}/${id}`);
      await wait();
      expect(simulator.stats()).toMatchObject({ unserved: 0, pending: 3, waitingFor: { confirmation: 1 } });
      expect(await responded()).toBe(first);
      simulator.pause();
      simulator.confirm(id, 1);
      await wait();
      expect(simulator.stats().pending).toBe(3);
      simulator.resume();
      expect(simulator.stats()).toMatchObject({ pending: 2, waitingFor: { serving: 1 } });
      expect(await responded()).toBeGreaterThan(first);
      await reader.get(`${QUERIES}/${id}`);
      await resultsOf(reader, id);
      const body = `${id} 2`;
      expect((await reader.get('/_simulator/confirm', { method: 'POST', body })).json).toEqual({ confirmed: 1 });
      await wait();
      expect(simulator.stats().pending).toBe(1);
    });
  });

  test('truth and summary are served by stream', async () => {
    await withSimulator(DOZEN, async (simulator, reader) => {
      for (const stream of ['cylance.instaquery', 'cylance.instaquery_result', 'cylance.detection'] as const) {
        const { text } = await reader.get(`/_simulator/truth?stream=${stream}`);
        const lines = text.trimEnd().split('\n');
        expect(lines.map((line) => JSON.parse(line))).toEqual([...simulator.truthOf(stream)]);
        const summary = (await reader.get(`/_simulator/summary?stream=${stream}`)).json;
        expect(summary).toEqual(simulator.summaryOf(stream));
        expect(summary.revisions).toBe(lines.length);
      }
      expect((await reader.get('/_simulator/truth?stream=cylance.nothing')).status).toBe(400);
    });
  });
});
