/** A process that dies at a chosen step, and its vendor and sink, all in memory: for tests that try every step. */
import { setTimeout as sleep } from 'node:timers/promises';
import { streams } from '../../connectors/index.ts';
import { SluiceError } from '../../src/api/errors.ts';
import type { Registered, Stream } from '../../src/api/stream.ts';
import type { Child } from '../../src/api/walk.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import { type Children, walkChildren } from '../../src/reading/children.ts';
import type { ListReply, PageQuery } from '../../src/reading/list.ts';
import { walkSnapshot } from '../../src/reading/snapshot.ts';
import { type ListQuery, walkWindows } from '../../src/reading/windows.ts';
import { type MemorySink, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 2);
const COUNT = 40;
const PARENTS = 4;

const registered = streams.find(({ stream }) => stream.name === 'cylance.detection') as Registered;
const { key } = registered.stream;

/** A minute apart, from `START` on. */
const RECORDS: readonly { Id: string; OccurrenceTime: string }[] = Array.from({ length: COUNT }, (_, index) => ({
  ...{ Id: `d${String(index).padStart(2, '0')}`, Severity: 'High', Status: 'Done' },
  OccurrenceTime: new Date(START + index * 60_000).toISOString(),
}));

function pageOf(records: readonly unknown[], { page, pageSize }: PageQuery): ListReply {
  const items = records.slice((page - 1) * pageSize, page * pageSize);
  if (page > 1 && items.length === 0) throw new SluiceError('past the end', { action: 'walk-again' });
  return { records: items, total: records.length, pageSize };
}

/** Neither bound belongs to what it answers. */
async function between({ range, ...query }: ListQuery): Promise<ListReply> {
  const isWithin = ({ OccurrenceTime }: { OccurrenceTime: string }) =>
    Date.parse(OccurrenceTime) > range.fromMs && Date.parse(OccurrenceTime) < range.toMs;
  return pageOf(RECORDS.filter(isWithin), query);
}

const parentOf = (at: number) => `p${at % PARENTS}`;

const CHILDREN: Children = {
  name: 'query',
  async parents() {
    const child = { version: 'v1', complete: true, expectsRecords: true, facts: {} };
    return {
      children: Array.from({ length: PARENTS }, (_, at): Child => ({ key: parentOf(at), ...child })),
      whole: true,
    };
  },
  async *read({ settings }, child) {
    const mine = RECORDS.filter((_, at) => parentOf(at) === child.key);
    for (let at = 0; at < mine.length; at += settings.pageSize) yield mine.slice(at, at + settings.pageSize);
    return true;
  },
};

const WINDOWS: Stream['pages'] = (context, walk, from) =>
  walkWindows(context, { list: between, key, partition: { name: 'Severity', values: [] } }, walk, from);

const SNAPSHOT: Stream['pages'] = (context, walk) =>
  walkSnapshot(context, { lists: [async (query) => pageOf(RECORDS, query)], key, findsDeleted: false }, walk);

/** The first record of a page is the last whose detail comes. */
const DETAIL: Stream['detail'] = async (_context, id, listed) => {
  await sleep(id.endsWith('0') || id.endsWith('5') ? 12 : 0);
  return { ...RECORDS.find(({ Id }) => Id === id), ...(listed as object), Comment: 'looked at' };
};

/** The ways of reading. */
export const READ = {
  'a list by time': { mode: 'windows', pages: WINDOWS, detail: undefined },
  'a list by time, with details': { mode: 'windows', pages: WINDOWS, detail: DETAIL },
  'a whole list': { mode: 'snapshot', pages: SNAPSHOT, detail: undefined },
  'the children of parents': {
    mode: 'children',
    pages: (context, walk) => walkChildren(context, walk, CHILDREN),
    detail: undefined,
  },
  'the children of parents, with details': {
    mode: 'children',
    pages: (context, walk) => walkChildren(context, walk, CHILDREN),
    detail: DETAIL,
  },
} as const satisfies Record<string, Pick<Stream, 'mode' | 'pages' | 'detail'>>;

export interface Tenant {
  /** Lives until everything is read, or until its step number `dies`. Says whether it died. */
  live(dies: number): Promise<boolean>;
  /** How often each record was taken or refused, where that is not once. */
  faults(): string[];
  sink: MemorySink;
  remove(): void;
}

export interface TenantOptions {
  /** A backfill of everything runs beside the poll. */
  backfills?: boolean;
  mapping?: Registered['mapping'];
  /** The sink refuses these keys. */
  refuses?: (key: string) => boolean;
}

export function tenantOf(how: keyof typeof READ, { backfills = false, mapping, refuses }: TenantOptions = {}): Tenant {
  const place = scratch();
  const sink = memorySink();
  const stream: Stream = { ...registered.stream, ...READ[how], peek: undefined };
  const known: Registered = { ...registered, stream, mapping: mapping ?? registered.mapping };
  const config = testConfig('http://127.0.0.1:9', place.path, {
    reading: { page_size: 5, max_window_records: 18, details: stream.detail !== undefined, overlap: '1s' },
    batch: { documents: 7, wait: '4ms' },
  });
  const refused = new Set<string>();
  const schedule = { lookbackMs: 2 * HOUR, pollMs: 50, liveRangeMs: 1000, sweeps: [], snapshotMs: 50 };
  let lives = 0;
  return {
    sink,
    remove: place.remove,
    async live(dies) {
      const nowMs = START + HOUR + 60_000 * lives++;
      let steps = 0;
      const step = () => {
        if (++steps >= dies) throw new Error('killed');
      };
      const inThisLife: MemorySink = {
        ...sink,
        async write(batch) {
          step(); // before it is sent
          const half = Math.ceil(batch.documents.length / 2);
          const take = (documents: typeof batch.documents) =>
            sink.documents.push(...documents.filter((one) => !refuses?.(one.key)));
          take(batch.documents.slice(0, half));
          step(); // half of it arrived
          await sleep(1);
          take(batch.documents.slice(half));
          step(); // all of it, and nobody knows
          const rejections = batch.documents.filter((one) => refuses?.(one.key));
          return { rejections: rejections.map(({ id }) => ({ id, type: 'no', reason: 'no' })), receipt: null };
        },
      };
      const { pipeline, store, close } = openPipeline(config, {
        ...{ streams: [known], sink: inThisLife, now: () => nowMs },
      });
      const { state } = pipeline;
      const { commit, prepare } = state;
      state.prepare = (...given) => {
        step();
        prepare.apply(state, given);
      };
      state.commit = (one) => {
        step();
        commit.call(state, one);
        step();
      };
      if (backfills && lives === 1) {
        const range = { fromMs: START - HOUR, toMs: nowMs };
        store.addJob({ kind: 'backfill', range, pipelines: [pipeline.name], as: undefined });
      }
      try {
        const { signal } = new AbortController();
        await runPipeline(pipeline, { schedule, store, signal, once: true });
        return false;
      } catch (error) {
        if ((error as Error).message !== 'killed') throw error;
        return true;
      } finally {
        for (const { key } of state.rejected(COUNT)) refused.add(key);
        await close();
      }
    },
    faults() {
      const times = new Map(RECORDS.map(({ Id }) => [Id, refused.has(Id) ? 1 : 0]));
      for (const one of sink.documents) times.set(one.key, (times.get(one.key) ?? 0) + 1);
      return [...times].filter(([, count]) => count !== 1).map(([id, count]) => `${id} ${count} times`);
    },
  };
}
