/** The state in a compacted topic of the real Kafka: what every store must do, who may write, and how fast it is taken over. */
import { readdirSync } from 'node:fs';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { committedRecords } from '../../src/coordination/state/partition.ts';
import { copyOf, type KafkaState, openKafkaState, partitionOf } from '../../src/coordination/state/store.ts';
import { createStateTopic } from '../../src/coordination/state/topic.ts';
import { connectKafka } from '../../src/sinks/kafka/connection.ts';
import { withDefaults } from '../../src/sinks/kafka/settings.ts';
import type { Commit, Row, StateStore } from '../../src/state/store.ts';
import { NOW, stateStoreContract } from '../contract/state-store.ts';
import { scratch } from '../engine/harness.ts';
import { type RunningKafka, startKafka } from './kafka.ts';

const log = pino({ level: 'silent' });
const TOPIC = 'state';
const PARTITIONS = 3;

let kafka: RunningKafka;

beforeAll(async () => {
  kafka = await startKafka({ version: '4.2.0' });
  await createStateTopic(settings(), { topic: TOPIC, partitions: PARTITIONS, replication: 1, log });
});

afterAll(() => kafka?.stop());

function settings() {
  return withDefaults({ brokers: kafka.brokers, retryDeadlineMs: 1000 });
}

interface Choices {
  source?: string;
  scrub?: (text: string) => string;
  holds?: () => boolean;
  topic?: string;
  partitions?: number;
}

function open(
  path: string,
  { source = 's', scrub, holds, topic = TOPIC, partitions = PARTITIONS }: Choices = {},
): Promise<KafkaState> {
  return openKafkaState({
    ...{ path, source, scrub, holds, now: () => NOW, kafka: settings(), topic, partitions, prefix: 'sluice', log },
    signal: new AbortController().signal,
  });
}

async function recordsOf(source: string): Promise<string[]> {
  const connection = connectKafka(settings(), log);
  const partition = partitionOf(source, PARTITIONS);
  const signal = new AbortController().signal;
  const found: string[] = [];
  try {
    for await (const records of committedRecords(connection, { topic: TOPIC, partition, timeoutMs: 9000, signal }))
      for (const { key, value } of records)
        if (key?.toString().startsWith(`["${source}",`)) found.push(`${key} ${value}`);
  } finally {
    connection.drop();
  }
  return found;
}

let count = 0;

stateStoreContract('kafka', () => {
  const folder = scratch();
  const source = `s${++count}`;
  const opened = new Map<StateStore, KafkaState>();
  return {
    async open(scrub) {
      const state = await open(folder.path, { source, scrub });
      opened.set(state.store, state);
      return state.store;
    },
    async close(store) {
      const state = opened.get(store);
      await state?.settled();
      await state?.close();
      expect(readdirSync(copyOf(folder, source))).toEqual(['lock.db']); // nothing is found again but in Kafka
    },
    kept: async () => (await recordsOf(source)).join('\n'),
    end: async () => folder.remove(),
  };
});

function row(key: string, more: Partial<Row> = {}): Row {
  const fresh = { rowId: undefined, fingerprint: 'f', revision: 'r', ordinal: 1, timeMs: 100, digests: 'a\nb' };
  return { key, ...fresh, deleted: false, refreshAtMs: null, refreshMs: 0, seenMs: null, ...more };
}

function commit(number: number, rows: Row[]): Commit {
  return { walk: 'w', number, rows, ledger: [], rejections: [], children: [], receipt: { number } };
}

const PIPELINE = 's/x.y/z';

function begun(state: KafkaState) {
  const pipeline = state.store.pipeline(PIPELINE);
  pipeline.begin('w', 'backfill', { fromMs: 0, toMs: 1000 });
  return pipeline;
}

