/** The schema of one sink. */
import { z } from 'zod';
import {
  caFile,
  duration,
  flag,
  group,
  hostAndPort,
  httpUrl,
  insecure,
  name,
  path,
  secret,
  size,
  text,
  whole,
} from './values.ts';

const sinkName = () =>
  name(/^[a-z0-9_-]+$/, 'use lower case letters, digits, underscores and hyphens').describe(
    "The sink's name: in the state, in metrics and in `sinks` of a source. Changing it starts a new history.",
  );

export const DEFAULT_FOLDER = './sluice-out';

const ndjson = z.strictObject({
  name: sinkName(),
  type: z.literal('ndjson').describe('Files of one document a line.'),
  path: path().prefault(DEFAULT_FOLDER).describe('The folder of the files. Default: beside the config file.'),
  group: group(
    'A group that may read the files, by name or number: the one of whoever collects them (docs/files.md). Default: none; nobody but the user that Sluice runs as, since the files hold what the vendor tells of your machines.',
  ),
  compression: z
    .enum(['none', 'gzip', 'zstd'])
    .prefault('none')
    .describe(
      'How segments are compressed. Default: `none`, so that they can be read with anything; `zstd` takes about a tenth of the space.',
    ),
  rotate_size: size({ min: '1KiB', max: '1024GiB' })
    .prefault('128MiB')
    .describe('A segment is closed at this size. Default: 128MiB, a handy size to move or to load.'),
  rotate_every: duration({ min: '1s', max: '365d' })
    .prefault('1h')
    .describe(
      'A segment is closed at this age. Default: 1h, so that whoever collects closed files is an hour behind at most.',
    ),
});

const elasticsearch = z.strictObject({
  name: sinkName(),
  type: z.literal('elasticsearch').describe('Data streams of Elasticsearch 8.19 or 9.'),
  nodes: z
    .array(httpUrl())
    .min(1, 'is empty; write at least one URL')
    .optional()
    .describe('The URLs of the nodes. One of `nodes` and `cloud_id` is needed.'),
  cloud_id: text().optional().describe('The cloud id of an Elastic Cloud deployment, instead of `nodes`.'),
  api_key: secret(
    `The API key as Kibana shows it (encoded): \`\${NAME}\` or \`file:\`. Instead of a user name and password.`,
  ).optional(),
  username: text().optional().describe('The user, where no API key is used.'),
  password: secret(`The user's password: \`\${NAME}\` or \`file:\`.`).optional(),
  ca_file: caFile(),
  insecure: insecure(),
  compression: z
    .enum(['none', 'gzip'])
    .prefault('gzip')
    .describe(
      'How request bodies are compressed. Default: `gzip`; documents shrink about tenfold, networks cost more than CPU. `none` on the same host.',
    ),
  max_bulk: size({ min: '1KiB', max: '90MiB' })
    .prefault('5MiB')
    .describe(
      'The largest bulk request, before compression. Default: 5MiB, where larger ones bring nothing; Elasticsearch refuses above 100 MB.',
    ),
  max_bulk_documents: whole(1, 100_000)
    .prefault(1000)
    .describe('The most documents of a bulk request. Default: 1000, as common with documents of some kilobytes.'),
  concurrency: whole(1, 64)
    .prefault(2)
    .describe('Bulk requests at the same time. Default: 2: one is indexed while the next travels.'),
  timeout: duration({ min: '100ms', max: '1h' })
    .prefault('30s')
    .describe('How long one request may take. Default: 30s.'),
  retry_deadline: duration({ min: '0s', max: '30d' })
    .prefault('10m')
    .describe(
      'How long a bulk request is tried again before `run --once` and `backfill` end with exit code 1; `run` waits on, asks what arrived, and is not ready meanwhile. Default: 10m, longer than a node takes to restart.',
    ),
});

/** What Kafka takes in the name of a topic, a transactional id or a consumer group that tools can handle. */
const KAFKA_NAME = /^[A-Za-z0-9._-]{1,100}$/;

