import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import type { StreamContext } from '../../src/api/stream.ts';
import type { Page, Walk } from '../../src/api/walk.ts';
import type { ListReply, PageQuery } from '../../src/reading/list.ts';
import { readSnapshot, type Snapshot, walkSnapshot } from '../../src/reading/snapshot.ts';
import { contextOf } from './context.ts';

interface Item {
  id: string;
}

interface ListOptions {
  /** Without it there is no total, as in a bare array. */
  counts?: boolean;
  /** Sends everything whatever page is asked for. */
  ignoresPages?: boolean;
  /** Called before each request. */
  move?: (request: number) => void;
}

function listOf(items: Item[], { counts = true, ignoresPages = false, move }: ListOptions = {}) {
  let requests = 0;
  const list = async ({ page, pageSize }: PageQuery): Promise<ListReply> => {
    move?.(++requests);
    const records = ignoresPages ? [...items] : items.slice((page - 1) * pageSize, page * pageSize);
    if (counts && page > 1 && records.length === 0) throw new SluiceError('past the end', { action: 'walk-again' });
    return { records, total: counts ? items.length : undefined, pageSize };
  };
  return list;
}

const items = (count: number, prefix = 'i'): Item[] =>
  Array.from({ length: count }, (_, index) => ({ id: `${prefix}${index}` }));
const key = (record: unknown) => (record as Item).id;
const walk: Walk = { id: 'live', kind: 'live', range: { fromMs: 0, toMs: 1 } };

function contextWith(known: string[] = []): StreamContext {
  return contextOf({ settings: { pageSize: 5, settleAttempts: 5 }, knownKeys: () => known });
}

async function walkAll(snapshot: Partial<Snapshot> & Pick<Snapshot, 'lists'>, known: string[] = []) {
  const pages: Page[] = [];
  const whole = { key, findsDeleted: true, ...snapshot };
  for await (const page of walkSnapshot(contextWith(known), whole, walk)) pages.push(page);
  const last = pages.at(-1) as Page;
  return { keys: new Set(pages.flatMap(({ records }) => records.map(key))), last, pages };
}

describe('a list without a time filter', () => {
  test.each([0, 1, 4, 5, 6, 10, 23])('of %i records is read whole, with and without a total', async (count) => {
    for (const counts of [true, false]) {
      const { keys, last } = await walkAll({ lists: [listOf(items(count), { counts })] });
      expect(keys.size).toBe(count);
      expect(last.accepted).toMatchObject({ total: count, distinct: count, settled: true });
    }
  });

  test.each([3, 5, 7, 50])('of %i records that ignores the page asked for is read once a pass', async (count) => {
    let requests = 0;
    const list = listOf(items(count), { counts: false, ignoresPages: true, move: () => requests++ });
    const { keys, last } = await walkAll({ lists: [list] });
    expect(keys.size).toBe(count);
    expect(last.accepted?.settled).toBe(true);
    expect(requests).toBeLessThanOrEqual(4);
  });

  test('that moves while it is read loses nothing that stays', async () => {
    const all = items(23);
    let removed = 0;
    const move = (request: number) => {
      if (request % 2 === 0 && removed < 6) {
        all.splice(0, 1); // everything behind it moves up, over the edge of a page
        removed++;
      }
    };
    const { keys, last } = await walkAll({ lists: [listOf(all, { move })] });
    for (const { id } of all) expect(keys.has(id), id).toBe(true);
    expect(last.accepted?.settled).toBe(true);
  });

  test('that never comes to rest is accepted as unsettled, and no record of it is taken for deleted', async () => {
    const all = items(12);
    const move = (request: number) => void all.push({ id: `new${request}` });
    const { last } = await walkAll({ lists: [listOf(all, { move })] }, ['i0', 'lost']);
    expect(last.accepted?.settled).toBe(false);
    expect(last.ask).toEqual([]);
  });

  test('whose replies hold a key more than once has as many entries as its total says', async () => {
    const all = [...items(3), { id: 'i1', name: 'another' }, { id: 'i1', name: 'another' }, ...items(6, 'j')];
    const { keys, last } = await walkAll({ lists: [listOf(all)] }, ['i1', 'lost']);
    expect(keys.size).toBe(9);
    expect(last.accepted).toMatchObject({ total: 11, distinct: 11, settled: true });
    expect(last.ask).toEqual(['lost']);
  });

  test('is not whole where a key stands twice because replies were joined while it moved', async () => {
    const all = items(4);
    const list = async ({ page, pageSize }: PageQuery): Promise<ListReply> => {
      if (pageSize === 4 && page === 1) throw new SluiceError('500', { action: 'retry', status: 500 });
      const shown = page === 2 ? [{ id: 'i1' }, { id: 'i2' }] : all;
      return { records: shown.slice(0, pageSize), total: 4, pageSize };
    };
    const context = contextOf({ settings: { pageSize: 4, settleAttempts: 5 }, knownKeys: () => ['i3'] });
    const pages: Page[] = [];
    for await (const page of walkSnapshot(context, { lists: [list], key, findsDeleted: true }, walk)) pages.push(page);
    expect(new Set(pages.flatMap(({ records }) => records.map(key)))).toEqual(new Set(['i0', 'i1', 'i2']));
    expect(pages.at(-1)).toMatchObject({ accepted: { settled: false }, ask: [] });
  });

  test('asks for the details of known records that it does not hold any more', async () => {
    const { last } = await walkAll({ lists: [listOf(items(3))] }, ['i1', 'lost']);
    expect(last.ask).toEqual(['lost']);
    expect((await walkAll({ lists: [listOf(items(3))], findsDeleted: false }, ['lost'])).last.ask).toEqual([]);
  });
});

