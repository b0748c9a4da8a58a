/** Readings: ties in any order settle, what cannot be read stands alone, and what is left is a gap that is closed. */
import { expect, test } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import type { StreamContext } from '../../src/api/stream.ts';
import type { Gap, Page, Walk } from '../../src/api/walk.ts';
import type { ListReply, PageQuery } from '../../src/reading/list.ts';
import { settle } from '../../src/reading/settle.ts';
import { walkSnapshot } from '../../src/reading/snapshot.ts';
import { type ListQuery, type Resource, walkWindows } from '../../src/reading/windows.ts';
import { drawFrom } from '../fuzz/damage.ts';
import { seed } from '../seed.ts';
import { contextOf } from './context.ts';

interface Item {
  id: string;
  timeMs: number;
}

const key = (record: unknown) => (record as Item).id;
const items = (count: number, timeMs: (index: number) => number): Item[] =>
  Array.from({ length: count }, (_, index) => ({ id: `i${index}`, timeMs: timeMs(index) }));

/** The same in an order that changes with each request, as far as times are the same. */
function shuffled(list: readonly Item[], draw: (bound: number) => number): Item[] {
  const lots = new Map(list.map(({ id }) => [id, draw(1e9)]));
  return list.toSorted((a, b) => a.timeMs - b.timeMs || (lots.get(a.id) ?? 0) - (lots.get(b.id) ?? 0));
}

function pageOf(list: readonly Item[], { page, pageSize }: Pick<PageQuery, 'page' | 'pageSize'>): ListReply {
  const records = list.slice((page - 1) * pageSize, page * pageSize);
  if (records.length === 0 && page > 1) throw new SluiceError('past the end', { action: 'walk-again' });
  return { records, total: list.length, pageSize };
}

async function read(list: (query: PageQuery) => ListReply, settings: Partial<StreamContext['settings']> = {}) {
  const seen = new Set<string>();
  const context = contextOf({ settings: { pageSize: 50, settleAttempts: 5, ...settings } });
  const pages = settle(context, { list: async (query) => list(query), key }, null);
  for (;;) {
    const { done, value } = await pages.next();
    if (done) return { seen, outcome: value };
    for (const record of value.records) seen.add(key(record));
  }
}

test('more ties than a page holds, in an order that changes at every request, settle', async () => {
  const all = items(2000, () => 1);
  const draw = drawFrom(seed, 'ties');
  const { seen, outcome } = await read((query) => pageOf(shuffled(all, draw), query));
  expect([seen.size, outcome.settled]).toEqual([2000, true]);
});

test('a deletion beside an arrival among ties is never taken for a settled list that lacks one of them', async () => {
  for (let run = 0; run < 150; run++) {
    const draw = drawFrom(seed + run, 'deletion');
    let all = items(200, () => 1);
    const at = 1 + draw(16);
    let requests = 0;
    const { seen, outcome } = await read((query) => {
      if (++requests === at) all = [...all.slice(1), { id: 'new', timeMs: 1 }];
      return pageOf(shuffled(all, draw), query);
    });
    expect(seen.size, `SEED=${seed}, run ${run}`).toBeGreaterThanOrEqual(200);
    if (outcome.settled) expect(outcome.keys).toEqual(new Set(all.map(({ id }) => id)));
  }
});

test('a list without an end is given up, and is not settled', async () => {
  const endless = (totalOf: (page: number) => number | undefined) =>
    read(({ page }) => ({ records: [{ id: `i${page}`, timeMs: 1 }], total: totalOf(page), pageSize: 1 }), {
      pageSize: 1,
      settleAttempts: 1,
    });
  for (const totalOf of [() => undefined, (page: number) => page + 1]) {
    const { seen, outcome } = await endless(totalOf);
    expect([seen.size, outcome.settled]).toEqual([20_000, false]);
  }
});

test('a total that nothing stands behind is not asked for page by page', async () => {
  let requests = 0;
  const { outcome } = await read(({ page }) => {
    requests++;
    return { records: page === 1 ? [{ id: 'i', timeMs: 1 }] : [], total: 1e12, pageSize: 50 };
  });
  expect(outcome.settled).toBe(false);
  expect(requests).toBeLessThan(100);
});

test('a quiet list costs two passes, one that is never whole a few more', async () => {
  const count = async (list: (query: PageQuery) => ListReply) => {
    let requests = 0;
    const { outcome } = await read((query) => {
      requests++;
      const reply = list(query);
      const digest = JSON.stringify(reply.records);
      return query.recognise?.(digest) ?? { ...reply, digest };
    });
    return [requests, outcome.settled];
  };
  const quiet = items(120, (index) => index);
  expect(await count((query) => pageOf(quiet, query))).toEqual([6, true]);
  expect(await count((query) => ({ ...pageOf(quiet, query), total: 121 }))).toEqual([12, false]);
});

test('a full page whose total is its size is not believed without a look at the next', async () => {
  const all = items(120, (index) => index);
  const capped = (query: PageQuery) => ({ ...pageOf(all, query), total: 50 });
  expect((await read(capped)).seen.size).toBe(120);
  const full = items(50, (index) => index);
  const { seen, outcome } = await read((query) => pageOf(full, query));
  expect([seen.size, outcome.settled]).toEqual([50, true]);
});

const broken = new SluiceError('500', { action: 'retry' });
const failsWith =
  (all: readonly Item[], bad: readonly string[], error: Error = broken) =>
  (query: PageQuery) => {
    const reply = pageOf(all, query);
    if (reply.records.some((record) => bad.includes(key(record)))) throw error;
    return reply;
  };

