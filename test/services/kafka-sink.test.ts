/** The Kafka sink against the real broker: the contract, and what happens when answers get lost, or another writer comes. */
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EcsDocument, Json } from '../../src/api/document.ts';
import type { Batch, OutDocument, Prepared, Sink } from '../../src/api/sink.ts';
import { openKafka } from '../../src/sinks/kafka/index.ts';
import type { KafkaSettings } from '../../src/sinks/kafka/settings.ts';
import { setupKafka } from '../../src/sinks/kafka/setup.ts';
import { contractDocument, sinkContract } from '../contract/sink.ts';
import { randomFrom } from '../e2e/kills.ts';
import { seed } from '../seed.ts';
import { freePort, type RunningKafka, type SecurePorts, startKafka, withAdmin } from './kafka.ts';
import { type Harm, startKafkaProxy } from './kafka-proxy.ts';
import { type Message, readCommitted } from './kafka-read.ts';

const signal = new AbortController().signal;
const pipeline = 'acme/test.contract/kafka';

async function makeTopics({ direct }: RunningKafka, ...names: string[]): Promise<void> {
  const topics = names.map((topic) => ({ topic, numPartitions: topic.endsWith('marker') ? 1 : 3 }));
  await withAdmin(direct, (admin) => admin.createTopics({ topics }));
}

interface Opening extends Partial<KafkaSettings> {
  /** Hands what it says to the test. */
  said?: string[];
}

function openSink(brokers: string[], { said, ...more }: Opening = {}): Sink {
  const settings = { brokers, retryBaseMs: 20, retryMaxMs: 500, retryDeadlineMs: 60_000, ...more };
  const log =
    said === undefined ? pino({ level: 'silent' }) : pino({}, { write: (line: string) => void said.push(line) });
  return openKafka(settings, { log, now: Date.now });
}

function batchOf(number: number, documents: OutDocument[], walk = 'live'): Batch {
  return { pipeline, walk, number, documents };
}

function numbered(prefix: string, count: number): OutDocument[] {
  return Array.from({ length: count }, (_, index) => contractDocument(`${prefix}-${index}`));
}

function preparedOf({ walk, number, documents }: Batch): Prepared {
  const ids = documents.map(({ id, stream, namespace }) => ({ id, stream, namespace }));
  return { walk, number, ids, atMs: Date.now() };
}

const idsOf = (documents: { id: string }[]) => documents.map(({ id }) => id).sort();
const idsRead = (messages: Message[]) => messages.map(({ headers }) => headers.id ?? 'none').sort();

console.log(`seed ${seed}`);

