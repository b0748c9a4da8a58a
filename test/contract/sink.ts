/** What every sink must do, whatever it writes to. Called once per sink from a test file. */
import { afterEach, describe, expect, it } from 'vitest';
import type { EcsDocument, Json } from '../../src/api/document.ts';
import { isAbort } from '../../src/api/errors.ts';
import { documentId } from '../../src/api/records/identity.ts';
import type { Batch, OutDocument, Prepared, Sink } from '../../src/api/sink.ts';
import { toJson } from '../../src/sinks/serialize.ts';

/** A sink on storage of its own, empty when it is opened. */
export interface OpenedSink {
  sink: Sink;
  /** Another sink on the same storage, as after a restart; the first may still be open, or have died. */
  reopen(): Promise<Sink> | Sink;
  /** The documents that a reader finds, in any order. */
  readAll(): Promise<EcsDocument[]>;
  /** Removes the storage and closes what is open. */
  dispose?(): Promise<void>;
}

const pipeline = 'acme/test.contract/sink';
const signal = new AbortController().signal;

export function contractDocument(id: string, more: Record<string, unknown> = {}): OutDocument {
  const { event, ...rest } = more as { event?: Record<string, unknown> };
  return {
    id,
    stream: 'test.contract',
    namespace: 'acme',
    key: id,
    revision: 'r',
    ordinal: 1,
    hostId: undefined,
    ...toJson({
      '@timestamp': '2026-01-02T03:04:05.678Z',
      ...rest,
      event: { id, dataset: 'test.contract', kind: 'event', ...event },
      data_stream: { type: 'logs', dataset: 'test.contract', namespace: 'acme' },
    }),
  };
}

function batchOf(walk: string, number: number, documents: OutDocument[]): Batch {
  return { pipeline, walk, number, documents };
}

function numbered(prefix: string, count: number): OutDocument[] {
  return Array.from({ length: count }, (_, index) => contractDocument(`${prefix}-${index}`));
}

function preparedOf(batch: Batch): Prepared {
  const ids = batch.documents.map(({ id, stream, namespace }) => ({ id, stream, namespace }));
  return { walk: batch.walk, number: batch.number, atMs: Date.now(), ids };
}

function documentOf({ json }: OutDocument): EcsDocument {
  return JSON.parse(json.toString('utf8')) as EcsDocument;
}

function eventOf(document: EcsDocument): Record<string, unknown> {
  return document.event as Record<string, unknown>;
}

function idsOf(documents: EcsDocument[]): string[] {
  return documents.map((document) => String(eventOf(document).id)).sort();
}

/** As the engine does before the first write of a pipeline. */
function begin(sink: Sink, prepared: Prepared[] = [], committed: ReadonlyMap<string, Json> = new Map()) {
  return sink.recover(pipeline, prepared, committed);
}

export interface SinkPromise {
  /** What was written and not committed may come twice after a restart; nothing is lost all the same. */
  atLeastOnce?: boolean;
}

/** What a state remembers of a closed record. */
const OF_CLOSED = { status: 'Done', status_before: 'New', end_precision: 7, other: 'x' };

