import kafkajs from 'kafkajs';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import { type Backoff, backoffOf } from '../../src/sinks/backoff.ts';
import { type AttemptTools, withBackoff } from '../../src/sinks/kafka/attempts.ts';
import { judge, RefusedError, StepError, typeOf, type Where } from '../../src/sinks/kafka/errors.ts';
import {
  hasArrived,
  isLeftOut,
  KEPT_AT_LEAST_MS,
  type Marker,
  metadataOf,
  mustBeAhead,
  toMarker,
} from '../../src/sinks/kafka/marker.ts';
import { BATCH_OVERHEAD, divide, roundsOf, toOutgoing } from '../../src/sinks/kafka/messages.ts';
import { measureKey, murmur2 } from '../../src/sinks/kafka/partition.ts';
import type { Session } from '../../src/sinks/kafka/session.ts';
import { groupOf, topicOf, transactionalIdOf, withDefaults } from '../../src/sinks/kafka/settings.ts';
import { createAll } from '../../src/sinks/kafka/setup.ts';
import { contractDocument } from '../contract/sink.ts';

const settings = withDefaults({ brokers: ['k:9092'] });
const NOW = '2026-01-02T03:04:05.678Z';

function documents(count: number, more: Record<string, unknown> = {}) {
  return Array.from({ length: count }, (_, index) => contractDocument(`d-${index}`, more));
}

describe('partitions', () => {
  // From UtilsTest.java of Kafka.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('murmur2 of %s is what Java has', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
  });

  it('are those of the default partitioner, whatever the key', () => {
    const partitioner = kafkajs.Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({
      partitionId,
      leader: 1,
      partitionErrorCode: 0,
      replicas: [1],
      isr: [1],
    }));
    for (const key of [
      '',
      'a',
      'ab',
      'abc',
      'Ελληνικά',
      '日本語🙂',
      'x'.repeat(1001),
      '550e8400-e29b-41d4-a716-446655440000',
    ]) {
      const theirs = partitioner({ topic: 't', partitionMetadata, message: { key, value: '' } });
      expect(measureKey(key).hash % 7, key).toBe(theirs);
      expect(measureKey(key).bytes).toBe(Buffer.byteLength(key));
    }
  });
});

describe('names', () => {
  it('of topics come from a template', () => {
    const place = { stream: 'cylance.detection', namespace: 'acme' } as const;
    expect(topicOf('sluice.{stream}', place)).toBe('sluice.cylance.detection');
    expect(topicOf('{source}-{stream}-{source}', place)).toBe('acme-cylance.detection-acme');
  });

  it('of producers and groups are safe, and differ where pipelines do', () => {
    expect(transactionalIdOf('sluice', 'acme/cylance.detection/kafka-1')).toBe('sluice-acme-cylance.detection-kafka-1');
    expect(groupOf('sluice', 'a/b.c/k', 'backfill-7')).toBe('sluice-a-b.c-k-backfill-7');
    expect(groupOf('sluice', 'a/b.c/k', 'odd walk')).toMatch(/^[A-Za-z0-9._-]+$/);
  });
});

