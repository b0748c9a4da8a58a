import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/api/document.ts';
import { SluiceError } from '../../src/api/errors.ts';
import type { StreamContext } from '../../src/api/stream.ts';
import type { Accepted, Page } from '../../src/api/walk.ts';
import { gapsOf } from '../../src/reading/gaps.ts';
import type { ListReply } from '../../src/reading/list.ts';
import { type ListQuery, type Resource, walkWindows } from '../../src/reading/windows.ts';
import { contextOf } from './context.ts';

interface Item {
  id: string;
  timeMs: number;
  severity: string;
}

interface VendorOptions {
  startInclusive: boolean;
  endInclusive: boolean;
  maxPageSize: number;
  /** Called before each request: the list may move. */
  move?: (items: Item[], request: number) => void;
}

const SEVERITIES = ['Low', 'High'];

/** A vendor's list in memory, as the guide describes it. */
function vendor(items: Item[], options: VendorOptions): Resource & { requests: ListQuery[] } {
  const requests: ListQuery[] = [];
  return {
    requests,
    key: (record) => (record as Item).id,
    partition: { name: 'severity', values: SEVERITIES },
    async list(query): Promise<ListReply> {
      requests.push(query);
      options.move?.(items, requests.length);
      const { fromMs, toMs } = query.range;
      const found = items
        .filter(({ timeMs }) => (options.startInclusive ? timeMs >= fromMs : timeMs > fromMs))
        .filter(({ timeMs }) => (options.endInclusive ? timeMs <= toMs : timeMs < toMs))
        .filter(({ severity }) => query.filter === undefined || severity === query.filter.value)
        .sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1));
      const pageSize = Math.min(query.pageSize, options.maxPageSize);
      const records = found.slice((query.page - 1) * pageSize, query.page * pageSize);
      if (records.length === 0 && query.page > 1) throw new SluiceError('past the end', { action: 'walk-again' });
      return { records, total: found.length, pageSize };
    },
  };
}

function contextWith(
  settings: Partial<StreamContext['settings']> = {},
  known: string[] = [],
  pagesAtOnce?: number,
): StreamContext {
  return contextOf({
    pagesAtOnce,
    settings: { pageSize: 5, overlapMs: 2000, maxWindowRecords: 40, settleAttempts: 6, ...settings },
    knownKeys: () => known,
  });
}

const RANGE = { fromMs: 1_000_000, toMs: 2_000_000 };
const WALK = { id: 'w', kind: 'backfill', range: RANGE } as const;

async function walkAll(resource: Resource, context: StreamContext, from?: Json, stopAfter = Infinity) {
  const seen = new Set<string>();
  const accepted: Accepted[] = [];
  const asked: string[] = [];
  let cursor: Json | undefined;
  let count = 0;
  for await (const page of walkWindows(context, resource, WALK, from) as AsyncIterable<Page>) {
    for (const record of page.records) seen.add((record as Item).id);
    if (page.accepted !== undefined) accepted.push(page.accepted);
    asked.push(...(page.ask ?? []));
    cursor = page.cursor;
    if (++count >= stopAfter) break;
  }
  return { seen, accepted, asked, cursor };
}

const items = (max: number) =>
  fc
    .array(
      fc.record({
        at: fc.integer({ min: RANGE.fromMs, max: RANGE.toMs - 1 }),
        severity: fc.constantFrom(...SEVERITIES),
      }),
      { maxLength: max, size: 'max' }, // else hardly any list has a second page
    )
    .map((list) => list.map(({ at, severity }, index): Item => ({ id: `i${index}`, timeMs: at, severity })));