export function sinkContract(
  name: string,
  open: () => Promise<OpenedSink> | OpenedSink,
  { atLeastOnce = false }: SinkPromise = {},
): void {
  describe(`${name} keeps the contract of a sink`, () => {
    let opened: OpenedSink | undefined;
    const fresh = async () => {
      opened = await open();
      return opened;
    };
    afterEach(async () => {
      await opened?.dispose?.();
      opened = undefined;
    });

    it('stores each document of a batch once, and says when', async () => {
      const { sink, readAll } = await fresh();
      await begin(sink);
      const documents = numbered('a', 250);
      const written = await sink.write(batchOf('live', 1, documents), signal);
      expect(written.rejections).toEqual([]);
      const found = await readAll();
      expect(idsOf(found)).toEqual(idsOf(documents.map(documentOf)));
      for (const document of found) {
        expect(String(eventOf(document).ingested)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      }
    });

    it('tells what it holds: each document, with what it says of itself', async ({ skip }) => {
      const { sink } = await fresh();
      if (sink.stored === undefined) skip('nobody can read it');
      await begin(sink);
      const revised = (key: string, ordinal: number): OutDocument => {
        const revision = `r${ordinal}`;
        const event = { id: key, hash: revision, sequence: ordinal, end: '2026-01-03T00:00:00.000Z' };
        const about = { host: { id: key, name: 'h', ip: ['::1'] }, rule: { id: 'r' }, test: { contract: OF_CLOSED } };
        return {
          ...contractDocument(key, { event, ...about }),
          id: documentId('test.contract', key, ordinal, revision),
          revision,
        };
      };
      const documents = Array.from({ length: 2300 }, (_, index) =>
        revised(`k${index % 1200}`, 1 + Math.floor(index / 1200)),
      );
      await sink.write(batchOf('live', 1, documents.slice(0, 1500)), signal);
      await sink.write(batchOf('backfill-1', 1, documents.slice(1500)), signal);
      const read = async (namespace: string) =>
        (await Array.fromAsync(sink.stored?.({ stream: 'test.contract', namespace }, signal) ?? [])).flat();
      let found = await read('acme');
      for (let look = 1; look < 10 && found.length < documents.length; look++) found = await read('acme'); // it may be late
      const byId = (one: { id: string }, other: { id: string }) => (one.id < other.id ? -1 : 1);
      const timeMs = Date.parse('2026-01-02T03:04:05.678Z');
      const expected = documents.map(({ id, key, revision }) => ({
        ...{ id, key, revision, ordinal: Number(revision.slice(1)), timeMs },
        ...{ ingestedMs: expect.any(Number), place: expect.any(String) },
      }));
      expect(found.sort(byId)).toEqual(expected.sort(byId));
      expect(await read('other')).toEqual([]);
      const asked = { stream: 'test.contract', namespace: 'acme', remembered: true } as const;
      const [one] = (await Array.fromAsync(sink.stored?.(asked, signal) ?? [])).flat();
      expect(JSON.parse(one?.last ?? '{}')).toEqual({
        ...{ s: 'Done', b: 'New', e: '2026-01-03T00:00:00.000Z', p: 7, o: one?.ingestedMs },
        ...{ h: [one?.key, 'h'], r: ['r', null] },
      });
    });

    it('takes an empty batch', async () => {
      const { sink, readAll } = await fresh();
      await begin(sink);
      expect((await sink.write(batchOf('live', 1, []), signal)).rejections).toEqual([]);
      expect(await readAll()).toEqual([]);
    });

    it('keeps the batches of two walks apart when they overlap', async () => {
      const { sink, readAll } = await fresh();
      await begin(sink);
      const write = (walk: string, number: number) =>
        sink.write(batchOf(walk, number, numbered(`${walk}-${number}`, 40)), signal);
      await Promise.all([write('live', 1), write('backfill-1', 1)]);
      await Promise.all([write('backfill-1', 2), write('live', 2)]);
      expect(new Set(idsOf(await readAll())).size).toBe(160);
      expect(await readAll()).toHaveLength(160);
    });

    it('keeps every character, of any script and at any length', async () => {
      const { sink, readAll } = await fresh();
      await begin(sink);
      const message = 'Ελληνικά العربية 日本語 👩‍👩‍👧 "quoted" \\ back\nslash \u2028\u0001\u0000 e\u0301 end';
      const original = JSON.stringify({ text: `${message}${'ß🙂'.repeat(50_000)}` });
      const sent = () => contractDocument('long', { message, labels: { 'key-Ж': 'value' }, event: { original } });
      await sink.write(batchOf('live', 1, [sent(), ...numbered('short', 2)]), signal);
      const found = (await readAll()).find((document) => eventOf(document).id === 'long');
      const { ingested, ...event } = eventOf(found as EcsDocument);
      expect(ingested).toBeTypeOf('string');
      const { ingested: _, ...sentEvent } = eventOf(documentOf(sent()));
      expect({ ...found, event }).toEqual({ ...documentOf(sent()), event: sentEvent });
    });

    it('rejects when it is aborted, and stores nothing', async () => {
      const { sink, readAll } = await fresh();
      await begin(sink);
      const failure = await sink
        .write(batchOf('live', 1, numbered('a', 3)), AbortSignal.abort())
        .catch((error) => error);
      expect(isAbort(failure)).toBe(true);
      expect(await readAll()).toEqual([]);
    });

    it(`loses ${atLeastOnce ? '' : 'and doubles '}nothing when the process dies between write and commit`, async () => {
      const { sink, reopen, readAll } = await fresh();
      await begin(sink);
      const committed = batchOf('live', 1, numbered('committed', 30));
      const { receipt } = await sink.write(committed, signal);
      const uncommitted = batchOf('live', 2, numbered('uncommitted', 30));
      const never = batchOf('live', 3, numbered('never', 30));
      await sink.write(uncommitted, signal);

      const second = await reopen();
      const prepared = second.looksUp ? [preparedOf(uncommitted), preparedOf(never)] : [];
      const { arrived } = await begin(second, prepared, new Map([['live', receipt]]));
      expect([...arrived].filter((id) => !id.startsWith('uncommitted'))).toEqual([]);
      for (const batch of [uncommitted, never]) {
        const documents = batch.documents.filter(({ id }) => !arrived.has(id));
        if (documents.length > 0) await second.write({ ...batch, documents }, signal);
      }
      await second.close();
      const expected = [committed, uncommitted, never].flatMap(({ documents }) => documents.map(documentOf));
      const found = idsOf(await readAll());
      expect(atLeastOnce ? [...new Set(found)] : found).toEqual(idsOf(expected));
    });

    it('can be closed twice', async () => {
      const { sink } = await fresh();
      await sink.close();
      await sink.close();
    });
  });
}