describe('records', () => {
  it('hold a document without a line end, its key, and headers', () => {
    const [first, second] = toOutgoing(documents(2), settings, NOW);
    expect(JSON.parse(String(first?.message.value))).toMatchObject({ event: { id: 'd-0', ingested: NOW } });
    expect(String(second?.message.value)).toMatch(/^\{.*\}$/);
    expect(String(first?.message.key)).toBe('d-0');
    expect(first?.message.headers).toMatchObject({ id: 'd-0', dataset: 'test.contract' });
    expect(first?.topic).toBe('sluice.test.contract');
  });

  it('are keyed by the host where that is wished, and where there is one', () => {
    const [with_, without] = toOutgoing(
      [
        { ...contractDocument('a'), hostId: 'h-1' },
        { ...contractDocument('b'), hostId: undefined },
      ],
      { ...settings, key: 'host.id' },
      NOW,
    );
    expect([String(with_?.message.key), String(without?.message.key)]).toEqual(['h-1', 'b']);
  });

  it('that are too large are left out, with their size', () => {
    const outgoing = toOutgoing(
      [...documents(2), contractDocument('big', { message: 'x'.repeat(2000) })],
      settings,
      NOW,
    );
    const { fitting, rejections } = divide(outgoing, () => 1500);
    expect(fitting.map(({ id }) => id)).toEqual(['d-0', 'd-1']);
    expect(rejections).toEqual([
      { id: 'big', type: 'message_too_large', reason: expect.stringMatching(/2\d\d\d bytes.*takes 1500.*max_message/) },
    ]);
  });

  it('go out in rounds: every record once, in order, one send per partition, none too large', () => {
    const outgoing = toOutgoing(documents(500, { message: 'x'.repeat(300) }), settings, NOW);
    const limit = 10_000;
    const rounds = roundsOf(
      outgoing,
      () => 5,
      () => limit,
    );
    const seen = new Map<number, string[]>();
    for (const round of rounds) {
      expect(new Set(round.map(({ partition }) => partition)).size).toBe(round.length);
      for (const { partition, records, bytes } of round) {
        expect(bytes).toBe(records.reduce((sum, record) => sum + record.bytes, BATCH_OVERHEAD));
        expect(bytes).toBeLessThanOrEqual(limit + BATCH_OVERHEAD);
        for (const { hash } of records) expect(hash % 5).toBe(partition);
        seen.set(partition, [...(seen.get(partition) ?? []), ...records.map(({ id }) => id)]);
      }
    }
    for (const [partition, ids] of seen)
      expect(ids).toEqual(outgoing.filter(({ hash }) => hash % 5 === partition).map(({ id }) => id));
    expect([...seen.values()].flat()).toHaveLength(500);
    expect(rounds.length).toBeGreaterThan(3);
  });

  it('that are larger than a send may be go alone', () => {
    const outgoing = toOutgoing(documents(3, { message: 'x'.repeat(300) }), settings, NOW);
    const rounds = roundsOf(
      outgoing,
      () => 1,
      () => 100,
    );
    expect(rounds.map((round) => round.map(({ records }) => records.length))).toEqual([[1], [1], [1]]);
  });
});

describe('the marker', () => {
  const ids = ['a', 'b', 'c'];
  const known = { last: 7, lastAtMs: undefined, nowMs: 1_000_000, keptMs: KEPT_AT_LEAST_MS, group: 'g' };
  const batch = { number: 9, ids, atMs: 1_000_000 };
  const marker = (number: number, sent = ids, leftOut: string[] = []) =>
    toMarker(String(number), metadataOf(sent, leftOut)) as Marker;

  it('tells what arrived', () => {
    expect(hasArrived(batch, { ...known, marker: marker(9) })).toBe(true);
    expect(hasArrived({ ...batch, ids: ['c', 'b', 'a'] }, { ...known, marker: marker(9) })).toBe(true);
    expect(hasArrived(batch, { ...known, marker: marker(7) })).toBe(false);
    expect(hasArrived(batch, { ...known, marker: marker(8) })).toBe(false);
    expect(hasArrived(batch, { ...known, last: undefined, marker: marker(3) })).toBe(false);
    expect(hasArrived(batch, { ...known, marker: undefined })).toBe(false);
    expect(hasArrived(batch, { ...known, lastAtMs: -KEPT_AT_LEAST_MS, marker: undefined })).toBe(false);
  });

  it.each([
    ['a later batch', marker(10), {}, 'Kafka has batch 10'],
    ['another batch of this number', marker(9, ['a', 'x', 'c']), {}, 'but with other documents'],
    ['a number that something else wrote', toMarker('9', null), {}, 'but with other documents'],
    ['less than was acknowledged', marker(6), {}, 'Kafka knows of 6 only'],
    ['nothing, though the last one was a moment ago', undefined, { lastAtMs: 999_000 }, 'not long ago'],
    ['nothing, after a long time', undefined, { nowMs: 1_000_001 + KEPT_AT_LEAST_MS }, 'is not known'],
  ])('is never guessed at: %s', (_what, found, more, message) => {
    let error: unknown;
    try {
      hasArrived(batch, { ...known, marker: found, ...more });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ action: 'stop', message: expect.stringContaining(message) });
    expect((error as SluiceError).advice).toBeTruthy();
  });

  it('must be behind the first batch of a walk', () => {
    const check = (number: number, last: number | undefined, found: Marker | undefined) => () =>
      mustBeAhead(number, { marker: found, last, group: 'g' });
    expect(check(9, 7, marker(8))).not.toThrow();
    expect(check(9, undefined, undefined)).not.toThrow();
    expect(check(9, 7, marker(9))).toThrow('already');
    expect(check(9, 7, marker(6))).toThrow('knows of 6 only');
  });

  it('names what was left out, in as much room as Kafka gives', () => {
    const some = marker(9, ['a', 'c'], ['b']);
    expect(ids.filter((id) => isLeftOut(id, some))).toEqual(['b']);
    expect(hasArrived(batch, { ...known, marker: some })).toBe(true);
    const many = Array.from({ length: 400 }, (_, index) => `left-out-${index}`);
    expect(metadataOf(ids, many).length).toBeLessThan(4096);
    expect(toMarker('-1', '')).toBeUndefined();
  });
});