describe('Kafka 4.2.0', () => {
  let node: RunningKafka;
  let openings = 0;
  beforeAll(async () => {
    node = await startKafka({ version: '4.2.0' });
    await makeTopics(node, 'sluice.marker');
  });
  afterAll(() => node?.stop());

  /** A topic and a name of its own for each test. */
  async function fresh(more: Opening = {}) {
    const topic = `test${++openings}`;
    await makeTopics(node, topic);
    const settings = { topic, transactionalIdPrefix: topic, ...more };
    return { settings, topic, read: () => readCommitted(node.direct, [topic]) };
  }

  const suites = [
    { name: 'gzip', more: { compression: 'gzip' }, promise: {} },
    { name: 'zstd', more: { compression: 'zstd' }, promise: {} },
    { name: 'without transactions', more: { transactions: false }, promise: { atLeastOnce: true } },
  ] as const;
  for (const { name, more, promise } of suites) {
    const opened = async () => {
      const { settings, read } = await fresh(more);
      const sinks: Sink[] = [];
      const open = () => {
        const sink = openSink(node.brokers, settings);
        sinks.push(sink);
        return sink;
      };
      return {
        sink: open(),
        reopen: open,
        readAll: async () => (await read()).map(({ value }) => JSON.parse(value.toString()) as EcsDocument),
        dispose: async () => void (await Promise.all(sinks.map((sink) => sink.close()))),
      };
    };
    sinkContract(`Kafka, ${name}`, opened, promise);
  }

  it('tells a prepared batch that arrived from one that did not, and from one that is only partly there', async () => {
    const { settings, read } = await fresh();
    const [first, second, third] = [1, 2, 3].map((number) => batchOf(number, numbered(`b${number}`, 200)));
    const dying = openSink(node.brokers, settings);
    await dying.recover(pipeline, [], new Map());
    const { receipt } = await dying.write(first as Batch, signal);
    await dying.write(second as Batch, signal);
    // Not closed: its process is gone.
    const next = openSink(node.brokers, settings);
    const prepared = [second, third].map((batch) => preparedOf(batch as Batch));
    const { arrived } = await next.recover(pipeline, prepared, new Map<string, Json>([['live', receipt]]));
    expect([...arrived].sort()).toEqual(idsOf((second as Batch).documents));
    await next.write(third as Batch, signal);
    await next.close();
    expect(idsRead(await read())).toEqual(idsOf([first, second, third].flatMap((batch) => (batch as Batch).documents)));
  });

  it('stops the first of two writers on one pipeline, and only that', async () => {
    const { settings, read } = await fresh();
    const one = openSink(node.brokers, settings);
    await one.recover(pipeline, [], new Map());
    const { receipt } = await one.write(batchOf(1, numbered('one', 50)), signal);
    const other = openSink(node.brokers, settings);
    await other.recover(pipeline, [], new Map<string, Json>([['live', receipt]]));
    await other.write(batchOf(2, numbered('other', 50)), signal);
    const stopped = await one.write(batchOf(2, numbered('zombie', 50)), signal).catch((error) => error);
    expect(stopped).toMatchObject({ action: 'stop', message: expect.stringMatching(/another process has taken over/) });
    const again = await one.write(batchOf(2, numbered('zombie', 50)), signal).catch((error) => error);
    expect(again).toMatchObject({ action: 'stop' });
    await other.write(batchOf(3, numbered('other-more', 50)), signal);
    await one.close();
    await other.close();
    const expected = [numbered('one', 50), numbered('other', 50), numbered('other-more', 50)].flat();
    expect(idsRead(await read())).toEqual(idsOf(expected));
  });

  it('never guesses when a number that was just committed is gone', async () => {
    const { settings, read, topic } = await fresh();
    const dying = openSink(node.brokers, settings);
    await dying.recover(pipeline, [], new Map());
    const { receipt } = await dying.write(batchOf(1, numbered('a', 20)), signal);
    const second = batchOf(2, numbered('b', 20));
    await dying.write(second, signal);
    await dying.close();
    await withAdmin(node.direct, async (admin) => {
      const { groups } = await admin.listGroups();
      await admin.deleteGroups(groups.map(({ groupId }) => groupId).filter((name) => name.startsWith(`${topic}-`)));
    });
    const next = openSink(node.brokers, settings);
    const asked = next.recover(pipeline, [preparedOf(second)], new Map<string, Json>([['live', receipt]]));
    await expect(asked).rejects.toMatchObject({ action: 'stop', message: expect.stringContaining('not long ago') });
    await next.close();
    expect(await read()).toHaveLength(40);
  });

  it('asks for the old names where a batch was written under them', async () => {
    const { settings, topic } = await fresh();
    const dying = openSink(node.brokers, settings);
    await dying.recover(pipeline, [], new Map());
    const { receipt } = await dying.write(batchOf(1, numbered('a', 20)), signal);
    const second = batchOf(2, numbered('b', 20));
    await dying.write(second, signal);
    await dying.close();
    const receipts = new Map<string, Json>([['live', receipt]]);
    const renamed = openSink(node.brokers, { ...settings, transactionalIdPrefix: `${topic}-new` });
    const asked = renamed.recover(pipeline, [preparedOf(second)], receipts);
    await expect(asked).rejects.toMatchObject({ action: 'stop', message: expect.stringContaining('other names') });
    // With no batch in doubt a new name is a new beginning.
    await renamed.recover(pipeline, [], receipts);
    await renamed.write(batchOf(3, numbered('c', 20)), signal);
    await renamed.close();
    const old = openSink(node.brokers, settings);
    expect((await old.recover(pipeline, [preparedOf(second)], receipts)).arrived.size).toBe(20);
    await old.close();
  });

  it('goes on with transactions after a time without them', async () => {
    const { settings, read } = await fresh();
    const receipts = new Map<string, Json>();
    for (const [number, transactions] of [
      [1, true],
      [2, false],
      [3, true],
    ] as const) {
      const sink = openSink(node.brokers, { ...settings, transactions });
      await sink.recover(pipeline, [], receipts);
      receipts.set('live', (await sink.write(batchOf(number, numbered(`n${number}`, 20)), signal)).receipt);
      await sink.close();
    }
    expect(await read()).toHaveLength(60);
  });

  it('rejects a document that is too large, and only that', async () => {
    const { settings, read } = await fresh({ maxMessageBytes: 20_000 });
    const sink = openSink(node.brokers, settings);
    await sink.recover(pipeline, [], new Map());
    const huge = contractDocument('huge', { labels: { text: 'x'.repeat(30_000) } });
    const { rejections } = await sink.write(batchOf(1, [...numbered('small', 20), huge]), signal);
    await sink.close();
    expect(rejections).toMatchObject([{ id: 'huge', type: 'message_too_large' }]);
    expect(idsRead(await read())).toEqual(idsOf(numbered('small', 20)));
  });

  it('rejects what only the topic finds too large', async () => {
    const { settings, read, topic } = await fresh();
    const configEntries = [{ name: 'max.message.bytes', value: '20000' }];
    await withAdmin(node.direct, (admin) =>
      admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: topic, configEntries }] }),
    );
    const sink = openSink(node.brokers, { ...settings, compression: 'none' });
    await sink.recover(pipeline, [], new Map());
    const huge = contractDocument('huge', { labels: { text: 'x'.repeat(30_000) } });
    const { rejections } = await sink.write(batchOf(1, [...numbered('small', 200), huge]), signal);
    await sink.write(batchOf(2, numbered('later', 20)), signal);
    await sink.close();
    expect(rejections).toMatchObject([{ id: 'huge' }]);
    expect(idsRead(await read())).toEqual(idsOf([...numbered('small', 200), ...numbered('later', 20)]));
  });

  it('says what to do where a topic is missing, and where nobody answers', async () => {
    const missing = openSink(node.brokers, { topic: 'not-there', transactionalIdPrefix: 'not-there' });
    const write = (sink: Sink) => sink.write(batchOf(1, numbered('a', 3)), signal).catch((error) => error);
    await missing.recover(pipeline, [], new Map());
    const failure = await write(missing);
    await missing.close();
    expect(failure).toMatchObject({ action: 'stop', message: expect.stringContaining('not-there') });
    expect(`${failure.message} ${failure.advice}`).toContain('sluice setup kafka');
    const nobody = openSink([`127.0.0.1:${await freePort()}`], { retryDeadlineMs: 300 });
    const unreachable = await write(nobody);
    await nobody.close();
    expect(unreachable).toMatchObject({ action: 'retry', message: expect.stringMatching(/cannot be reached/) });
  });
});