test.each([0, 49, 50, 119])('a record at place %i with which the vendor cannot answer stands alone', async (place) => {
  const all = items(120, (index) => index);
  const { seen, outcome } = await read(failsWith(all, [`i${place}`]));
  expect(seen.size).toBe(119);
  expect(outcome).toMatchObject({ settled: false, unreadable: [place] });
});

test('several, and one that is too large, too', async () => {
  const all = items(120, (index) => index);
  const large = new SluiceError('too large', { action: 'reject' });
  const { seen, outcome } = await read(failsWith(all, ['i3', 'i4', 'i70'], large));
  expect(seen.size).toBe(117);
  expect(outcome.unreadable).toEqual([3, 4, 70]);
});

test('where everything fails it is an outage, which is waited for and not split', async () => {
  const asked: PageQuery[] = [];
  const list = (query: PageQuery): ListReply => {
    asked.push(query);
    throw broken;
  };
  await expect(read(list)).rejects.toBe(broken);
  expect(asked.length).toBeLessThan(6);
  expect(asked.at(-1)?.retry).toBeUndefined(); // as patiently as the connector likes
  for (const error of [
    new SluiceError('429', { action: 'retry', general: 'route' }),
    new SluiceError('no scope', { action: 'stop' }),
  ]) {
    let calls = 0;
    const refused = () => {
      calls++;
      throw error;
    };
    await expect(read(refused)).rejects.toBe(error);
    expect(calls).toBe(1);
  }
});

test('a list without a time skips what cannot be read, tells it, deletes nothing, and closes its gap', async () => {
  const all = items(30, (index) => index);
  const walk: Walk = { id: 'live', kind: 'live', range: { fromMs: 0, toMs: 1 } };
  const context = contextOf({ settings: { pageSize: 10 }, knownKeys: () => ['i7', 'gone'] });
  const last = async (bad: string[]) => {
    let page: Page | undefined;
    const snapshot = { lists: [async (query: PageQuery) => failsWith(all, bad)(query)], key, findsDeleted: true };
    for await (const one of walkSnapshot(context, snapshot, walk)) page = one;
    return page;
  };
  expect(await last(['i7'])).toMatchObject({ ask: [], gaps: [{ kind: 'unreadable', id: 'list' }] });
  expect(await last([])).toMatchObject({ ask: ['gone'], closedGaps: ['list'] });
});

function resourceOf(list: (found: Item[], query: ListQuery) => ListReply, all: () => readonly Item[]): Resource {
  return {
    key,
    partition: { name: '', values: [] },
    list: async (query) => {
      const { fromMs, toMs } = query.range;
      return list(
        all().filter(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs),
        query,
      );
    },
  };
}

async function walkAll(resource: Resource, walk: Partial<Walk> = {}) {
  const pages: Page[] = [];
  const context = contextOf({ settings: { pageSize: 10, maxWindowRecords: 1000, settleAttempts: 3 }, now: () => 7 });
  const whole: Walk = { id: 'w', kind: 'sweep', range: { fromMs: 0, toMs: 1_000_000 }, ...walk };
  for await (const page of walkWindows(context, resource, whole, undefined)) pages.push(page);
  const gaps = pages.flatMap((page) => page.gaps ?? []);
  return {
    seen: new Set(pages.flatMap(({ records }) => records.map(key))),
    accepted: pages.flatMap(({ accepted }) => accepted ?? []),
    gaps,
    closed: pages.flatMap((page) => page.closedGaps ?? []),
  };
}

test('a window that does not rest is split, so that only what moves is left, as a gap that a later look closes', async () => {
  const all = items(100, (index) => index * 10_000);
  let calls = 0;
  /** One record at 500 s comes and goes with every request. */
  const moving = () => (++calls % 2 === 0 ? all : [...all, { id: 'ghost', timeMs: 500_000 }]);
  const { seen, accepted, gaps } = await walkAll(resourceOf(pageOf, moving));
  for (const { id } of all) expect(seen).toContain(id);
  const unsettled = accepted.filter(({ settled }) => !settled);
  for (const { range } of unsettled) expect(range.toMs - range.fromMs).toBeLessThan(300_000);
  expect(accepted.some(({ settled }) => settled)).toBe(true);
  expect(new Set(gaps.map(({ id, kind }) => `${kind} ${id}`))).toEqual(new Set(['unsettled from-0']));
  const gap = gaps[0] as Gap;
  const again = await walkAll(resourceOf(pageOf, moving), { id: 'gaps', range: gap.range, gap });
  expect(again.gaps).toMatchObject([{ id: gap.id, attempts: 1, nextAtMs: 7 + 600_000 }]);
  const rested = await walkAll(
    resourceOf(pageOf, () => all),
    { id: 'gaps', range: gap.range, gap },
  );
  expect([rested.gaps, rested.closed]).toEqual([[], [gap.id]]);
});

test('a record in a window with which the vendor cannot answer, the first of them too, leaves the others', async () => {
  const all = items(60, (index) => index * 10_000);
  for (const bad of ['i0', 'i25', 'i59']) {
    const list = (found: Item[], query: ListQuery) => failsWith(found, [bad])(query);
    const { seen, gaps } = await walkAll(resourceOf(list, () => all));
    expect(seen.size).toBe(59);
    expect(gaps[0]).toMatchObject({ kind: 'unreadable' });
  }
});
