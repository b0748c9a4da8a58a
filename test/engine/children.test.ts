import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import type { ReadingSettings } from '../../src/api/stream.ts';
import type { Child, ChildRow, Page, Walk } from '../../src/api/walk.ts';
import { type Children, type ReadingEnd, walkChildren } from '../../src/reading/children.ts';
import { contextOf } from './context.ts';

const HOUR = 3_600_000;

/** A vendor with parents and their results, and an engine that commits every page at once. */
function place(settings: Partial<ReadingSettings> = {}) {
  const rows = new Map<string, ChildRow>();
  const parents = new Map<string, Child>();
  const results = new Map<string, { records: number[]; done: ReadingEnd }>();
  const reads: string[] = [];
  const shipped = new Map<string, Set<number>>();
  const said: string[] = [];
  let nowMs = 1_000_000;
  let active = 0;
  let most = 0;
  let plans = 0;
  const state = {
    whole: true,
    configured: [] as string[],
    noted: [] as string[],
    /** Called for each part of each child; may throw or wait. */
    trouble: undefined as ((key: string, part: number) => Promise<void> | void) | undefined,
  };
  const children: Children = {
    name: 'query',
    async parents() {
      plans++;
      return { children: [...parents.values()], whole: state.whole };
    },
    async *read(_context, { key }) {
      reads.push(key);
      active++;
      most = Math.max(most, active);
      try {
        const { records, done } = results.get(key) ?? { records: [], done: false };
        for (let at = 0; at === 0 || at < records.length; at += 2) {
          await state.trouble?.(key, at / 2);
          yield records.slice(at, at + 2);
        }
        if (!results.has(key)) throw new SluiceError('404', { action: 'skip' });
        return done;
      } finally {
        active--;
      }
    },
  };
  const stop = new AbortController();
  const context = contextOf({
    settings: { childConcurrency: 3, childDeadlineMs: 24 * HOUR, childRepeatMs: HOUR, snapshotMs: 60_000, ...settings },
    knownChild: (key: string) => rows.get(key),
    openChildren: () => [...rows.values()].filter(({ status }) => status === 'open'),
    get parents() {
      return state.configured;
    },
    noted: () => state.noted,
    now: () => nowMs,
    signal: stop.signal,
    log: pino({}, { write: (line) => void said.push(JSON.parse(line).msg) }),
  });
  const take = (page: Page) => {
    const seen = shipped.get(page.window ?? '') ?? new Set();
    for (const record of page.records) seen.add(record as number);
    shipped.set(page.window ?? '', seen);
    if (page.child !== undefined) rows.set(page.child.child, page.child);
  };
  const run = async (kind: Walk['kind'] = 'live', once = false): Promise<Page[]> => {
    const pages: Page[] = [];
    const walk: Walk = { id: kind, kind, range: { fromMs: 0, toMs: nowMs }, once };
    for await (const page of walkChildren(context, walk, children)) {
      take(page);
      pages.push(page);
    }
    return pages;
  };
  return {
    ...{ rows, reads, shipped, said, state, results, stop, run, take, context, children },
    most: () => most,
    plans: () => plans,
    pass: (ms: number) => {
      nowMs += ms;
    },
    parent(key: string, more: Partial<Child> = {}) {
      parents.set(key, { key, version: 'v1', complete: true, expectsRecords: false, facts: {}, ...more });
    },
    found(key: string, count: number, done: ReadingEnd = true) {
      results.set(key, { records: Array.from({ length: count }, (_, index) => index), done });
    },
    remove(key: string) {
      parents.delete(key);
      results.delete(key);
    },
  };
}

