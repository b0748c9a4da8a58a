/** What `sluice load` makes of records, and in which order a lane looks up, writes, keeps aside and commits. */
import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { documentId } from '../../src/api/records/identity.ts';
import type { Batch, Prepared, Rejection } from '../../src/api/sink.ts';
import {
  type Begin,
  bytesOf,
  type Lane,
  type LaneTools,
  type Letter,
  lookToIn,
  metadataOf,
  openLane,
  PORTION_RECORDS,
} from '../../src/load/lane.ts';
import { documentIn, type TopicRecord } from '../../src/load/read.ts';
import { createLoadStatistics, lagOf, type TopicCounts, totalOf } from '../../src/load/statistics.ts';
import { encodeLines, stamped, toJson } from '../../src/sinks/serialize.ts';

const STREAM = 'cylance.detection';
const STAMP = '2026-05-06T07:08:09.123Z';

function recordOf(
  offset: number,
  more: Record<string, unknown> = {},
  headers: Record<string, unknown> = {},
): TopicRecord {
  const [key, hash] = [`key-${offset}`, `hash-${offset}`];
  const document = {
    '@timestamp': '2026-01-02T03:04:05.678Z',
    ...more,
    event: { id: key, sequence: 1, hash, dataset: STREAM },
    data_stream: { type: 'logs', dataset: STREAM, namespace: 'acme' },
  };
  const value = Buffer.from(stamped(toJson(document), STAMP));
  const own = { id: documentId(STREAM, key, 1, hash), dataset: STREAM, revision: hash };
  const all = Object.entries({ ...own, ...headers }).map(([name, text]) => [
    name,
    typeof text === 'string' ? Buffer.from(text) : text,
  ]);
  return { offset: BigInt(offset), key: Buffer.from(key), value, headers: Object.fromEntries(all) };
}

function withText(record: TopicRecord, change: (text: string) => string): TopicRecord {
  return { ...record, value: Buffer.from(change(record.value?.toString() ?? '')) };
}

describe('a record', () => {
  test('of the Kafka sink is a document with its own bytes, and a place for the time', () => {
    const record = recordOf(1, { message: 'ä 😀 "ingested":"2026-05-06T07:08:09.123Z"' });
    const found = documentIn(record);
    if (typeof found === 'string') throw new Error(found);
    expect(found).toMatchObject({ stream: STREAM, namespace: 'acme', key: 'key-1', ordinal: 1, revision: 'hash-1' });
    expect(found.json).toBe(record.value); // nothing is copied
    const later = '2030-01-01T00:00:00.000Z';
    const before = JSON.parse(record.value?.toString() ?? '');
    expect(JSON.parse(stamped(found, later))).toEqual({ ...before, event: { ...before.event, ingested: later } });
    expect(record.value?.toString()).toContain(STAMP); // and nothing is changed in it
  });

  test('with another member of the same text, or without that time, gets a place of its own', () => {
    const twin = documentIn(recordOf(1, { cylance: { ingested: STAMP } }));
    const without = documentIn(withText(recordOf(1), (text) => text.replace(`,"ingested":"${STAMP}"`, '')));
    for (const found of [twin, without]) {
      if (typeof found === 'string') throw new Error(found);
      const there = JSON.parse(stamped(found, '2030-01-01T00:00:00.000Z'));
      expect(there.event.ingested).toBe('2030-01-01T00:00:00.000Z');
      expect(there.cylance?.ingested ?? STAMP).toBe(STAMP);
    }
  });

  test('in several lines stays one operation of a request', () => {
    const found = documentIn(withText(recordOf(1), (text) => JSON.stringify(JSON.parse(text), undefined, '\r\n')));
    if (typeof found === 'string') throw new Error(found);
    const body = encodeLines([found], STAMP).toString();
    expect(body.indexOf('\n')).toBe(body.length - 1);
    expect(JSON.parse(body)).toMatchObject({ event: { id: 'key-1' } });
  });

  test.each([
    ['no header', { ...recordOf(1), headers: {} }, /no header "id", "dataset", "revision"/],
    ['a header without a value', recordOf(1, {}, { id: null }), /no header "id"/],
    ['a header twice', recordOf(1, {}, { revision: [Buffer.from('a'), Buffer.from('b')] }), /no header "revision"/],
    ['a tombstone', { ...recordOf(1), value: null }, /no value/],
    ['no JSON', withText(recordOf(1), (text) => text.slice(1)), /no JSON object/],
    ['a list', withText(recordOf(1), (text) => `[${text}]`), /no JSON object/],
    ['null', withText(recordOf(1), () => 'null'), /no JSON object/],
    ['another stream', recordOf(1, {}, { dataset: 'cylance.threat' }), /dataset/],
    [
      'no event',
      withText(recordOf(1), () => `{"data_stream":{"dataset":"${STREAM}","namespace":"acme"}}`),
      /event\.id/,
    ],
    ['another revision', recordOf(1, {}, { revision: 'other' }), /do not fit/],
    ['another id', recordOf(1, {}, { id: 'other' }), /does not follow/],
    [
      'a sequence that is none',
      withText(recordOf(1), (text) => text.replace('"sequence":1', '"sequence":1.5')),
      /does not follow/,
    ],
    [
      'a namespace that leads elsewhere',
      withText(recordOf(1), (text) => text.replace('"acme"', '"a/_doc"')),
      /namespace/,
    ],
  ])('with %s is none of Sluice', (_, record, why) => {
    expect(documentIn(record)).toEqual(expect.stringMatching(why));
  });
});

