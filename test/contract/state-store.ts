/** What every state store must do. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ChildRow, Range } from '../../src/api/walk.ts';
import type { Commit, Known, LedgerRow, Row, StateStore } from '../../src/state/store.ts';

/** What the clock of each store says. */
export const NOW = 5000;

/** A place for the state of the source `s`, as long as one test. */
export interface StateHarness {
  open(scrub?: (text: string) => string): Promise<StateStore>;
  /** Whatever `settled` promises is done. */
  close(store: StateStore): Promise<void>;
  /** Every byte that is kept of a closed state. */
  kept(): Promise<string>;
  end(): Promise<void>;
}

function row(key: string, change: Partial<Row> = {}): Row {
  const fresh = {
    rowId: undefined,
    fingerprint: 'f',
    revision: 'r',
    ordinal: 1,
    timeMs: 100,
    digests: 'a\nb',
    deleted: false,
  };
  return { key, ...fresh, refreshAtMs: null, refreshMs: 0, seenMs: null, ...change };
}

function range(fromMs: number, toMs: number): Range {
  return { fromMs, toMs };
}

function commit(number: number, rows: Row[], more: Partial<Commit> = {}): Commit {
  return { walk: 'w', number, rows, ledger: [], rejections: [], children: [], receipt: { length: number }, ...more };
}