describe('time windows', () => {
  test('every record of a list that stands still is seen, however bounds are meant and pages are capped', async () => {
    await fc.assert(
      fc.asyncProperty(
        items(300),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 2, max: 7 }),
        fc.integer({ min: 1, max: 5 }),
        async (list, start, end, cap, atOnce) => {
          const resource = vendor(list, { startInclusive: start, endInclusive: end, maxPageSize: cap });
          const { seen, accepted } = await walkAll(resource, contextWith({}, [], atOnce));
          expect([...seen].sort()).toEqual(list.map(({ id }) => id).sort());
          expect(accepted.every((window) => window.settled)).toBe(true);
          expect(accepted.at(-1)?.range.toMs).toBe(RANGE.toMs);
          for (const [index, window] of accepted.entries()) {
            expect(window.range.fromMs).toBe(accepted[index - 1]?.range.toMs ?? RANGE.fromMs);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a record that is there all the time is never missed while others come and go', async () => {
    await fc.assert(
      fc.asyncProperty(items(120), fc.integer({ min: 0, max: 2 ** 30 }), fc.nat(4), async (list, seed, more) => {
        const stays = list.filter((_, index) => index % 2 === 0).map(({ id }) => id);
        let state = seed;
        const random = (below: number) => {
          state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
          return below === 0 ? 0 : state % below;
        };
        const move = (all: Item[], request: number) => {
          if (request > 60 || random(3) > 0) return;
          const victim = all[random(all.length)];
          if (victim !== undefined && !stays.includes(victim.id)) all.splice(all.indexOf(victim), 1);
          all.push({ id: `n${request}`, timeMs: RANGE.fromMs + random(1_000_000), severity: 'Low' });
        };
        const resource = vendor([...list], { startInclusive: true, endInclusive: false, maxPageSize: 100, move });
        const { seen } = await walkAll(resource, contextWith({ settleAttempts: 50 }, [], more + 1));
        for (const id of stays) expect(seen).toContain(id);
      }),
      { numRuns: 60 },
    );
  });

  test('a deletion before and an arrival behind the page boundary, at once, loses nothing', async () => {
    const list = Array.from(
      { length: 12 },
      (_, n): Item => ({ id: `i${n}`, timeMs: RANGE.fromMs + n * 10, severity: 'Low' }),
    );
    const move = (all: Item[], request: number) => {
      if (request !== 2) return;
      all.shift();
      all.push({ id: 'late', timeMs: RANGE.fromMs + 5000, severity: 'Low' });
    };
    const resource = vendor(list, { startInclusive: true, endInclusive: false, maxPageSize: 100, move });
    const { seen, accepted } = await walkAll(resource, contextWith());
    expect(seen).toContain('i5'); // the one that slipped from page 2 to page 1
    expect(accepted).toMatchObject([{ settled: true, total: 12, distinct: 12 }]);
  });

  test.each([
    [1, 1],
    [4, 4],
  ])('a window is asked for in twice as many requests as it has pages, %i at once', async (atOnce, most) => {
    const list = Array.from(
      { length: 1000 },
      (_, n): Item => ({ id: `i${n}`, timeMs: RANGE.fromMs + n * 900, severity: 'Low' }),
    );
    const resource = vendor(list, { startInclusive: true, endInclusive: false, maxPageSize: 1000 });
    let open = 0;
    let widest = 0;
    const slow: Resource = {
      ...resource,
      async list(query) {
        widest = Math.max(widest, ++open);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
        open--;
        return resource.list(query);
      },
    };
    const settings = { pageSize: 100, maxWindowRecords: 10_000 };
    const order: string[] = [];
    for await (const page of walkWindows(contextWith(settings, [], atOnce), slow, WALK, undefined))
      order.push(...page.records.map((record) => (record as Item).id));
    expect(resource.requests).toHaveLength(20);
    expect(widest).toBe(most);
    expect(order.slice(0, 1000)).toEqual(list.map(({ id }) => id));
  });

  test('the pages of a window that turns out to be too deep are those of its parts', async () => {
    const list = Array.from(
      { length: 90 },
      (_, n): Item => ({ id: `i${n}`, timeMs: RANGE.fromMs + n * 10_000, severity: 'Low' }),
    );
    const resource = vendor(list, { startInclusive: true, endInclusive: false, maxPageSize: 100 });
    const { seen, accepted } = await walkAll(resource, contextWith({ pageSize: 30 }));
    expect(seen.size).toBe(90);
    expect(accepted.length).toBeGreaterThan(2);
    const pages = accepted.reduce((sum, { total }) => sum + 2 * Math.ceil(total / 30), 0);
    expect(resource.requests).toHaveLength(1 + pages);
  });

  test.each([1, 4])(
    'a first page that fails is narrowed down, and asked for as often as before (%i at once)',
    async (n) => {
      const list = Array.from(
        { length: 20 },
        (_, at): Item => ({ id: `i${at}`, timeMs: RANGE.fromMs + at * 10, severity: 'Low' }),
      );
      const resource = vendor(list, { startInclusive: true, endInclusive: false, maxPageSize: 100 });
      let refusals = 0;
      const broken: Resource = {
        ...resource,
        async list(query) {
          const from = (query.page - 1) * query.pageSize;
          if (from <= 3 && from + query.pageSize > 3) {
            if (query.pageSize === 10) refusals++;
            throw new SluiceError('500', { action: 'retry' });
          }
          return resource.list(query);
        },
      };
      const { seen, accepted } = await walkAll(broken, contextWith({ pageSize: 10, settleAttempts: 2 }, [], n));
      expect([...seen].sort()).toEqual(
        list
          .map(({ id }) => id)
          .filter((id) => id !== 'i3')
          .sort(),
      );
      expect(accepted.at(-1)?.settled).toBe(false);
      expect(refusals).toBe(1);
    },
  );

  test('a window that never settles is accepted as unsettled, tried once more, and stops nothing', async () => {
    let n = 0;
    const move = (all: Item[]) => {
      all.push({ id: `n${n++}`, timeMs: RANGE.fromMs + 1, severity: 'Low' });
    };
    const resource = vendor([], { startInclusive: true, endInclusive: true, maxPageSize: 100, move });
    const context = contextWith({ settleAttempts: 3, pageSize: 100 }, ['not shown']);
    const { accepted, cursor, asked } = await walkAll(resource, context);
    expect(accepted.map(({ settled }) => settled)).toEqual([false, false]);
    expect(asked).toEqual([]);
    expect(cursor).toEqual({ coveredMs: RANGE.toMs, again: [] });
  });

  test('a gap says what was seen of a window that would not settle, and what the vendor counts', () => {
    const accepted = { range: RANGE, total: 120, distinct: 50, settled: false };
    const { gaps = [] } = gapsOf(contextWith({}), 'from-1', accepted, []);
    expect(gaps.map(({ reason }) => reason)).toEqual([
      'it kept changing while it was read: 50 different records were seen, the vendor counts 120',
    ]);
  });

  test('a burst that time cannot split is read by severity', async () => {
    const list = Array.from(
      { length: 100 },
      (_, n): Item => ({ id: `i${n}`, timeMs: 1_500_000, severity: SEVERITIES[n % 2] as string }),
    );
    const resource = vendor(list, { startInclusive: true, endInclusive: false, maxPageSize: 100 });
    const { seen, accepted } = await walkAll(resource, contextWith({ maxWindowRecords: 60 }));
    expect(seen.size).toBe(100);
    expect(accepted.some(({ filter, distinct }) => filter === 'severity' && distinct === 100)).toBe(true);
    expect(resource.requests.some(({ filter }) => filter?.value === 'High')).toBe(true);
  });

  test('known records that a settled window no longer holds are asked for', async () => {
    const list: Item[] = [{ id: 'here', timeMs: 1_200_000, severity: 'Low' }];
    const resource = vendor(list, { startInclusive: true, endInclusive: false, maxPageSize: 100 });
    const { asked } = await walkAll(resource, contextWith({}, ['here', 'gone']));
    expect(asked).toEqual(['gone']);
  });

  test('a known record that a window shows at every other request only is not asked for', async () => {
    const list = Array.from(
      { length: 3 },
      (_, n): Item => ({ id: `i${n}`, timeMs: RANGE.fromMs + n * 10, severity: 'Low' }),
    );
    const shy: Item = { id: 'shy', timeMs: RANGE.fromMs + 5, severity: 'Low' };
    // Request 1 counts; the last of two attempts is one that does not show it.
    const move = (all: Item[], request: number) => {
      if (request % 2 === 0) all.push(shy);
      else if (all.includes(shy)) all.splice(all.indexOf(shy), 1);
    };
    const resource = vendor(list, { startInclusive: true, endInclusive: false, maxPageSize: 100, move });
    const { asked, accepted } = await walkAll(resource, contextWith({ settleAttempts: 2 }, ['i0', 'shy', 'elsewhere']));
    expect(accepted.map(({ settled }) => settled)).toEqual([false, false]);
    expect(asked).toEqual([]);
  });

  test.each([
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ])('records at the very edges of windows are seen (start is in: %s, end is in: %s)', async (start, end) => {
    const list = Array.from(
      { length: 130 },
      (_, n): Item => ({ id: `i${n}`, timeMs: RANGE.fromMs + 1 + n * 7000, severity: 'Low' }),
    );
    const options = { startInclusive: start, endInclusive: end, maxPageSize: 100 };
    const { accepted } = await walkAll(vendor(list, options), contextWith());
    const atEdges = accepted.map(({ range }, n): Item => ({ id: `e${n}`, timeMs: range.fromMs, severity: 'Low' }));
    expect(atEdges.length).toBeGreaterThan(3);
    const { seen, accepted: now } = await walkAll(vendor([...list, ...atEdges], options), contextWith());
    expect(now.map(({ range }) => range)).toEqual(accepted.map(({ range }) => range));
    expect(atEdges.filter(({ id }) => !seen.has(id))).toEqual([]);
  });

  test.each([1, 2, 3, 5, 8, 13, 21, 34])(
    'after page %i of 60 records in order of time, none is passed',
    async (pages) => {
      const list = Array.from(
        { length: 60 },
        (_, n): Item => ({ id: `i${n}`, timeMs: RANGE.fromMs + 1 + n * 16_000, severity: 'Low' }),
      );
      const resource = vendor(list, { startInclusive: true, endInclusive: false, maxPageSize: 100 });
      const { seen, cursor } = await walkAll(resource, contextWith(), undefined, pages);
      const { coveredMs } = cursor as { coveredMs: number };
      const passed = list.filter(({ timeMs }) => timeMs < coveredMs).map(({ id }) => id);
      expect(passed.filter((id) => !seen.has(id))).toEqual([]);
    },
  );

  test('from the cursor of any page, the rest of the range is seen', async () => {
    await fc.assert(
      fc.asyncProperty(items(150), fc.integer({ min: 1, max: 60 }), async (list, stopAfter) => {
        const resource = vendor(list, { startInclusive: false, endInclusive: false, maxPageSize: 100 });
        const first = await walkAll(resource, contextWith(), undefined, stopAfter);
        const second = await walkAll(resource, contextWith(), first.cursor);
        expect(first.seen.union(second.seen).size).toBe(list.length);
      }),
      { numRuns: 40 },
    );
  });
});
