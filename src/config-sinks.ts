/** The schema of one sink. */
import { z } from 'zod';
import { caFile, duration, httpUrl, insecure, name, path, secret, size, text, whole } from './config-values.ts';

const sinkName = () =>
  name(/^[a-z0-9_-]+$/, 'use lower case letters, digits, underscores and hyphens').describe(
    "The sink's name: in the state, in metrics and in `sinks` of a source. Changing it starts a new history.",
  );

export const DEFAULT_FOLDER = './sluice-out';

const ndjson = z.strictObject({
  name: sinkName(),
  type: z.literal('ndjson').describe('Files of one document a line.'),
  path: path().prefault(DEFAULT_FOLDER).describe('The folder of the files. Default: beside the config file.'),
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
      'How long a bulk request is tried again before the pipeline stops; `run` ends with exit code 1 when none is left, for a supervisor to start it again. Default: 10m, longer than a node takes to restart.',
    ),
});

export const sink = z.discriminatedUnion('type', [ndjson, elasticsearch]);