/** `begin` makes a new place. */
export function stateStoreContract(name: string, begin: () => StateHarness): void {
  describe(`state store ${name}`, () => {
    let harness: StateHarness;
    let store: StateStore;
    beforeEach(async () => {
      harness = begin();
      store = await harness.open();
    });
    afterEach(async () => {
      await harness.close(store);
      await harness.end();
    });
    const reopen = async (scrub?: (text: string) => string): Promise<StateStore> => {
      await harness.close(store);
      store = await harness.open(scrub);
      return store;
    };
    /** Closed, and open again. */
    const kept = async (): Promise<string> => {
      await harness.close(store);
      const bytes = await harness.kept();
      store = await harness.open();
      return bytes;
    };
    const begun = (pipeline = 's/x.y/z') => {
      const state = store.pipeline(pipeline);
      state.begin('w', 'backfill', { fromMs: 0, toMs: 1000 });
      return state;
    };

    test('a commit is there after reopening, whole', async () => {
      begun().commit(commit(1, [row('k', { refreshAtMs: 9, refreshMs: 4 })], { cursor: { at: 7 } }));
      const state = (await reopen()).pipeline('s/x.y/z');
      expect(state.known('k')).toEqual({ ...row('k', { refreshAtMs: 9, refreshMs: 4 }), key: undefined, rowId: 1 });
      expect(state.walk('w')).toMatchObject({
        cursor: { at: 7 },
        receipt: { length: 1 },
        batch: 1,
        finishedAtMs: undefined,
      });
    });

    test('rejections are measured, found by id and by key, and dropped with a trace for good', async () => {
      const one = { id: 'i1', key: 'k', type: 't', reason: 'r', field: 'f', document: '{"é":1}' };
      const two = { ...one, id: 'i2', key: 'l', field: undefined };
      begun().commit(commit(1, [], { rejections: [one, two] }));
      const state = (await reopen()).pipeline('s/x.y/z');
      expect(state.rejectedSize()).toEqual({ documents: 2, bytes: 2 * Buffer.byteLength(one.document) });
      const group = { type: 't', reason: 'r', documents: 1, atMs: NOW };
      const groups = [
        { ...group, field: undefined },
        { ...group, field: 'f' },
      ];
      expect(state.rejectionGroups()).toEqual(groups);
      const { document, ...cause } = one;
      const seen: unknown[] = [];
      state.eachRejection((rejection) => seen.push(rejection));
      expect(seen).toEqual([
        { ...cause, atMs: NOW },
        { ...cause, id: 'i2', key: 'l', field: undefined, atMs: NOW },
      ]);
      expect(state.rejectionsNamed('k')).toEqual([{ ...one, atMs: NOW }]);
      expect(state.rejectionsNamed('i2')).toEqual([{ ...two, atMs: NOW }]);
      expect(state.drop(['i1', 'unknown'])).toBe(1);
      const after = (await reopen()).pipeline('s/x.y/z');
      expect(after.counts()).toMatchObject({ rejections: 1, dropped: 1 });
      expect(after.fact('dropped i1')).toEqual({ key: 'k', type: 't', field: 'f', atMs: NOW });
      expect(after.rejectedSize()).toEqual({ documents: 1, bytes: Buffer.byteLength(document) });
    });

    test('old records are forgotten, but for those that the engine is still to do something about', async () => {
      const state = begun();
      const rows = [
        ...[
          row('old'),
          row('deleted', { deleted: true }),
          row('timeless', { timeMs: null }),
          row('new', { timeMs: 500 }),
        ],
        ...[row('open', { refreshAtMs: 9, refreshMs: 4 }), row('owing'), row('missing')],
      ];
      const owed = [{ key: 'owing', record: {}, as: undefined, sinceMs: 0, nextAtMs: 0, attempts: 1 }];
      state.commit(commit(1, rows, { owed }));
      state.setMissing(['missing'], 1);
      state.finish('w', NOW);
      expect(state.forgottenUntilMs()).toBeUndefined();
      expect(state.forget(500)).toEqual({ records: 2, untilMs: 500 });
      expect((await reopen()).pipeline('s/x.y/z').forgottenUntilMs()).toBe(500);
      const left = rows.map(({ key }) => key).filter((key) => store.pipeline('s/x.y/z').known(key) !== undefined);
      expect(left).toEqual(['timeless', 'new', 'open', 'owing', 'missing']);
      expect(store.pipeline('s/x.y/z').coveredFromMs()).toBe(500);
      expect(store.pipeline('s/x.y/z').forget(400).records).toBe(0);
      expect(store.pipeline('s/x.y/z').forgottenUntilMs()).toBe(500);
      store.vacuum();
      expect(store.pipeline('s/x.y/z').known('new')).toBeDefined();
    });

    test('nothing is forgotten of a time that a walk, a gap or a job still reads', async () => {
      const state = begun();
      state.commit(commit(1, [row('k', { timeMs: 100 })]));
      expect(state.forget(900)).toEqual({ records: 0, untilMs: 0 });
      state.finish('w', NOW);
      const open = { kind: 'unsettled' as const, place: null, reason: 'r', sinceMs: 0, nextAtMs: 0, attempts: 0 };
      state.commit(commit(2, [], { gaps: [{ id: 'g', range: { fromMs: 60, toMs: 70 }, ...open }] }));
      expect(state.forget(900)).toEqual({ records: 0, untilMs: 60 });
      state.commit(commit(3, [], { closedGaps: ['g'] }));
      const job = store.addJob({ kind: 'backfill', range: { fromMs: 90, toMs: 99 }, pipelines: [], as: undefined });
      expect(state.forget(900)).toEqual({ records: 0, untilMs: 90 });
      store.setJob(job, 'done');
      expect(state.forget(900)).toEqual({ records: 1, untilMs: 900 });
    });

    test('a commit that fails leaves nothing behind', async () => {
      const state = begun();
      const broken = { ...row('b'), revision: null as unknown as string };
      expect(() => state.commit(commit(1, [row('a'), broken], { cursor: 1 }))).toThrow(/state in/);
      expect(state.known('a')).toBeUndefined();
      expect(state.walk('w')).toMatchObject({ batch: NOW, cursor: undefined });
      state.commit(commit(1, [row('a')]));
      expect(state.known('a')).toBeDefined();
    });

    test('a known row is replaced, one of another pipeline is not touched', async () => {
      const one = begun('s/x.y/one');
      const two = begun('s/x.y/two');
      one.commit(commit(1, [row('k')]));
      two.commit(commit(1, [row('k', { revision: 'two' })]));
      one.commit(commit(2, [row('k', { rowId: one.known('k')?.rowId, revision: 'new', ordinal: 2 })]));
      expect(one.known('k')).toMatchObject({ revision: 'new', ordinal: 2 });
      expect(two.known('k')).toMatchObject({ revision: 'two', ordinal: 1 });
      expect(one.counts()).toMatchObject({ records: 1 });
      expect([...one.knownAmong(['k', 'other']).keys()]).toEqual(['k']);
    });

    test('keys in a range are half open and without the deleted', async () => {
      const state = begun();
      const rows = [
        row('a', { timeMs: 10 }),
        row('b', { timeMs: 20 }),
        row('c', { timeMs: 15, deleted: true }),
        row('d', { timeMs: null }),
      ];
      state.commit(commit(1, rows));
      expect([...state.keysBetween({ fromMs: 10, toMs: 20 })]).toEqual(['a']);
      expect(state.newestKeys(1)).toEqual(['b']);
    });

    test('what is known to be undelivered is kept with the commit that passes it, and is gone with the one that closes it', async () => {
      const gap = {
        ...{ id: 'g', kind: 'unsettled' as const, range: { fromMs: 1, toMs: 9 }, place: { page: 2 }, reason: 'moved' },
        ...{ sinceMs: 3, nextAtMs: 70, attempts: 1 },
      };
      const owed = { key: 'k', record: { Id: 'k' }, as: 'event' as const, sinceMs: 2, nextAtMs: 50, attempts: 4 };
      const later = { ...owed, key: 'l', as: undefined, nextAtMs: 60 };
      begun().commit(commit(1, [], { gaps: [gap], owed: [later, owed] }));
      const state = (await reopen()).pipeline('s/x.y/z');
      expect(state.gaps()).toEqual([gap]);
      expect(state.owed(59, 10)).toEqual([owed]);
      expect(state.owed(60, 10).map(({ key }) => key)).toEqual(['k', 'l']);
      expect(state.owedOf('l')).toEqual(later);
      expect(state.counts()).toMatchObject({ owed: 2, gaps: 1 });
      expect(store.pipeline('s/x.y/other').counts()).toMatchObject({ owed: 0, gaps: 0 });
      state.commit(commit(2, [], { gaps: [{ ...gap, attempts: 2 }], paid: ['k'] }));
      expect(state.gaps()).toEqual([{ ...gap, attempts: 2 }]);
      state.commit(commit(3, [], { closedGaps: ['g'] }));
      expect(state.counts()).toMatchObject({ owed: 1, gaps: 0 });
      state.reset();
      expect(state.counts()).toMatchObject({ owed: 0 });
    });

    test('a gap that grew while it was looked for is not closed by what was read of it', async () => {
      const gap = (toMs: number) => ({
        ...{ id: 'g', kind: 'unsettled' as const, range: { fromMs: 1, toMs }, place: null, reason: 'moved' },
        ...{ sinceMs: 3, nextAtMs: 70, attempts: 1 },
      });
      const state = begun();
      state.commit(commit(1, [], { gaps: [gap(9)] }));
      state.begin('gaps', 'sweep', { fromMs: 1, toMs: 9 });
      state.commit(commit(2, [], { gaps: [gap(20)] }));
      state.commit(commit(3, [], { walk: 'gaps', closedGaps: ['g'] }));
      expect(state.gaps()).toEqual([gap(20)]);
      state.begin('gaps', 'sweep', { fromMs: 1, toMs: 20 });
      state.commit(commit(4, [], { walk: 'gaps', closedGaps: ['g'] }));
      expect(state.gaps()).toEqual([]);
    });

    test('facts and missing records are remembered', async () => {
      const state = begun();
      expect(state.fact('scope a:list')).toBeUndefined();
      state.setFact('scope a:list', { worked: true });
      state.setMissing(['k', 'l'], 10);
      state.setMissing(['k'], 20);
      const again = (await reopen()).pipeline('s/x.y/z');
      expect(again.fact('scope a:list')).toEqual({ worked: true });
      expect([...again.missing()]).toEqual([
        ['k', 10],
        ['l', 10],
      ]);
      again.clearMissing(['k', 'never']);
      expect([...again.missing().keys()]).toEqual(['l']);
    });

    test('due records come oldest first, page by page', async () => {
      const state = begun();
      const rows = [30, 10, 20, 20, 99].map((refreshAtMs, index) => row(`k${index}`, { refreshAtMs }));
      state.commit(commit(1, [...rows, row('never')]));
      const first = state.due(50, 3);
      const rest = state.due(50, 3, first.at(-1));
      expect([...first, ...rest].map(({ key }) => key)).toEqual(['k1', 'k2', 'k3', 'k0']);
    });

    test('prepared batches wait for commit or resolve; what arrived becomes known', async () => {
      const state = begun();
      state.prepare('w', 1, [row('a', { id: 'id-a' }), row('b', { id: 'id-b' }), row('c')]);
      const again = (await reopen()).pipeline('s/x.y/z');
      expect(again.prepared('x.y', 's')).toEqual([
        {
          walk: 'w',
          number: 1,
          atMs: NOW,
          ids: [
            { id: 'id-a', stream: 'x.y', namespace: 's' },
            { id: 'id-b', stream: 'x.y', namespace: 's' },
          ],
        },
      ]);
      again.resolve(new Set(['id-b']));
      expect(again.known('a')).toBeUndefined();
      expect(again.known('b')).toBeDefined();
      expect(again.prepared('x.y', 's')).toEqual([]);
      again.prepare('w', 2, [row('d', { id: 'id-d' })]);
      again.commit(commit(2, [row('d')]));
      expect(again.prepared('x.y', 's')).toEqual([]);
    });

    test('what a replay had delivered when it died is off the list of rejections', async () => {
      const rejection = { id: 'id-a', key: 'a', type: 't', reason: 'r', document: '{}' };
      const state = begun();
      state.commit(commit(1, [row('a')], { rejections: [rejection, { ...rejection, id: 'id-b', key: 'b' }] }));
      state.prepare('w', 2, [row('a', { id: 'id-a' }), row('b', { id: 'id-b' })]);
      (await reopen()).pipeline('s/x.y/z').resolve(new Set(['id-a']));
      expect(store.rejections({ limit: 5 }).map(({ id }) => id)).toEqual(['id-b']);
    });

    test('what was prepared becomes known as it would have by a commit, whatever a row has', async () => {
      const all = [
        row('plain', { fingerprint: 'r', id: 'id-plain' }),
        row('undated', { fingerprint: 'r', id: 'id-undated', timeMs: null, digests: '' }),
        row('remembered', { fingerprint: 'r', id: 'id-remembered', last: '{"s":"New","h":["h","böse \\"q\\""]}' }),
        row('seen', { fingerprint: 'r', id: 'id-seen', seenMs: 7 }),
        row('due', { fingerprint: 'r', id: 'id-due', refreshAtMs: 9 }),
        row('changed', { id: 'id-changed', ordinal: 3 }),
        row('gone', { fingerprint: 'r', id: 'id-gone', deleted: true }),
        row('noted', { fingerprint: 'r', id: 'id-noted', notes: [{ kind: 'k', id: 'i', value: 'v' }] }),
        row('bare', { fingerprint: 'r', id: 'id-bare', isBare: true }),
      ];
      const [resolved, committed] = [begun('s/x.y/z'), begun('s/x.y/other')];
      resolved.prepare('w', 1, all);
      expect(resolved.prepared('x.y', 's')[0]?.ids.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
      resolved.resolve(new Set(all.map(({ id }) => id as string)));
      committed.commit(commit(1, all));
      const known = ({ known: of }: typeof resolved) => all.map(({ key }) => ({ ...of(key), rowId: 0 }));
      expect(known(resolved)).toEqual(known(committed));
      expect(resolved.noted('k')).toEqual(['i']);
    });

    test('a number that was prepared is not given again, whether the batch arrived or not', async () => {
      const state = begun();
      state.prepare('w', NOW + 7, [row('a', { id: 'id-a' })]);
      state.resolve(new Set());
      expect(state.walk('w')?.batch).toBe(NOW + 7);
    });

    test('numbers of batches never come again, not even when the state is lost', async () => {
      expect(begun().walk('w')?.batch).toBe(NOW);
      const state = store.pipeline('s/x.y/z');
      state.commit(commit(NOW + 1, []));
      state.begin('w', 'backfill', { fromMs: 0, toMs: 1 });
      expect(state.walk('w')?.batch).toBe(NOW + 1);
    });

    test('children are remembered with the commit that completes them, each on its own', async () => {
      const child = (key: string, more: Partial<ChildRow> = {}): ChildRow => ({
        ...{ child: key, version: 'v1', status: 'open', sinceMs: 1, nextAtMs: 9, records: 3, failures: 0 },
        ...more,
      });
      begun().commit(commit(1, [], { children: [child('a'), child('b', { status: 'complete', nextAtMs: null })] }));
      const state = (await reopen()).pipeline('s/x.y/z');
      expect(state.child('a')).toEqual(child('a'));
      expect(state.child('b')).toEqual(child('b', { status: 'complete', nextAtMs: null }));
      expect(state.child('c')).toBeUndefined();
      expect(state.openChildren()).toEqual([child('a')]);
      state.commit(commit(2, [], { children: [child('a', { status: 'gone', records: null, failures: 2 })] }));
      expect(state.openChildren()).toEqual([]);
      expect(state.childCounts()).toEqual({ complete: 1, gone: 1 });
      expect(store.pipeline('s/x.y/other').child('a')).toBeUndefined();
      state.reset();
      expect(state.childCounts()).toEqual({});
    });

    test('walks begin, finish, begin anew and keep their receipt; rewinding reads again', async () => {
      const state = begun();
      state.commit(commit(3, [], { cursor: 5 }));
      state.finish('w', 77);
      expect(state.walk('w')).toMatchObject({ finishedAtMs: 77, cursor: undefined });
      state.begin('w', 'backfill', { fromMs: 1000, toMs: 2000 });
      expect(state.walk('w')).toMatchObject({
        range: { fromMs: 1000, toMs: 2000 },
        receipt: { length: 3 },
        batch: 3,
        finishedAtMs: undefined,
      });
      expect(state.coveredFromMs()).toBe(0);
      expect(state.rewind('w', 500)).toBe(true);
      expect(state.rewind('nothing', 500)).toBe(false);
      expect(state.walk('w')).toMatchObject({ range: { toMs: 500 }, finishedAtMs: 0 });
    });

    test('what an interrupted walk leaves is begun by another one, or lengthens it, and is never taken for read', async () => {
      const state = store.pipeline('s/x.y/z');
      const leave = (fromMs: number, toMs: number, cursor: object) => {
        state.begin('live', 'live', { fromMs, toMs });
        state.commit(commit(NOW + toMs, [], { walk: 'live', cursor: cursor as never }));
        state.handOver('live', 'catch-up', 'catch-up', NOW);
        expect(state.walk('live')).toMatchObject({ finishedAtMs: NOW, cursor: undefined });
      };
      leave(0, 1000, { at: 400 });
      const begun = {
        kind: 'catch-up',
        range: { fromMs: 0, toMs: 1000 },
        cursor: { at: 400 },
        finishedAtMs: undefined,
      };
      expect(state.walk('catch-up')).toMatchObject(begun);
      leave(1000, 2000, { at: 1500 });
      expect(state.walk('catch-up')).toMatchObject({ ...begun, range: { fromMs: 0, toMs: 2000 } });
      expect(state.finish('catch-up', NOW, 1000)).toBe(false); // it was read up to there before it was lengthened
      expect(state.walk('catch-up')).toMatchObject({ cursor: { at: 400 }, finishedAtMs: undefined });
      expect(state.finish('catch-up', NOW, 2000)).toBe(true);
      leave(5000, 6000, { at: 5500 });
      const anew = { range: { fromMs: 5000, toMs: 6000 }, cursor: { at: 5500 }, finishedAtMs: undefined };
      expect((await reopen()).pipeline('s/x.y/z').walk('catch-up')).toMatchObject(anew);
    });

    test('what others said is kept without secrets, and with an end', async () => {
      await reopen((text) => text.replaceAll('hunter2', '***'));
      const said = `hunter2 ${'x'.repeat(100_000)}`;
      const rejection = { id: 'id-a', key: 'a', type: said, reason: said, field: said, document: '{"a":1}' };
      const gap = {
        ...{ id: 'g', kind: 'unsettled' as const, range: { fromMs: 1, toMs: 9 }, place: null, reason: said },
        ...{ sinceMs: 1, nextAtMs: 2, attempts: 0 },
      };
      const state = begun();
      state.commit(commit(1, [row('a')], { rejections: [rejection], gaps: [gap] }));
      const id = store.addJob({ kind: 'backfill', range: { fromMs: 0, toMs: 1 }, pipelines: ['p'], as: undefined });
      store.setJob(id, 'failed', said);
      const [rejected] = state.rejected(1);
      for (const one of [
        rejected?.type,
        rejected?.reason,
        rejected?.field,
        state.gaps()[0]?.reason,
        store.jobs()[0]?.message,
      ]) {
        expect(one).toMatch(/^\*\*\* x+… /);
        expect(one?.length).toBeLessThan(2100);
      }
      expect(await kept()).not.toContain('hunter2');
    });

    test('what was read to an end stays covered, whatever becomes of the rows that say so', async () => {
      const state = begun();
      const nothing = {
        delivered: 0,
        givenUp: 0,
        unchanged: 0,
        rejected: 0,
        owed: 0,
        dropped: 0,
        deleted: 0,
        documents: 0,
      };
      let number = 0;
      const accept = (fromMs: number, toMs: number, more: Partial<LedgerRow> = {}) => {
        const read = { walk: 'live', kind: 'window', range: { fromMs, toMs }, total: 0, distinct: 0 } as const;
        state.commit(commit(++number, [], { ledger: [{ ...read, settled: true, attempts: 2, ...nothing, ...more }] }));
      };
      accept(100, 200);
      accept(300, 400);
      accept(500, 600, { settled: false });
      accept(0, 1000, { kind: 'list' });
      accept(0, 1000, { kind: 'child', filter: 'query=a' });
      accept(900, 9000, { readAtMs: 950 }); // a range that reaches further than the clock did
      accept(2000, 9000); // no further than now
      expect(state.covered()).toEqual([range(100, 200), range(300, 400), range(900, 950), range(2000, NOW)]);
      accept(150, 180);
      accept(200, 300, { filter: 'severity' });
      accept(400, 450);
      expect((await reopen()).pipeline('s/x.y/z').covered()).toEqual([
        range(100, 450),
        range(900, 950),
        range(2000, NOW),
      ]);
      expect(store.pipeline('other').covered()).toEqual([]);
      const read = store.readings(0, 100).map(({ pipeline, atMs, documents }) => [pipeline, atMs, documents]);
      expect(read).toEqual(Array.from({ length: number }, () => ['s/x.y/z', NOW, 0]));
      const [first] = store.readings(0, 1);
      expect(store.readings(first?.id ?? 0, 100)).toHaveLength(number - 1);
      const again = store.pipeline('s/x.y/z');
      const rows = Array.from({ length: 20_010 }, () => ({
        ...{ walk: 'live', kind: 'window' as const, range: range(440, 460), total: 0, distinct: 0, settled: true },
        ...{ attempts: 2, ...nothing },
      }));
      again.commit(commit(100, [], { ledger: rows }));
      again.begin('live', 'live', range(0, 1));
      expect(again.ledger(100_000).length).toBeLessThan(20_010);
      expect(again.covered()[0]).toEqual(range(100, 460));
      again.reset();
      expect(again.covered()).toEqual([]);
    });

    test('records that were shipped without their detail are known until it came, or they are gone', async () => {
      const state = begun();
      const bare = ['a', 'b', 'c'].map((key) => row(key, { id: key, isBare: true }));
      state.commit(commit(1, [...bare, row('d', { id: 'd' })]));
      expect(state.incomplete(5).map(({ key }) => key)).toEqual(['a', 'b', 'c']);
      expect(state.incomplete(1)).toEqual([{ key: 'a', sinceMs: NOW, timeMs: 100 }]);
      const [a, b, c] = bare.map(({ key }) => ({ ...(state.known(key) as Known), key }));
      const touched = row('c', { ...c, refreshAtMs: 9 });
      const whole = row('a', { ...a, id: 'a2', ordinal: 2 });
      state.commit(commit(2, [touched, whole, row('b', { ...b, id: 'b2', ordinal: 2, deleted: true })]));
      expect(state.incomplete(5).map(({ key }) => key)).toEqual(['c']);
      expect(state.countIncomplete()).toBe(1);
    });

    test('a source that is renamed keeps everything but what a sink remembers by its name', async () => {
      const kept = begun();
      kept.commit(commit(1, [], { receipt: { number: 1 } }));
      const other = store.pipeline('s/x.y/other');
      other.begin('w', 'live', range(0, 1));
      other.commit(commit(1, [], { receipt: { number: 1 } }));
      expect(store.renameSource('s', 't', ['other'])).toEqual(['t/x.y/other', 't/x.y/z']);
      expect((await reopen()).pipelines()).toEqual(['t/x.y/other', 't/x.y/z']);
      expect(store.pipeline('t/x.y/z').walk('w')).toMatchObject({ batch: 1, receipt: { number: 1 } });
      expect(store.pipeline('t/x.y/other').walk('w')).toMatchObject({ batch: 1, receipt: undefined });
    });

    test('ledger, rejections and jobs are kept', async () => {
      const state = begun();
      const window = {
        walk: 'w',
        range: { fromMs: 1, toMs: 2 },
        total: 6,
        distinct: 6,
        settled: true,
        filter: undefined,
        kind: 'window' as const,
      };
      const counts = {
        attempts: 3,
        delivered: 2,
        givenUp: 1,
        unchanged: 0,
        rejected: 1,
        owed: 1,
        dropped: 1,
        deleted: 2,
        documents: 7,
      };
      const rejection = { id: 'i', key: 'k', type: 't', reason: 'r', field: 'f', document: '{}' };
      state.commit(
        commit(1, [], {
          ledger: [{ ...window, ...counts }],
          rejections: [rejection],
        }),
      );
      const job = store.addJob({
        kind: 'backfill',
        range: { fromMs: 1, toMs: 2 },
        pipelines: ['s/x.y/z'],
        as: 'event',
      });
      store.setJob(job, 'failed', 'why');
      await reopen();
      expect(store.pipeline('s/x.y/z').ledger(5)).toEqual([{ ...window, ...counts, id: 1, atMs: NOW }]);
      expect(store.pipeline('s/x.y/z').ledger(5, { fromMs: 2, toMs: 9 })).toEqual([]);
      expect(store.pipeline('s/x.y/z').ledger(5, { fromMs: 1, toMs: 2 })).toHaveLength(1);
      expect(store.rejections({ limit: 5 })).toEqual([{ ...rejection, pipeline: 's/x.y/z', atMs: NOW }]);
      expect(store.rejections({ pipeline: 'other', limit: 5 })).toEqual([]);
      expect(store.pipeline('other').rejected(5)).toEqual([]);
      const more = [
        { ...rejection, id: 'a' },
        { ...rejection, id: 'z', field: undefined },
      ];
      store.pipeline('s/x.y/z').commit(commit(2, [], { rejections: more }));
      expect(store.pipeline('s/x.y/z').counts()).toMatchObject({ rejections: 3 });
      expect(store.pipeline('s/x.y/z').rejected(2)).toEqual([more[0], rejection]);
      expect(store.pipeline('s/x.y/z').rejected(2, 'a')).toEqual([rejection, more[1]]);
      store.pipeline('s/x.y/z').commit(commit(3, [], { accepted: ['a', 'z'] }));
      store.pipeline('s/x.y/z').commit(commit(4, [], { accepted: ['i'] }));
      expect(store.rejections({ limit: 5 })).toEqual([]);
      expect(store.jobs()).toMatchObject([
        { id: job, as: 'event', status: 'failed', message: 'why', pipelines: ['s/x.y/z'] },
      ]);
    });

    test('what a person says of a job stands against what the work on it leads to', async () => {
      const id = store.addJob({ kind: 'backfill', range: range(0, 9), pipelines: ['p'], as: undefined });
      const status = async () => (await reopen()).jobs()[0]?.status;
      store.setJob(id, 'running');
      expect(store.turnJob(id, 'paused')).toBe(true);
      for (const late of ['running', 'waiting', 'failed'] as const) store.setJob(id, late);
      expect(await status()).toBe('paused');
      expect(store.turnJob(id, 'waiting')).toBe(true);
      store.setJob(id, 'failed', 'why');
      expect(store.turnJob(id, 'paused', 'for now')).toBe(true);
      expect(store.jobs()).toMatchObject([{ status: 'paused', message: 'for now' }]);
      store.setJob(id, 'done'); // its last page had been read
      expect(await status()).toBe('done');
      expect(store.turnJob(id, 'cancelled')).toBe(false);
      const other = store.addJob({ kind: 'backfill', range: range(0, 9), pipelines: ['p'], as: undefined });
      expect(store.turnJob(other, 'cancelled')).toBe(true);
      for (const late of ['running', 'done'] as const) store.setJob(other, late);
      expect(store.jobs()[1]?.status).toBe('cancelled');
      expect(store.turnJob(other, 'waiting')).toBe(false);
    });

    test('a walk that is cancelled is over, and was not read to its end', async () => {
      const state = begun();
      state.commit(commit(1, [row('k')], { cursor: { at: 7 } }));
      expect(state.cancel('w', NOW)).toBe(true);
      expect(state.cancel('w', NOW)).toBe(false);
      expect((await reopen()).pipeline('s/x.y/z').walk('w')).toMatchObject({
        ...{ cursor: undefined, finishedAtMs: NOW, isCancelled: true },
      });
      expect(begun().walk('w')).toMatchObject({ finishedAtMs: undefined, isCancelled: false });
    });

    test('how far a job has come is stored by parts, alone or with a commit; a new count begins its range anew', async () => {
      const counts = { counted: 10, known: 2, listed: 8, finished: 5, documents: 3, rejected: 1 };
      const part = { range: range(0, 1000), ...counts, listRequests: 4, detailRequests: 3, workedMs: 17, atMs: 9 };
      const inner = { ...part, range: range(0, 500), counted: 6 };
      const state = begun();
      state.setJobPart(7, part);
      state.commit(commit(1, [], { progress: { job: 7, parts: [inner] } }));
      expect((await reopen()).pipeline('s/x.y/z').jobParts(7)).toEqual([part, inner]);
      const again = store.pipeline('s/x.y/z');
      again.setJobPart(7, { ...part, finished: 6 });
      expect(again.jobParts(7)[0]?.finished).toBe(6);
      again.recount(7, range(400, 450));
      const anew = { listed: 0, finished: 0 };
      expect(again.jobParts(7)).toEqual([
        { ...part, ...anew },
        { ...inner, ...anew },
      ]);
      again.recount(7, range(0, 600));
      expect(again.jobParts(7)[1]).toEqual({ ...inner, ...anew, counted: 0, known: 0 });
      expect(again.jobParts(7)[0]?.counted).toBe(10);
      expect([again.jobParts(8), store.pipeline('s/x.y/other').jobParts(7)]).toEqual([[], []]);
      again.reset();
      expect(again.jobParts(7)).toEqual([]);
    });

    test('pauses are kept until they are ended, with their reason bounded and without secrets', async () => {
      await reopen((text) => text.replaceAll('s3cret', '[redacted]'));
      const pause = {
        source: 's',
        stream: undefined,
        sinceMs: 5,
        untilMs: 9,
        reason: `why s3cret ${'x'.repeat(5000)}`,
      };
      store.setPause({ ...pause, reason: 'before' });
      store.setPause(pause);
      store.setPause({ ...pause, stream: 'x.y', untilMs: undefined, reason: undefined });
      const [whole, one] = (await reopen()).pauses();
      expect(whole).toMatchObject({ source: 's', stream: undefined, sinceMs: 5, untilMs: 9 });
      expect(whole?.reason).toMatch(/^why \[redacted\] x+/);
      expect(whole?.reason?.length).toBeLessThan(2100);
      expect(one).toEqual({ source: 's', stream: 'x.y', sinceMs: 5, untilMs: undefined, reason: undefined });
      expect([store.endPause('s', 'x.z'), store.endPause('s', undefined)]).toEqual([false, true]);
      expect((await reopen()).pauses()).toEqual([one]);
    });

    test('reset forgets one pipeline and only that', async () => {
      begun('s/x.y/one').commit(commit(1, [row('k')]));
      begun('s/x.y/two').commit(commit(1, [row('k')]));
      store.pipeline('s/x.y/one').reset();
      expect(store.pipeline('s/x.y/one').counts()).toMatchObject({ records: 0 });
      expect(store.pipeline('s/x.y/two').counts()).toMatchObject({ records: 1 });
    });
  });
}
