import { describe, expect, it } from 'vitest';
import { file, load, problems } from './helpers.ts';

const sink = (more: string) => file('', `  - { name: k, type: kafka, ${more} }`);

function kafkaOf(more: string) {
  const found = load(sink(more)).config.sinks[1];
  if (found?.type !== 'kafka') throw new Error('not what was configured');
  return found;
}

describe('a Kafka sink', () => {
  it('needs brokers; the rest has its default', () => {
    expect(kafkaOf('brokers: [k1:9092, "[::1]:9093"]')).toEqual({
      name: 'k',
      type: 'kafka',
      brokers: ['k1:9092', '[::1]:9093'],
      topic: 'sluice.{stream}',
      key: 'event.id',
      compression: 'gzip',
      transactions: true,
      transactionalIdPrefix: 'sluice',
      markerTopic: 'sluice.marker',
      maxMessageBytes: 1_000_000,
      sasl: undefined,
      tls: false,
      caFile: undefined,
      insecure: false,
      timeoutMs: 15_000,
      retryDeadlineMs: 600_000,
    });
  });

  it('reads its password when it is needed, and announces it', () => {
    const secrets: string[] = [];
    const text = sink(
      `brokers: [k:9092], tls: true, sasl: { mechanism: scram-sha-512, username: u, password: '\${SECRET}' }`,
    );
    const { config, warnings } = load(text, { onSecret: (secret) => secrets.push(secret) });
    const found = config.sinks[1];
    expect(found?.type === 'kafka' && found.sasl?.password()).toBe('very-secret-1');
    expect(secrets).toContain('very-secret-1');
    expect(warnings).toEqual([]);
    expect(JSON.stringify(config)).not.toContain('very-secret');
  });

  it('warns of a password that anybody on the network could read', () => {
    const warningsOf = (more: string) =>
      load(sink(`sasl: { mechanism: plain, username: u, password: '\${SECRET}' }, ${more}`)).warnings;
    expect(warningsOf('brokers: [k:9092]').join()).toContain(
      'sinks[1].sasl.mechanism: without `tls`, the password is readable on the network',
    );
    expect(warningsOf('brokers: [localhost:9092, "[2001:db8::1]:9092"]')).toHaveLength(1);
    const scram = load(
      sink(`sasl: { mechanism: scram-sha-256, username: u, password: '\${SECRET}' }, brokers: [k:9092]`),
    ).warnings;
    expect(scram.join()).toContain('without `tls`, what the login opens can be read and changed on the network');
    expect(warningsOf('brokers: [k:9092], tls: true')).toEqual([]);
    expect(warningsOf('brokers: [localhost:9092, 127.0.0.1:9093, "[::1]:9094"]')).toEqual([]);
  });

  it.each([
    ['type: kafka, brokers: []', 'sinks[1].brokers: the list is empty; write at least one broker as host:port'],
    ['brokers: [k]', 'sinks[1].brokers[0]: "k" is not an address; write host:port'],
    ['brokers: ["k:0"]', '"k:0" is not an address'],
    ['brokers: ["kafka://k:9092"]', 'is not an address'],
    ['brokers: ["k:9092"], topic: "a b"', '"a b" is not the name of a topic'],
    ['brokers: ["k:9092"], topic: "x.{tenant}"', '"x.{tenant}" is not the name of a topic'],
    ['brokers: ["k:9092"], transactional_id_prefix: "a/b"', '"a/b" is not a prefix'],
    ['brokers: ["k:9092"], marker_topic: "*"', '"*" is not the name of a topic'],
    ['brokers: ["k:9092"], key: host', '"host" is not a key; did you mean "host.id"?'],
    ['brokers: ["k:9092"], compression: lz4', '"lz4" is not a compression; it is one of none, gzip, zstd'],
    ['brokers: ["k:9092"], max_message: 10B', '"10B" is too small; the least is 1KiB'],
    ['brokers: ["k:9092"], sasl: { mechanism: plain, username: u }', 'sinks[1].sasl.password: is required'],
    ['brokers: ["k:9092"], sasl: { mechanism: gssapi, username: u, password: x }', '"gssapi" is not a mechanism'],
    ['brokers: ["k:9092"], tls: true, ca_file: no.pem', 'sinks[1].ca_file: the file no.pem cannot be read'],
  ])('refuses %s', (more, line) => {
    expect(problems(more.startsWith('type') ? file('', `  - { name: k, ${more} }`) : sink(more)).join('\n')).toContain(
      line,
    );
  });
});