describe('Kafka 4.2.0 that compacts by default', () => {
  let node: RunningKafka;
  beforeAll(async () => {
    node = await startKafka({ version: '4.2.0', secure: true, settings: ['log.cleanup.policy=compact'] });
  });
  afterAll(() => node?.stop());

  it('is told from a port of another kind, with what to set', async () => {
    const checked = async (more: Opening) => {
      const sink = openSink(node.brokers, { timeoutMs: 4000, ...more });
      const [line] = await sink.check(signal);
      await sink.close();
      return `${line?.ok}: ${line?.advice}`;
    };
    const { tls, caFile, saslPlaintext } = node.secure as SecurePorts;
    const port = /^false: .*`tls` and `sasl` of the sink are those of this port/;
    expect(await checked({ brokers: [tls] })).toMatch(port);
    expect(await checked({ tls: true, caFile })).toMatch(port);
    expect(await checked({ brokers: [saslPlaintext] })).toMatch(port);
    expect(await checked({ brokers: [tls], tls: true })).toMatch(/^false: Name the PEM file .* in `ca_file`/);
    const sasl = { mechanism: 'plain', username: 'alice', password: () => 'alice-secret' } as const;
    expect(await checked({ sasl })).toMatch(/^false: Check `sasl` of the sink/);
  });

  it('gets topics from setup that are not compacted, and check tells of those that lose or take nothing', async () => {
    const place = { stream: 'test.contract', namespace: 'acme' } as const;
    const settings = (topic: string) => ({ brokers: node.brokers, topic, places: [place] });
    const failing = async (topic: string) => {
      const sink = openSink(node.brokers, settings(topic));
      const lines = await sink.check(signal);
      await sink.close();
      return lines.filter(({ ok }) => !ok).map(({ what, detail, advice }) => `${what}: ${detail} → ${advice}`);
    };
    const log = pino({ level: 'silent' });
    const made = await setupKafka(settings('made'), { log });
    expect(made.map(({ name, action }) => `${name} ${action}`)).toEqual(['made created', 'sluice.marker created']);
    expect(await failing('made')).toEqual([]);
    const entry = (name: string, value: string) => ({ name, value });
    const odd: [topic: string, entries: ReturnType<typeof entry>[]][] = [
      ['by-default', []],
      ['both', [entry('cleanup.policy', 'compact,delete')]],
      ['unclean', [entry('cleanup.policy', 'delete'), entry('unclean.leader.election.enable', 'true')]],
      ['full', [entry('cleanup.policy', 'delete'), entry('min.insync.replicas', '2')]],
    ];
    const topics = odd.map(([topic, configEntries]) => ({ topic, numPartitions: 1, configEntries }));
    await withAdmin(node.direct, (admin) => admin.createTopics({ topics }));
    const compacted = (topic: string) =>
      new RegExp(`^Topic ${topic}: .*it is compacted.* → Set cleanup\\.policy to delete .*--entity-name ${topic} `);
    expect(await failing('by-default')).toEqual([expect.stringMatching(compacted('by-default'))]);
    expect(await failing('both')).toEqual([expect.stringMatching(compacted('both'))]);
    expect(await failing('unclean')).toEqual([expect.stringMatching(/lacks acknowledged records.* → Switch that off/)]);
    expect(await failing('full')).toEqual([expect.stringMatching(/takes nothing.* → Give it more replicas, or lower/)]);
  });
});