interface Faked {
  lane: Lane;
  /** What happened, in order. */
  log: string[];
  counts: TopicCounts;
  kept: Letter[];
  failures: unknown[];
  give: AbortController;
}

interface Fake {
  begin?: Partial<Begin>;
  looksAlways?: boolean;
  there?: (id: string) => boolean;
  refuses?: (batch: Batch) => Rejection[];
  write?: (batch: Batch) => Promise<void>;
  owned?: () => boolean;
}

function laneOf(fake: Fake = {}): Faked {
  const log: string[] = [];
  const kept: Letter[] = [];
  const failures: unknown[] = [];
  const give = new AbortController();
  const counts = totalOf(createLoadStatistics(['t'], 0));
  const tools: LaneTools = {
    ...{
      topic: 't',
      partition: 1,
      counts,
      looksAlways: fake.looksAlways ?? false,
      signal: give.signal,
      nowMs: () => 0,
    },
    sink: {
      async recover(_pipeline: string, prepared: Prepared[]) {
        const ids = prepared.flatMap((each) => each.ids.map(({ id }) => id));
        log.push(`look up ${ids.length}`);
        return { arrived: new Set(ids.filter((id) => fake.there?.(id))) };
      },
      async write(batch) {
        log.push(`write ${batch.documents.length}`);
        await fake.write?.(batch);
        return { rejections: fake.refuses?.(batch) ?? [], receipt: null };
      },
    },
    demandOwned() {
      if (fake.owned?.() === false) throw new Error('somebody else has it');
    },
    async commit(next, metadata) {
      log.push(`commit ${next}${metadata === '' ? '' : ` ${metadata}`}`);
    },
    async keep(letters, next) {
      kept.push(...letters);
      log.push(`keep ${letters.length} and commit ${next}`);
    },
    freed: (bytes) => void log.push(bytes > 0 ? 'freed' : 'freed nothing'),
    failed: (error) => void failures.push(error),
  };
  return { lane: openLane(tools, { committed: 0n, lookTo: 0n, ...fake.begin }), log, counts, kept, failures, give };
}

async function settled(log: readonly string[]): Promise<void> {
  for (let before = -1; before !== log.length; ) {
    before = log.length;
    for (let turn = 0; turn < 20; turn++) await setImmediate();
  }
}

const many = (from: number, count: number) => Array.from({ length: count }, (_, index) => recordOf(from + index));

