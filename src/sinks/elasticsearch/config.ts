/** The elasticsearch sink in the config. */
import { z } from 'zod';
import {
  caFile,
  duration,
  flag,
  httpUrl,
  insecure,
  isReadableOnTheWay,
  READABLE,
  secret,
  size,
  text,
  whole,
} from '../../api/values.ts';
import { type Given, type SinkProblem, type SinkType, sinkName } from '../sink-type.ts';
import { changesOf, fieldsOfChanges } from './beside/changes.ts';
import type { ElasticsearchSettings } from './index.ts';

const schema = z.strictObject({
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
  changes: flag()
    .prefault(false)
    .describe(
      'Whether later revisions go into a data stream of their own as well, `logs-<stream>_changes-<source>`, with the time of the change in `@timestamp`; `sluice setup elasticsearch` prepares it. Default: no; each revision is one document, with the time of its record.',
    ),
  retention: duration({ min: '1h', max: '36500d' })
    .optional()
    .describe(
      'How long data streams keep documents: `sluice setup elasticsearch` gives them a data stream lifecycle of this retention. Default: none, nothing expires. Changes take effect with the next `setup`.',
    ),
  ilm_policy: text()
    .optional()
    .describe('The ILM policy that the data streams follow, instead of `retention`; it has to exist. Default: none.'),
  latest: flag()
    .prefault(false)
    .describe(
      'Whether Sluice also keeps the newest revision of each record in an index of its own, `latest-<stream>-<source>`, for streams whose records change. Default: no; a cluster that has transforms can do it itself (`sluice setup elasticsearch --latest`). Run `sluice setup elasticsearch` before it is switched on.',
    ),
  timeout: duration({ min: '100ms', max: '1h' })
    .prefault('30s')
    .describe('How long one request may take. Default: 30s.'),
  retry_deadline: duration({ min: '0s', max: '30d' })
    .prefault('10m')
    .describe(
      'How long a bulk request is tried again before `run --once` and `backfill` end with exit code 1; `run` waits on, asks what arrived, and is not ready meanwhile. Default: 10m, longer than a node takes to restart.',
    ),
});

type NotInConfig =
  | 'lifecycle'
  | 'dataStreamType'
  | 'retryBaseMs'
  | 'retryMaxMs'
  | 'dataStreams'
  | 'latestNames'
  | 'streams';

export interface ElasticsearchConfig
  extends Required<Omit<ElasticsearchSettings, 'caFile' | NotInConfig>>,
    Pick<ElasticsearchSettings, 'caFile' | 'lifecycle'> {
  name: string;
  type: 'elasticsearch';
}

export const elasticsearch: SinkType<typeof schema, ElasticsearchConfig> = {
  type: 'elasticsearch',
  schema,
  beginning: {
    key: 'nodes',
    isList: true,
    question: 'The URLs of the nodes, commas between them',
    fallback: 'http://localhost:9200',
    // A node of this machine without TLS is one to try things out, without security.
    further: (nodes) => (nodes.every(isOpenHere) ? NO_KEYS : { api_key: `\${ELASTIC_API_KEY}` }),
    isSetUp: true,
  },
  settings: (raw, values) => ({
    name: raw.name,
    type: raw.type,
    nodes: raw.cloud_id === undefined ? (raw.nodes ?? []) : { cloudId: raw.cloud_id },
    auth: authOf(raw, values.secret),
    caFile: raw.ca_file === undefined ? undefined : values.path(raw.ca_file),
    insecure: raw.insecure,
    compression: raw.compression === 'gzip',
    maxBulkBytes: raw.max_bulk,
    maxBulkDocuments: raw.max_bulk_documents,
    concurrency: raw.concurrency,
    changes: raw.changes,
    lifecycle: lifecycleOf(raw),
    latest: raw.latest,
    requestTimeoutMs: raw.timeout,
    retryDeadlineMs: raw.retry_deadline,
  }),
  secrets: [['api_key'], ['password']],
  files: ['ca_file'],
  groups: [],
  problems,
  warnings({ nodes, api_key: apiKey, password }) {
    if ((apiKey === undefined && password === undefined) || !Array.isArray(nodes)) return [];
    return nodes.flatMap((url, index) =>
      isReadableOnTheWay(url) ? { path: ['nodes', index], message: READABLE } : [],
    );
  },
  open: async (settings, tools) => (await import('./index.ts')).openElasticsearch(settings, tools),
  prepared: async (settings, signal) => (await import('./template-check.ts')).templatesPrepared(settings, signal),
  derives: ({ changes }, { stream, fields }) =>
    changes ? [{ stream: changesOf(stream), fields: fieldsOfChanges(fields) }] : [],
  looksUp: () => true,
  silentMs: ({ retryDeadlineMs, requestTimeoutMs }) => retryDeadlineMs + requestTimeoutMs,
  impatient: (settings, limitMs) => ({
    ...settings,
    requestTimeoutMs: Math.min(settings.requestTimeoutMs, limitMs),
    retryDeadlineMs: limitMs,
  }),
  handles: { all: 6, pipeline: 0 },
  endsOnRecover: false,
};

const NO_KEYS: Readonly<Record<string, string>> = {};

function isOpenHere(url: string): boolean {
  return url.startsWith('http:') && !isReadableOnTheWay(url);
}

function authOf(
  { api_key: apiKey, username, password }: z.output<typeof schema>,
  secretOf: (reference: string) => () => string,
): ElasticsearchConfig['auth'] {
  if (apiKey !== undefined) return { kind: 'apiKey', apiKey: secretOf(apiKey) };
  if (username !== undefined && password !== undefined)
    return { kind: 'basic', username, password: secretOf(password) };
  return { kind: 'none' };
}

function lifecycleOf({ retention, ilm_policy: policy }: z.output<typeof schema>): ElasticsearchConfig['lifecycle'] {
  if (policy !== undefined) return { kind: 'ilm', policy };
  return retention === undefined ? undefined : { kind: 'retention', retentionMs: retention };
}

function problems(given: Given): SinkProblem[] {
  const has = (key: string) => given[key] !== undefined;
  const found: SinkProblem[] = [];
  if (!has('nodes') && !has('cloud_id')) found.push({ path: ['nodes'], message: 'is required (or `cloud_id`)' });
  if (has('nodes') && has('cloud_id'))
    found.push({ path: ['cloud_id'], message: 'excludes `nodes`; keep one of them' });
  if (has('api_key') && (has('username') || has('password')))
    found.push({ path: ['api_key'], message: 'excludes `username` and `password`; keep one way to log in' });
  else if (has('username') !== has('password')) {
    const [missing, given] = has('username') ? ['password', 'username'] : ['username', 'password'];
    found.push({ path: [missing as string], message: `is required where \`${given}\` is given` });
  }
  if (has('retention') && has('ilm_policy'))
    found.push({ path: ['ilm_policy'], message: 'excludes `retention`; keep one of them' });
  return found;
}