describe('an error', () => {
  const where: Where = {
    who: 'Kafka at k:9092',
    transactionalId: 'sluice-p',
    markerTopic: 'sluice.marker',
    groups: 'sluice-p',
    topics: ['sluice.x.y'],
    scrub: (text) => text.replaceAll('hunter2', '***'),
  };
  const protocol = (type: string, message = 'said the broker') =>
    Object.assign(new kafkajs.KafkaJSProtocolError(new Error(message)), { type });
  const wrapped = (error: Error) => new kafkajs.KafkaJSNumberOfRetriesExceeded(error, { retryCount: 9, retryTime: 1 });

  it.each([
    [protocol('INVALID_PRODUCER_EPOCH'), 'fenced'],
    [new kafkajs.KafkaJSError('Unknown error code 90'), 'fenced'],
    [protocol('MESSAGE_TOO_LARGE'), 'too-large'],
    [new RefusedError('x', { topic: 't', bytes: 1, ids: [] }, protocol('RECORD_LIST_TOO_LARGE')), 'too-large'],
    [protocol('UNKNOWN_TOPIC_OR_PARTITION'), 'unknown-topic'],
    [protocol('NOT_COORDINATOR_FOR_GROUP'), 'trouble'],
    [protocol('GROUP_LOAD_IN_PROGRESS'), 'trouble'],
    [protocol('CONCURRENT_TRANSACTIONS'), 'trouble'],
    [protocol('NOT_ENOUGH_REPLICAS'), 'trouble'],
    [protocol('INVALID_TXN_STATE'), 'trouble'],
    [new StepError('no answer within 15000 ms (committing)'), 'trouble'],
    [new kafkajs.KafkaJSConnectionError('Connection error: connect ECONNREFUSED'), 'trouble'],
    [new Error('anything'), 'trouble'],
    [protocol('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'), 'stop'],
    [Object.assign(new Error('no'), { name: 'KafkaJSSASLAuthenticationError' }), 'stop'],
    [new kafkajs.KafkaJSConnectionError('Connection error: self-signed certificate'), 'stop'],
    [new SluiceError('x', { action: 'stop' }), 'stop'],
  ])('%s', (error, kind) => {
    expect(judge(error, where).kind).toBe(kind);
    expect(judge(wrapped(error), where).kind).toBe(error instanceof SluiceError ? 'trouble' : kind);
  });

  it('of rights says which are missing', () => {
    const verdict = judge(protocol('TOPIC_AUTHORIZATION_FAILED'), where);
    expect(verdict).toMatchObject({ kind: 'stop', error: { advice: expect.stringContaining('sluice.x.y') } });
    expect(verdict).toMatchObject({ error: { advice: expect.stringContaining('transactional id sluice-p') } });
  });

  it('of the clock is waited for, since clocks are set right while we run', () => {
    const verdict = judge(protocol('INVALID_TIMESTAMP'), where);
    expect(verdict).toMatchObject({ kind: 'trouble', why: expect.stringContaining('refuses the time') });
    expect(verdict).toMatchObject({ advice: expect.stringContaining('NTP') });
  });

  it('shows no secret', () => {
    const shown = JSON.stringify([
      judge(protocol('SASL_AUTHENTICATION_FAILED', 'bad hunter2'), where),
      judge(new Error('bad hunter2'), where),
    ]);
    expect(shown).not.toContain('hunter2');
  });

  it('is found inside others', () => {
    expect(typeOf(wrapped(wrapped(protocol('X'))))).toBe('X');
    expect(typeOf(new kafkajs.KafkaJSAggregateError('several', [protocol('Y')]))).toBe('Y');
    expect(typeOf('text')).toBeUndefined();
  });
});