const kafka = z.strictObject({
  name: sinkName(),
  type: z
    .literal('kafka')
    .describe('Topics of Kafka 4.0 or newer (older ones from 2.5 on: see the limits); docs/kafka.md is the contract.'),
  brokers: z
    .array(hostAndPort())
    .min(1, 'is empty; write at least one broker as host:port')
    .describe('Some of the brokers, `host:port`: the others are learnt from them.'),
  topic: text()
    .refine(
      (value) => KAFKA_NAME.test(value.replaceAll('{stream}', 's').replaceAll('{source}', 's')),
      'is not the name of a topic; use letters, digits, dots, underscores, hyphens, {stream} and {source}',
    )
    .prefault('sluice.{stream}')
    .describe(
      'The topic; `{stream}` and `{source}` stand for their names. Default: `sluice.{stream}`: one format per topic, and tenants share it as they share a dashboard.',
    ),
  key: z
    .enum(['event.id', 'host.id'])
    .prefault('event.id')
    .describe(
      'What the partition is chosen by. Default: `event.id`, so that the revisions of a record stay in order; `host.id` keeps all of a host in order (documents without one fall back to `event.id`).',
    ),
  compression: z
    .enum(['none', 'gzip', 'zstd'])
    .prefault('gzip')
    .describe(
      'How batches are compressed, on the way and in the topic. Default: `gzip`, which every client reads; documents shrink about tenfold. `zstd` costs a fraction of the CPU, where all readers know it.',
    ),
  transactions: flag()
    .prefault(true)
    .describe(
      'Whether batches are transactions. Default: true: exactly once for readers with `isolation.level=read_committed`. false: at least once, for clusters without transactions.',
    ),
  transactional_id_prefix: z
    .string()
    .refine((value) => KAFKA_NAME.test(value), 'is not a prefix; use letters, digits, dots, underscores and hyphens')
    .prefault('sluice')
    .describe(
      'Begins every transactional id and consumer group. Default: `sluice`. Installations that read the same sources into one cluster need different ones, else they stop each other.',
    ),
  marker_topic: z
    .string()
    .refine(
      (value) => KAFKA_NAME.test(value),
      'is not the name of a topic; use letters, digits, dots, underscores and hyphens',
    )
    .prefault('sluice.marker')
    .describe(
      'An empty topic, at which the numbers of committed batches are kept as consumer offsets. Default: `sluice.marker`; all sinks and installations may share one.',
    ),
  max_message: size({ min: '1KiB', max: '90MiB' })
    .prefault('1MB')
    .describe(
      'The largest record, with key, headers and some 150 bytes of overhead, before compression; larger documents are rejected. Default: 1MB, just below what topics take by default (max.message.bytes = 1048588).',
    ),
  sasl: z
    .strictObject({
      mechanism: z
        .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
        .describe('How the password is proven. `plain` sends it as it is: only with `tls`.'),
      username: text().describe('The user.'),
      password: secret(`The user's password: \`\${NAME}\` or \`file:\`.`),
    })
    .optional()
    .describe('Login, where the brokers ask for one.'),
  tls: flag()
    .prefault(false)
    .describe("Whether connections are encrypted. Default: false, as Kafka's own default listener."),
  ca_file: caFile(),
  insecure: insecure(),
  timeout: duration({ min: '100ms', max: '225s' })
    .prefault('15s')
    .describe(
      'How long one step may take: a send, a commit; opening a producer twice as long. A transaction may take four times as long (at least 60s), which must be within transaction.max.timeout.ms. Default: 15s.',
    ),
  retry_deadline: duration({ min: '0s', max: '30d' })
    .prefault('10m')
    .describe(
      'How long a batch is tried again before `run --once` and `backfill` end with exit code 1; `run` waits on, asks what arrived, and is not ready meanwhile. Default: 10m, longer than a broker takes to restart.',
    ),
});

export const sink = z.discriminatedUnion('type', [ndjson, elasticsearch, kafka]);