test('lists that overlap count once, and a record that is in one of them is not deleted', async () => {
  const lists = [listOf(items(7)), listOf([...items(7), ...items(4, 'archived')])];
  const { keys, last } = await walkAll({ lists }, ['archived2', 'i6']);
  expect(keys.size).toBe(11);
  expect(last.accepted).toMatchObject({ total: 11, distinct: 11, settled: true });
  expect(last.ask).toEqual([]);
  const { records, settled } = await readSnapshot(contextWith(), { lists, key });
  expect([records.size, settled]).toEqual([11, true]);
});

test('a record without a key stands apart from those that may be parents, and stops none of them', async () => {
  const odd = { name: 'no id' } as unknown as Item;
  const strict = (record: unknown): string => {
    const { id } = record as { id?: string };
    if (id === undefined) throw new Error('no id');
    return id;
  };
  const lists = [listOf([...items(3), odd])];
  const { records, unkeyed, settled } = await readSnapshot(contextWith(), { lists, key: strict });
  expect([records.size, unkeyed, settled]).toEqual([3, [odd], true]);
});

test('trouble with a deep page is the trouble itself', async () => {
  const list = async (query: PageQuery): Promise<ListReply> => {
    if (query.page === 2) throw new SluiceError('503', { action: 'retry' });
    return { records: items(5), total: 8, pageSize: 5 };
  };
  await expect(walkAll({ lists: [list] })).rejects.toMatchObject({ message: '503', action: 'retry' });
});

test('a vendor that sends shorter pages than asked for, without a total, is read to its end', async () => {
  const all = items(350);
  const list = async ({ page }: PageQuery): Promise<ListReply> => ({
    ...{ records: all.slice((page - 1) * 3, page * 3), total: undefined, pageSize: 5 },
  });
  const { keys, last } = await walkAll({ lists: [list] });
  expect(keys.size).toBe(350);
  expect(last.accepted).toMatchObject({ total: 350, settled: true });
});

test('a list of which nobody knows whether it is whole never settles, and nothing reads as deleted', async () => {
  const list = async (): Promise<ListReply> => ({ records: [], total: 0, pageSize: 5, mayBeIncomplete: true });
  const { last } = await walkAll({ lists: [list] }, ['known']);
  expect(last.accepted?.settled).toBe(false);
  expect(last.ask).toEqual([]);
});