describe('who may write', () => {
  test('a second owner has everything that was settled, and the first can settle nothing more', async () => {
    const [one, other] = [scratch(), scratch()];
    const first = await open(one.path, { source: 'fenced' });
    const before = begun(first);
    before.prepare('w', NOW + 1, [row('a', { id: 'id-a' })]);
    await before.settled();
    before.commit(commit(NOW + 1, [row('a')])); // durable for nobody yet
    const second = await open(other.path, { source: 'fenced' });
    const after = second.store.pipeline(PIPELINE);
    expect(after.known('a')).toBeUndefined();
    expect(after.prepared('x.y', 's').flatMap(({ ids }) => ids.map(({ id }) => id))).toEqual(['id-a']);
    await expect(before.settled()).rejects.toThrow('another instance has taken over fenced');
    expect((await first.lost).message).toContain('another instance has taken over fenced');
    await expect(before.settled()).rejects.toThrow('taken over');
    after.commit(commit(NOW + 1, [row('b')]));
    await after.settled();
    await first.close();
    await second.close();
    const third = await open(other.path, { source: 'fenced' });
    expect([...third.store.pipeline(PIPELINE).knownAmong(['a', 'b']).keys()]).toEqual(['b']);
    await third.close();
    for (const folder of [one, other]) folder.remove();
  });

  test('that nobody has followed is asked of the brokers even when nothing has changed', async () => {
    const [one, other] = [scratch(), scratch()];
    const first = await open(one.path, { source: 'idle' });
    await first.settled();
    const second = await open(other.path, { source: 'idle' });
    await expect(first.settled()).rejects.toThrow('taken over');
    await first.close();
    await second.close();
    for (const folder of [one, other]) folder.remove();
  });

  test('who is late by its own clock says nothing more, though nobody has followed', async () => {
    const folder = scratch();
    let holds = true;
    const state = await open(folder.path, { source: 'late', holds: () => holds });
    const pipeline = begun(state);
    await pipeline.settled();
    holds = false;
    await expect(pipeline.settled()).rejects.toThrow('late may belong to another instance by now');
    await state.close();
    folder.remove();
  });

  test('a state whose first records were removed is refused, and not begun anew', async () => {
    const folder = scratch();
    const connection = connectKafka(settings(), log);
    await connection.withAdmin((admin) => admin.createTopics({ topics: [{ topic: 'cut', numPartitions: 1 }] }));
    const state = await open(folder.path, { source: 'cut', topic: 'cut', partitions: 1 });
    begun(state).commit(commit(1, [row('a')]));
    await state.settled();
    await state.close();
    await connection.withAdmin(async (admin) => {
      await admin.fetchTopicOffsets('cut'); // kafkajs has to know the topic
      await admin.deleteTopicRecords({ topic: 'cut', partitions: [{ partition: 0, offset: '-1' }] });
    });
    connection.drop();
    await expect(open(folder.path, { source: 'cut', topic: 'cut', partitions: 1 })).rejects.toThrow(
      /first records of cut were removed/,
    );
    folder.remove();
  });
});

test('a hundred thousand revisions are there again in seconds, with the ids of their rows', async () => {
  const [one, other] = [scratch(), scratch()];
  await createStateTopic(settings(), { topic: TOPIC, partitions: PARTITIONS, replication: 1, log }); // leaves it alone
  const big = { topic: 'large', partitions: 1, replication: 1, log };
  await createStateTopic(settings(), big);
  const openBig = (path: string) => open(path, { source: 'large', topic: 'large', partitions: 1 });
  const first = await openBig(one.path);
  const pipeline = begun(first);
  const hash = (of: string) => Buffer.from(of).toString('base64url').padEnd(43, 'x');
  for (let batch = 1; batch <= 20; batch++) {
    const rows = Array.from({ length: 5000 }, (_, index) => {
      const key = `key-${batch}-${index}`;
      return row(key, { id: hash(key), fingerprint: hash(key), revision: hash(`r${key}`), digests: hash(`d${key}`) });
    });
    pipeline.prepare('w', NOW + batch, rows);
    await pipeline.settled();
    pipeline.commit(commit(NOW + batch, rows));
    await pipeline.settled();
  }
  const known = pipeline.known('key-7-77');
  await first.close();
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const second = await openBig(other.path);
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `100,000 revisions taken over in ${Math.round(performance.now() - startedAt)} ms, ${Math.round((user + system) / 1000)} ms of CPU`,
  );
  const after = second.store.pipeline(PIPELINE);
  expect(after.counts().records).toBe(100_000);
  expect(after.known('key-7-77')).toEqual(known);
  await second.close();
  for (const folder of [one, other]) folder.remove();
});