describe('a lane', () => {
  test('looks up as much as an earlier owner may have tried, and then writes without asking', async () => {
    const { lane, log, counts } = laneOf({ there: (id) => id === documentId(STREAM, 'key-7', 1, 'hash-7') });
    lane.push({ records: many(0, PORTION_RECORDS), next: BigInt(PORTION_RECORDS) });
    await settled(log);
    lane.push({ records: many(PORTION_RECORDS, 10), next: 2020n });
    await settled(log);
    expect(log).toEqual([
      ...[`look up ${PORTION_RECORDS}`, `write ${PORTION_RECORDS - 1}`, `commit ${PORTION_RECORDS}`, 'freed'],
      ...['write 10', 'commit 2020', 'freed'],
    ]);
    expect(counts).toMatchObject({ records: PORTION_RECORDS + 10, there: 1, delivered: PORTION_RECORDS + 9 });
  });

  test('looks up everything before the offset up to which it may be there, and tells the next owner', async () => {
    const { lane, log } = laneOf({ begin: { committed: 0n, lookTo: 4500n } });
    lane.push({ records: many(0, 5000), next: 5001n });
    await settled(log);
    expect(log.filter((line) => line !== 'freed')).toEqual([
      ...['look up 2000', 'write 2000', 'commit 2000 look-to=4500'],
      ...['look up 2000', 'write 2000', 'commit 4000 look-to=4500'],
      ...['look up 1000', 'write 1000', 'commit 5001'],
    ]);
    expect(lookToIn(metadataOf(4500n))).toBe(4500n);
    for (const other of ['', null, undefined, 'look-to=', 'look-to=-1', '{}']) expect(lookToIn(other)).toBeUndefined();
  });

  test('repeats, too, count as looked up only from what was committed', async () => {
    const { lane, log } = laneOf({ begin: { committed: 3000n } });
    lane.push({ records: many(0, 6000), next: 6000n });
    await settled(log);
    expect(log.filter((line) => line.startsWith('look'))).toEqual(['look up 2000', 'look up 2000', 'look up 2000']);
  });

  test('looks always where the topic may hold documents twice', async () => {
    const { lane, log } = laneOf({ looksAlways: true });
    lane.push({ records: many(0, 4001), next: 4001n });
    await settled(log);
    expect(log.filter((line) => line.startsWith('look'))).toEqual(['look up 2000', 'look up 2000', 'look up 1']);
  });

  test('keeps aside what is refused and what is no document, in order, with the commit', async () => {
    const ids = [3, 5].map((offset) => documentId(STREAM, `key-${offset}`, 1, `hash-${offset}`));
    const { lane, log, kept, counts } = laneOf({
      refuses: () => ids.toReversed().map((id) => ({ id, type: 'too_odd', reason: 'no', field: 'f' })),
    });
    const records = many(0, 8).map((record) => (record.offset === 4n ? { ...record, value: null } : record));
    lane.push({ records, next: 9n });
    await settled(log);
    expect(log).toEqual(['look up 7', 'write 7', 'keep 3 and commit 9', 'freed']);
    expect(kept.map(({ record, type }) => [Number(record.offset), type])).toEqual([
      [3, 'too_odd'],
      [4, 'not_of_sluice'],
      [5, 'too_odd'],
    ]);
    expect(counts).toMatchObject({ records: 8, delivered: 5, refused: 2, strangers: 1 });
  });

  test('commits what nothing is left of', async () => {
    const { lane, log } = laneOf();
    lane.push({ records: [], next: 12n });
    await settled(log);
    expect(log).toEqual(['commit 12', 'freed nothing']);
  });

  test('commits nothing when a write fails, and goes no further', async () => {
    const { lane, log, failures } = laneOf({
      write: async () => {
        throw new Error('away');
      },
    });
    lane.push({ records: many(0, 4000), next: 4000n });
    await settled(log);
    expect(log).toEqual(['look up 2000', 'write 2000']);
    expect(failures).toEqual([new Error('away')]);
  });

  test('commits nothing when the partition was given away meanwhile, and says nothing', async () => {
    const faked: Faked = laneOf({ write: async () => faked.give.abort() });
    faked.lane.push({ records: many(0, 4000), next: 4000n });
    await settled(faked.log);
    expect(faked.log).toEqual(['look up 2000', 'write 2000']);
    expect(faked.failures).toEqual([]);
  });

  test('writes nothing that may be another one’s by the time the look-up is answered', async () => {
    let asked = 0;
    const { lane, log, failures } = laneOf({ owned: () => ++asked < 2 });
    lane.push({ records: many(0, 5), next: 5n });
    await settled(log);
    expect(log).toEqual(['look up 5']);
    expect(failures).toHaveLength(1);
  });

  test('ends after the portion under way', async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { lane, log } = laneOf({ write: () => opened });
    lane.push({ records: many(0, 4000), next: 4000n });
    await settled(log);
    const ended = lane.end();
    open();
    await ended;
    expect(log).toEqual(['look up 2000', 'write 2000', 'commit 2000', 'freed']);
  });

  test('takes less at once where records are large', async () => {
    const { lane, log } = laneOf();
    const large = many(0, 6).map((record) => withText(record, (text) => `${text}${' '.repeat(1_500_000)}`));
    lane.push({ records: large, next: 6n });
    await settled(log);
    expect(log.filter((line) => line.startsWith('commit'))).toEqual(['commit 2', 'commit 4', 'commit 6']);
    expect(bytesOf(large[0] as TopicRecord)).toBeGreaterThan(1_500_000);
  });
});

test('the lag is never below nothing', () => {
  expect(lagOf({ committed: 5n, end: 9n })).toBe(4);
  expect(lagOf({ committed: 9n, end: 5n })).toBe(0);
});
