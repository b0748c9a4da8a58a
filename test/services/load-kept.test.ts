/** What `sluice load` keeps aside, whoever does it, and what a topic has lost before it came: with the real Kafka. */
import type { Admin } from 'kafkajs';
import pino from 'pino';
import { afterEach, expect, test } from 'vitest';
import type { Letter } from '../../src/load/lane.ts';
import { type Letters, openLetters } from '../../src/load/letters.ts';
import { backoffOf } from '../../src/sinks/backoff.ts';
import { rejectedOf, withDefaults } from '../../src/sinks/kafka/settings.ts';
import { testClient } from './kafka.ts';
import { type Message, readCommitted, TOPIC } from './kafka-read.ts';
import { idsIn, type LoadPlace, openLoadPlace, revisionOf, revisions } from './load-place.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const signal = new AbortController().signal;
const demandOwned = () => {};

function lettersOf(offsets: number[]): Letter[] {
  return offsets.map((offset) => ({
    ...{ type: 'odd', reason: `reason\n${offset}` },
    record: {
      offset: BigInt(offset),
      key: offset % 2 === 0 ? null : Buffer.from('key'),
      value: offset % 3 === 0 ? null : Buffer.from([0, 255, offset]),
      headers: { twice: [Buffer.from('a'), Buffer.from('b')], none: null, rejected_at: Buffer.from('earlier') },
    },
  }));
}

function offsetOf({ headers }: Message): number {
  return Number(headers.rejected_from?.split('/').at(-1));
}

async function withAdmin<T>(brokers: string[], work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = testClient(brokers, { retries: 9, initialRetryTime: 10 }).admin();
  await admin.connect();
  return work(admin).finally(() => admin.disconnect());
}

async function committed(place: LoadPlace): Promise<string | undefined> {
  const found = await withAdmin(place.kafka.brokers, (admin) => admin.fetchOffsets({ groupId: 'g', topics: [TOPIC] }));
  return found[0]?.partitions.find(({ partition }) => partition === 1)?.offset;
}

test('two owners of one partition keep each record once, and a topic that was cut is told of', async () => {
  const place = await openLoadPlace(cleanups);
  const { brokers } = place.kafka;
  const settings = withDefaults({ brokers, retryBaseMs: 10, retryMaxMs: 50 });
  const log = pino({ level: 'silent' });
  const newBackoff = backoffOf('Kafka', settings, log, Date.now);
  const open = (): Letters => {
    const letters = openLetters({ settings, group: 'g', topic: TOPIC, partition: 1, log, now: Date.now, newBackoff });
    cleanups.push(async () => letters.close());
    return letters;
  };
  const [one, other] = [open(), open()];
  await one.keep(lettersOf([1, 2, 3]), { next: 5n, metadata: 'look-to=99', demandOwned }, signal);
  expect(await committed(place)).toBe('5');
  // The next owner begins at what the group had before, and meets the same records and more, in other portions.
  await other.keep(lettersOf([1, 2]), { next: 3n, metadata: '', demandOwned }, signal);
  await other.keep(lettersOf([3, 6]), { next: 7n, metadata: '', demandOwned }, signal);
  expect(await committed(place)).toBe('7');
  // The first one wakes up.
  await expect(one.keep(lettersOf([6, 8]), { next: 9n, metadata: '', demandOwned }, signal)).rejects.toMatchObject({
    action: 'retry',
  });
  await other.keep(lettersOf([8]), { next: 9n, metadata: '', demandOwned }, signal);
  const kept = await readCommitted(brokers, [rejectedOf(TOPIC)]);
  expect(kept.map(offsetOf)).toEqual([1, 2, 3, 6, 8]);
  const [first, second, third] = kept as [Message, Message, Message];
  expect(first).toMatchObject({
    ...{ key: 'key', value: Buffer.from([0, 255, 1]), partition: 1 },
    headers: { twice: 'b', none: '', rejected_type: 'odd', rejected_reason: 'reason\\n1' },
  });
  expect(first.headers.rejected_at).not.toBe('earlier');
  expect(second.key).toBeUndefined();
  expect(third.value).toHaveLength(0);

  // What the retention takes before it is loaded is neither passed over in silence nor waited for.
  await place.fill([revisionOf('a', 1), revisionOf('b', 1), revisionOf('c', 1)]);
  expect((await place.sluice('load', '--once')).code).toBe(0);
  const partition = await partitionOf(place, 'a');
  const group = 'sluice-load-elastic';
  const before = await end(place, partition);
  await place.fill(Array.from({ length: 50 }, (_, index) => revisionOf('a', index + 2)));
  const cut = String(Number(before) + 20);
  await withAdmin(brokers, async (admin) => {
    await admin.fetchTopicOffsets(TOPIC); // else it does not know whom to ask
    await admin.deleteTopicRecords({ topic: TOPIC, partitions: [{ partition, offset: cut }] });
  });
  const ended = await place.sluice('load', '--once', '--json');
  expect(ended.code, ended.stderr).toBe(1);
  expect(ended.stderr).toMatch(/20 records of sluice\.cylance\.detection\/\d were removed by its retention/);
  expect(JSON.parse(ended.stdout).topics.find(({ topic }: { topic: string }) => topic === TOPIC)).toMatchObject({
    ...{ removed: 20, delivered: 30 },
  });
  expect(await idsIn(place.elastic.url)).toHaveLength(33);

  // A group that is ahead of its topic, as after a topic was made anew: everything is read, and nothing stored twice.
  await withAdmin(brokers, (admin) =>
    admin.setOffsets({ groupId: group, topic: TOPIC, partitions: [{ partition, offset: '100000' }] }),
  );
  await place.fill([revisionOf('a', 52), revisionOf('a', 53)]);
  const anew = await place.sluice('load', '--once', '--json');
  expect(anew.code, anew.stderr).toBe(0);
  expect(await idsIn(place.elastic.url)).toHaveLength(35);

  // Brokers may compress anew what Sluice wrote, by what the topic says.
  for (const value of ['lz4', 'snappy', 'zstd']) {
    const configEntries = [{ name: 'compression.type', value }];
    await withAdmin(brokers, (admin) =>
      admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC_RESOURCE, name: TOPIC, configEntries }] }),
    );
    await place.fill(revisions(value, 2000));
  }
  const compressed = await place.sluice('load', '--once');
  expect(compressed.code, compressed.stderr).toBe(0);
  expect(await idsIn(place.elastic.url)).toHaveLength(35 + 3 * revisions('any', 2000).length);
});

const TOPIC_RESOURCE = 2;

async function partitionOf(place: LoadPlace, key: string): Promise<number> {
  const all = await readCommitted(place.kafka.brokers, [TOPIC]);
  return all.find((message) => message.key === key)?.partition ?? -1;
}

async function end(place: LoadPlace, partition: number): Promise<string> {
  const offsets = await withAdmin(place.kafka.brokers, (admin) => admin.fetchTopicOffsets(TOPIC));
  return offsets.find((each) => each.partition === partition)?.high ?? '';
}