describe('setup', () => {
  const protocol = (type: string) => Object.assign(new kafkajs.KafkaJSProtocolError(new Error(type)), { type });

  /** A broker that tells of a new topic late: first not at all, then without a leader. */
  function lateAdmin() {
    const made: { topic: string; configEntries?: unknown }[] = [];
    const troubles = ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'];
    const admin = {
      async fetchTopicMetadata({ topics: [name] }: { topics: string[] }) {
        const trouble = made.length === 0 ? 'UNKNOWN_TOPIC_OR_PARTITION' : troubles.shift();
        if (trouble !== undefined) throw protocol(trouble);
        return { topics: [{ name, partitions: [{ replicas: [0] }] }] };
      },
      async createTopics({ topics }: { topics: typeof made }) {
        made.push(...topics);
        return true;
      },
    } as unknown as kafkajs.Admin;
    return { admin, made, troubles };
  }

  it('waits until a new topic is there, and never makes one that is compacted', async () => {
    const { admin, made, troubles } = lateAdmin();
    const places = [{ stream: 'test.one', namespace: 'acme' } as const];
    const settings = withDefaults({ brokers: ['b:1'], places, transactions: false });
    const results = await createAll(admin, settings, { log: pino({ level: 'silent' }) });
    expect(results).toEqual([
      { name: 'sluice.test.one', kind: 'documents', action: 'created', shape: { partitions: 1, replication: 1 } },
    ]);
    expect(made).toMatchObject([{ configEntries: [{ name: 'cleanup.policy', value: 'delete' }] }]);
    expect(troubles).toEqual([]);
  });
});

describe('a refusal', () => {
  const where: Where = {
    ...{ who: 'Kafka', transactionalId: 'p', markerTopic: 'm', groups: 'p', topics: [] },
    scrub: (text: string) => text,
  };
  const protocol = (type: string) => Object.assign(new kafkajs.KafkaJSProtocolError(new Error(type)), { type });
  const signal = new AbortController().signal;
  const log = pino({ level: 'silent' });

  /** Sessions are those of the test, so that none is opened; what is thrown in turn, and then it works. */
  async function met(errors: unknown[]): Promise<number> {
    const settings = { retryDeadlineMs: 60_000, retryBaseMs: 1, retryMaxMs: 1 };
    const session = { drop() {}, isOverdue: () => false } as unknown as Session;
    const tools: AttemptTools = {
      ...{ settings: withDefaults({ brokers: ['127.0.0.1:1'] }), log, now: Date.now, where, limits: new Map() },
      ...{ newBackoff: backoffOf('Kafka', settings, log, Date.now), lost: undefined },
      get session() {
        return session;
      },
      set session(_dropped) {},
    };
    let attempts = 0;
    await withBackoff(tools, signal, async () => {
      const error = errors[attempts++];
      if (error !== undefined) throw error;
    });
    return attempts;
  }

  it('is believed when new connections say it again, since an answer may be damaged', async () => {
    const old = protocol('UNSUPPORTED_VERSION');
    const rights = protocol('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
    const hiccup = new kafkajs.KafkaJSConnectionError('Connection error: ECONNRESET');
    expect(await met([old])).toBe(2);
    expect(await met([rights, old, hiccup, old, rights])).toBe(6);
    await expect(met([rights, old, old])).rejects.toMatchObject({
      action: 'stop',
      message: expect.stringContaining('transactional id'),
    });
    const certificate = new kafkajs.KafkaJSConnectionError('Connection error: self-signed certificate');
    await expect(met([certificate, certificate, certificate])).rejects.toMatchObject({ action: 'stop' });
  });

  it('of our own is no answer, and ends at once', async () => {
    const ours = new SluiceError('renamed', { action: 'stop' });
    await expect(met([ours])).rejects.toBe(ours);
    await expect(met([protocol('INVALID_PRODUCER_EPOCH')])).rejects.toMatchObject({
      message: expect.stringContaining('taken over'),
    });
  });

  it('as too large of something that holds no documents is waited for: no smaller send could be made of it', async () => {
    const waited: string[] = [];
    const patience: Backoff = {
      async wait(trouble) {
        const why = 'why' in trouble ? trouble.why : '';
        waited.push(why);
        throw new SluiceError(why, { action: 'retry' });
      },
      progress() {},
    };
    const session = { drop() {} } as unknown as Session;
    const tools: AttemptTools = {
      ...{ settings: withDefaults({ brokers: ['127.0.0.1:1'] }), log: pino({ level: 'silent' }), now: Date.now },
      ...{ newBackoff: () => patience, where, session, limits: new Map(), lost: undefined },
    };
    const marker = async () => Promise.reject(protocol('MESSAGE_TOO_LARGE'));
    await expect(withBackoff(tools, signal, marker)).rejects.toThrow('holds no documents');
    expect(waited).toHaveLength(1);
  });
});