describe('children', () => {
  test('are read once each, a few at a time, and not again when they are complete', async () => {
    const at = place();
    for (let index = 0; index < 10; index++) {
      at.parent(`q${index}`);
      at.found(`q${index}`, index);
    }
    at.state.trouble = () => sleep(1);
    const pages = await at.run();
    for (let index = 0; index < 10; index++) expect(at.shipped.get(`q${index}`)?.size).toBe(index);
    expect(at.most()).toBe(3);
    expect([...at.rows.values()].every(({ status }) => status === 'complete')).toBe(true);
    expect(pages.filter(({ accepted }) => accepted !== undefined).map(({ accepted }) => accepted?.filter)).toHaveLength(
      10,
    );
    at.pass(HOUR);
    expect(await at.run()).toEqual([]);
    expect(at.reads).toHaveLength(10);
  });

  test('that repeat are read again after a while, without any sign in their parent', async () => {
    const at = place();
    at.children.repeats = true;
    at.parent('t');
    at.found('t', 2);
    await at.run();
    at.pass(HOUR - 1);
    expect(await at.run()).toEqual([]);
    at.found('t', 3);
    at.pass(1);
    await at.run();
    expect(at.reads).toEqual(['t', 't']);
    expect(at.shipped.get('t')?.size).toBe(3);
    expect(at.rows.get('t')?.status).toBe('complete');
    at.pass(-10 * HOUR); // a clock that was wrong does not put them off for ever
    await at.run();
    expect(at.reads).toHaveLength(3);
  });

  test('that the configuration names are read although the list cannot be; no other is gone for it', async () => {
    const at = place();
    at.parent('listed', { complete: false });
    at.found('listed', 1, false);
    at.found('named', 2);
    await at.run();
    at.state.configured = ['named'];
    at.children.parents = async () => {
      throw new SluiceError('no list', { action: 'reject' });
    };
    at.pass(2 * HOUR);
    await at.run();
    expect(at.shipped.get('named')?.size).toBe(2);
    expect(at.rows.get('listed')?.status).toBe('open');
    expect(at.said.join()).toContain('no list');
    at.state.configured = [];
    await expect(at.run()).rejects.toThrow('no list');
  });

  test('that are said not to be there for a day are believed, whatever was known of them', async () => {
    const at = place();
    at.parent('q', { expectsRecords: true });
    for (let reading = 0; reading < 30; reading++) {
      await at.run();
      at.pass(2 * HOUR);
    }
    expect(at.reads).toHaveLength(24);
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 0, nextAtMs: null });
  });

  test('whose parent was only noted are asked for once, and again only if they have something', async () => {
    const at = place();
    at.children.repeats = true;
    at.state.noted = ['with', 'without', 'Listed'];
    at.parent('listed');
    at.found('listed', 1);
    at.found('with', 1);
    await at.run();
    expect(at.reads.toSorted()).toEqual(['listed', 'with', 'without']);
    expect([...at.rows.values()].map(({ status }) => status)).toEqual(['complete', 'complete', 'complete']);
    for (let hours = 0; hours < 3; hours++) {
      at.pass(HOUR);
      await at.run();
    }
    await at.run('backfill');
    expect(at.reads.filter((one) => one === 'without')).toHaveLength(1);
    expect(at.reads.filter((one) => one === 'with')).toHaveLength(5);
    at.parent('without'); // a list names it now
    at.found('without', 5);
    await at.run();
    expect(at.shipped.get('without')?.size).toBe(5);
  });

  test('that grow are read until the parent and the reply say that they are complete', async () => {
    const at = place();
    at.parent('q', { complete: false, version: 'half' });
    at.found('q', 3, false);
    await at.run();
    expect(at.rows.get('q')).toMatchObject({ status: 'open', records: 3, version: 'half' });
    await at.run();
    expect(at.reads).toHaveLength(1); // nothing has changed, and it rests
    at.pass(61_000);
    at.parent('q', { version: 'whole' });
    at.found('q', 8, true);
    await at.run();
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 8 });
    expect(at.shipped.get('q')?.size).toBe(8);
  });

  test('whose reply does not say so itself are complete when a second reading agrees', async () => {
    const at = place();
    at.parent('q');
    at.found('q', 4, false);
    await at.run();
    expect(at.rows.get('q')?.status).toBe('open');
    at.pass(HOUR);
    at.found('q', 5, false);
    await at.run();
    expect(at.rows.get('q')?.status).toBe('open');
    at.pass(2 * HOUR);
    await at.run();
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 5 });
  });

  test('one that fails neither blocks nor repeats the others, and is tried again later', async () => {
    const at = place();
    for (const key of ['bad', 'good', 'fine']) {
      at.parent(key);
      at.found(key, 5);
    }
    at.state.trouble = (key, part) => {
      if (key === 'bad' && part === 1) throw new SluiceError('503', { action: 'retry', waitMs: 1000 });
    };
    await at.run();
    expect(at.rows.get('bad')).toMatchObject({ status: 'open', failures: 1, records: null });
    expect([at.rows.get('good')?.status, at.rows.get('fine')?.status]).toEqual(['complete', 'complete']);
    expect(at.said.join()).toContain('503');
    at.state.trouble = undefined;
    at.pass(1000);
    await at.run();
    expect(at.reads.filter((key) => key === 'bad')).toHaveLength(1); // put off
    at.pass(60_000);
    await at.run();
    expect(at.rows.get('bad')).toMatchObject({ status: 'complete', failures: 0 });
    expect(at.shipped.get('bad')?.size).toBe(5);
    expect(at.reads.filter((key) => key !== 'bad')).toEqual(['good', 'fine']);
  });

  test('a reply that breaks off is read again at once', async () => {
    const at = place();
    at.parent('q');
    at.found('q', 9);
    let breaks = 3;
    at.state.trouble = (_key, part) => {
      if (part === 2 && breaks-- > 0) throw new SluiceError('cut', { action: 'retry' });
    };
    await at.run();
    expect(at.reads).toHaveLength(4);
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 9 });
  });

  test('a missing scope stops the walk: it is no trouble of one child', async () => {
    const at = place();
    at.parent('q');
    at.found('q', 1);
    at.state.trouble = () => {
      throw new SluiceError('the scope is missing', { action: 'stop' });
    };
    await expect(at.run()).rejects.toMatchObject({ action: 'stop' });
  });

  test('a rate limit is trouble of all of them: the walk waits, and none is put off', async () => {
    const at = place();
    for (const key of ['a', 'b']) {
      at.parent(key);
      at.found(key, 2);
    }
    let isLimited = false;
    at.state.trouble = (key) => {
      isLimited ||= key === 'b';
      if (isLimited) throw new SluiceError('429', { action: 'retry', general: 'route', waitMs: 1_800_000 });
    };
    await expect(at.run()).rejects.toMatchObject({ general: 'route', waitMs: 1_800_000 });
    expect(at.rows.get('b')).toBeUndefined();
    at.state.trouble = undefined;
    await at.run();
    expect([...(at.shipped.get('b') ?? [])]).toEqual([0, 1]);
  });

  test('one that is refused while others are answered afterwards is put off, and the walk goes on', async () => {
    const at = place();
    for (const key of ['a', 'b', 'c']) {
      at.parent(key);
      at.found(key, 2);
    }
    at.state.trouble = (key) => {
      if (key === 'b') throw new SluiceError('429', { action: 'retry', general: 'route' });
    };
    await at.run();
    expect(at.rows.get('b')).toMatchObject({ status: 'open', failures: 1 });
    for (const key of ['a', 'c']) expect([...(at.shipped.get(key) ?? [])]).toEqual([0, 1]);
  });

  test('one that was only held up by another is read in the same walk', async () => {
    const at = place();
    for (const key of ['a', 'b', 'c']) {
      at.parent(key);
      at.found(key, 2);
    }
    let isHeld = true;
    at.state.trouble = (key) => {
      if (key === 'b' || (key === 'c' && isHeld)) {
        isHeld &&= key !== 'c';
        throw new SluiceError('401', { action: 'retry', general: 'source' });
      }
    };
    await at.run();
    expect(at.rows.get('b')).toMatchObject({ status: 'open', failures: 1 });
    for (const key of ['a', 'c']) expect([...(at.shipped.get(key) ?? [])]).toEqual([0, 1]);
    expect(at.rows.get('c')).toMatchObject({ status: 'complete' });
  });

  test('one that has no results yet is not complete for that; a second look agrees', async () => {
    const at = place();
    at.parent('q', { complete: false, version: 'pending' });
    await at.run(); // 404
    expect(at.rows.get('q')).toMatchObject({ status: 'open', records: 0 });
    at.parent('q', { version: 'none' });
    at.pass(61_000);
    await at.run();
    expect(at.rows.get('q')?.status).toBe('open');
    at.pass(HOUR);
    await at.run();
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 0 });
  });

  test('one whose parent is gone ends, unless the parents could not be read whole', async () => {
    const at = place();
    at.parent('q', { complete: false });
    at.found('q', 2, false);
    await at.run();
    at.remove('q');
    at.state.whole = false;
    await at.run();
    expect(at.rows.get('q')?.status).toBe('open');
    at.state.whole = true;
    await at.run();
    expect(at.rows.get('q')?.status).toBe('gone');
    expect(at.said.join()).toContain('q is gone');
  });

  test('one that never ends is given up at its deadline, says so once, and is read again when it moves', async () => {
    const at = place({ childDeadlineMs: 2 * HOUR });
    at.parent('q', { complete: false });
    at.found('q', 2, false);
    for (let hour = 0; hour < 8; hour++) {
      await at.run();
      at.pass(HOUR);
    }
    expect(at.rows.get('q')).toMatchObject({ status: 'overdue', nextAtMs: null });
    expect(at.said.filter((line) => line.includes('not complete in time'))).toHaveLength(1);
    const before = at.reads.length;
    await at.run();
    expect(at.reads).toHaveLength(before);
    at.parent('q', { version: 'moved' });
    at.found('q', 3, true);
    await at.run();
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 3 });
  });

  test('one whose reply says that more will come is not complete, whatever its parent says', async () => {
    const at = place({ childDeadlineMs: 2 * HOUR });
    at.parent('q');
    at.found('q', 0, 'pending');
    for (let hour = 0; hour < 2; hour++) {
      await at.run();
      at.pass(HOUR);
    }
    expect(at.reads).toHaveLength(2);
    expect(at.rows.get('q')).toMatchObject({ status: 'open', records: 0 });
    at.found('q', 3, true);
    at.pass(HOUR);
    await at.run();
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 3 });
  });

  test('one that goes on after its end, or waits for something else, has its time anew', async () => {
    const at = place({ childDeadlineMs: 2 * HOUR });
    at.parent('q');
    at.found('q', 1, true);
    await at.run();
    at.pass(10 * HOUR);
    at.parent('q', { version: 'again', complete: false });
    at.found('q', 1, 'pending');
    await at.run();
    expect(at.rows.get('q')?.status).toBe('open');
    at.pass(3 * HOUR);
    await at.run();
    expect(at.rows.get('q')?.status).toBe('overdue');
    at.pass(10 * HOUR);
    at.parent('q', { version: 'there' });
    await at.run();
    expect(at.rows.get('q')?.status).toBe('open');
    at.found('q', 2, true);
    at.pass(HOUR);
    await at.run();
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 2 });
  });

  test('those that the configuration names are read, listed or not', async () => {
    const at = place();
    at.state.configured = ['q', 'hidden'];
    at.parent('q');
    at.found('q', 1);
    at.found('hidden', 2);
    await at.run();
    expect(at.reads.sort()).toEqual(['hidden', 'q']);
    expect(at.rows.get('hidden')).toMatchObject({ status: 'complete', records: 2 });
  });

  test('a backfill reads every one of them, complete or not', async () => {
    const at = place();
    at.parent('q');
    at.found('q', 1);
    await at.run();
    await at.run('backfill');
    expect(at.reads).toEqual(['q', 'q']);
  });

  test.each([
    ['', 1000],
    [', though the clock was set back by a year', -365 * 24 * HOUR],
  ])('new parents are noticed while a long reply is still being read%s', async (_when, passedMs) => {
    const at = place({ snapshotMs: 20 });
    at.parent('long');
    at.found('long', 6);
    const release = Promise.withResolvers<void>();
    at.state.trouble = async (key, part) => {
      if (key !== 'long' || part !== 1) return;
      at.parent('late');
      at.found('late', 2);
      await release.promise;
    };
    const running = at.run();
    await sleep(5);
    at.pass(passedMs);
    for (let turn = 0; turn < 200 && at.rows.get('late')?.status !== 'complete'; turn++) {
      at.pass(30);
      await sleep(5);
    }
    expect(at.rows.get('late')?.status).toBe('complete');
    expect(at.rows.get('long')).toBeUndefined();
    release.resolve();
    await running;
    expect(at.rows.get('long')?.status).toBe('complete');
  });

  test('a reading that took long is not repeated before it has rested', async () => {
    const at = place();
    at.parent('q', { complete: false });
    at.found('q', 3, false);
    at.state.trouble = () => at.pass(10 * 60_000);
    await at.run(); // 20 minutes
    at.state.trouble = undefined;
    at.parent('q', { complete: false, version: 'v2' });
    at.pass(HOUR);
    await at.run();
    expect(at.reads).toHaveLength(1);
    at.pass(HOUR);
    await at.run();
    expect(at.reads).toHaveLength(2);
  });

  test('one that is gone is read again when it is listed again', async () => {
    const at = place();
    at.parent('q', { complete: false });
    at.found('q', 2, false);
    await at.run();
    at.remove('q');
    await at.run();
    expect(at.rows.get('q')?.status).toBe('gone');
    at.parent('q');
    at.found('q', 9, true);
    await at.run();
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 9 });
  });

  test('a 404 for records that are known to be there is trouble, not an end', async () => {
    const at = place();
    at.parent('q', { expectsRecords: true });
    for (let time = 0; time < 3; time++) {
      await at.run();
      at.pass(3 * HOUR);
    }
    expect(at.rows.get('q')).toMatchObject({ status: 'open', failures: 3 });
    at.found('q', 4);
    await at.run();
    expect(at.rows.get('q')).toMatchObject({ status: 'complete', records: 4 });
  });

  test('a list of parents that fails in the middle throws no reading away', async () => {
    const at = place({ snapshotMs: 20 });
    at.parent('long');
    at.found('long', 20);
    at.state.trouble = () => at.pass(30);
    let fails = 0;
    const parents = at.children.parents.bind(at.children);
    at.children.parents = async (context) => {
      if (at.plans() === 0) return parents(context);
      fails++;
      throw new SluiceError('503', { action: 'retry' });
    };
    await at.run();
    expect(fails).toBeGreaterThan(2);
    expect(at.rows.get('long')).toMatchObject({ status: 'complete', records: 20 });
    await expect(at.run()).rejects.toThrow('503'); // with nothing being read, it is the walk's own trouble
  });

  test('parents are looked at in time, although pages are always at hand', async () => {
    const at = place({ snapshotMs: 20 });
    at.parent('long');
    at.found('long', 200);
    at.state.trouble = () => at.pass(10);
    await at.run();
    expect(at.plans()).toBeGreaterThan(10);
  });

  test('those that were never read go before those that keep growing, and with `once` the walk ends', async () => {
    const at = place({ snapshotMs: 10, childConcurrency: 2 });
    for (let index = 0; index < 6; index++) {
      at.parent(`grows${index}`, { complete: false });
      at.found(`grows${index}`, 2, false);
    }
    await at.run('live', true);
    const before = at.reads.length;
    at.pass(HOUR);
    for (let index = 0; index < 6; index++) {
      at.parent(`new${index}`);
      at.found(`new${index}`, 2);
      at.parent(`grows${index}`, { complete: false, version: 'v2' });
    }
    await at.run('live', true);
    expect(at.reads.slice(before, before + 6).sort()).toEqual([0, 1, 2, 3, 4, 5].map((index) => `new${index}`));
  });

  test('a parent that the configuration writes otherwise, or twice, is one', async () => {
    const at = place();
    at.state.configured = ['aaaa', 'BBBB', 'bbbb'];
    at.parent('AAAA');
    at.found('AAAA', 1);
    at.found('BBBB', 1);
    await at.run();
    expect(at.reads.sort()).toEqual(['AAAA', 'BBBB']);
  });

  test('a reading that is given up closes its reply', async () => {
    const at = place();
    let open = 0;
    at.parent('q');
    at.found('q', 9);
    const read = at.children.read.bind(at.children);
    at.children.read = async function* (context, child) {
      open++;
      try {
        return yield* read(context, child);
      } finally {
        open--;
      }
    };
    const pages = walkChildren(at.context, { id: 'live', kind: 'live', range: { fromMs: 0, toMs: 1 } }, at.children);
    for await (const page of pages) if (page.records.length > 0) break;
    await sleep(20);
    expect(open).toBe(0);
  });
});