describe('Kafka 4.2.0 behind a connection that fails', () => {
  const BATCHES = 60;
  const PER_BATCH = 120;
  const random = randomFrom(seed);
  let node: RunningKafka;
  let proxy: Awaited<ReturnType<typeof startKafkaProxy>>;
  let harm: () => Harm = () => 'none';
  beforeAll(async () => {
    const port = await freePort();
    node = await startKafka({ version: '4.2.0', port, advertise: await freePort() });
    const [at] = node.brokers;
    proxy = await startKafkaProxy({ listen: Number(at?.split(':')[1]), target: port }, () => harm());
    await makeTopics(node, 'sluice.marker');
  });
  afterAll(async () => {
    await proxy?.stop();
    await node?.stop();
  });

  /** Of a few hundred answers each: some are never delivered, and their connection dies at once or stays silent. */
  const kinds: [what: string, share: number, harm: Harm][] = [
    ['resets connections', 0.02, 'reset'],
    ['swallows answers and resets', 0.02, 'swallow-and-reset'],
    ['swallows answers silently', 0.015, 'swallow'],
  ];
  it.each(kinds)('that %s: each document once, in order', { timeout: 240_000 }, async (what, share, kind) => {
    const topic = what.replaceAll(' ', '-');
    await makeTopics(node, topic);
    const sink = openSink(proxy.brokers, {
      topic,
      transactionalIdPrefix: topic,
      timeoutMs: 1500,
      retryDeadlineMs: 200_000,
    });
    await sink.recover(pipeline, [], new Map());
    harm = () => (random() < share ? kind : 'none');
    const before = proxy.harmed();
    const documents: OutDocument[] = [];
    for (let number = 1; number <= BATCHES; number++) {
      // The same keys again and again: their order can be looked at.
      const batch = numbered('key', PER_BATCH).map((each) => ({ ...each, id: `${each.key}#${number}` }));
      documents.push(...batch);
      expect((await sink.write(batchOf(number, batch), signal)).rejections).toEqual([]);
    }
    harm = () => 'none';
    await sink.close();
    const found = await readCommitted(node.direct, [topic]);
    console.log(`${what}: ${proxy.harmed() - before} times, ${found.length} documents`);
    expect(idsRead(found)).toEqual(idsOf(documents));
    const last = new Map<string, number>();
    for (const { key = '', headers } of found) {
      const number = Number(headers.id?.split('#')[1]);
      expect(number).toBe((last.get(key) ?? 0) + 1);
      last.set(key, number);
    }
    expect(proxy.harmed() - before).toBeGreaterThan(0);
  });
});
