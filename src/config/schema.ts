/**
 * The whole config as one zod schema: what validates it, explains it (`--help`, docs/config.md) and describes it to
 * editors (docs/config.schema.json). Every default carries its reason. Keys are those of the file; `result.ts`
 * turns them into the `Config` that the engine reads.
 */
import { z } from 'zod';
import type { Connector } from '../api/connector.ts';
import { duration, flag, group, path, secret, size, text, whole } from '../api/values.ts';
import { coordination } from '../coordination/config.ts';
import { sinkTypes } from '../sinks/registry.ts';
import { sourceOf } from './sources.ts';

const schemas = sinkTypes.map((type) => type.schema) as [z.ZodObject, ...z.ZodObject[]];
/** One of them, by its `type`. */
const sink = z.discriminatedUnion('type', schemas) as unknown as z.ZodType<{ name: string; type: string }>;

const state = z.strictObject({
  path: path()
    .prefault('./sluice-state')
    .describe(
      'The folder of the state (SQLite). Default: beside the config file. Keep it: it knows what was delivered.',
    ),
  group: group(
    'A group that may read the state, by name or number: for whoever backs it up, or for a volume that belongs to a group (docs/files.md). Default: none; nobody but the user that Sluice runs as. Its members could hold up Sluice, by locks, but change nothing.',
  ),
});

const log = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .prefault('info')
    .describe(
      'The least level that is logged. Default: `info`: starts, stops and what a person should know; no line per record. For `run`; other commands log warnings only, unless `--log-level` says otherwise.',
    ),
  format: z
    .enum(['auto', 'pretty', 'json'])
    .prefault('auto')
    .describe(
      '`json` is ECS, `pretty` for people. Default: `auto`: pretty on a terminal and for every command but `run`, else json.',
    ),
});

const health = z.strictObject({
  port: whole(0, 65_535)
    .prefault(0)
    .describe(
      'Port of the status page, `/api/status`, `/healthz`, `/readyz` and `/metrics`. Default: 0, off: nothing listens unless asked.',
    ),
  host: text()
    .prefault('127.0.0.1')
    .describe('The address it listens on. Default: 127.0.0.1, this host only; `0.0.0.0` in a container.'),
  hosts: z
    .array(text())
    .prefault([])
    .describe(
      'Names by which the status page may be called, besides addresses and `localhost`: another name may be one that somebody else has pointed here. Default: none.',
    ),
  token: secret(
    `What the status page asks for before it pauses a stream or cancels a job: \`\${NAME}\` or \`file:/path\`. Default: none; the page only shows.`,
  ).optional(),
});

const batch = z.strictObject({
  documents: whole(1, 100_000)
    .prefault(5000)
    .describe(
      'The most documents of a batch, which is delivered and committed as one. Default: 5000; a commit costs a disk flush.',
    ),
  bytes: size({ min: '1KiB', max: '1GiB' })
    .prefault('2MiB')
    .describe(
      'A batch is delivered earlier when its documents have so many bytes. Default: 2MiB, which bounds the memory of a pipeline; 4MiB took 20 MB more and was no faster.',
    ),
  wait: duration({ min: '0s', max: '10m' })
    .prefault('1s')
    .describe('How long a batch waits to fill up. Default: 1s, a delay that nobody notices.'),
});

const rejections = z.strictObject({
  max_documents: whole(1, 100_000_000)
    .prefault(100_000)
    .describe(
      'How many documents that the sink rejected a pipeline keeps. Default: 100000. A full store blocks the pipeline, which says so, until `sluice rejections replay` or `drop` has made room: nothing is dropped by itself.',
    ),
  max_bytes: size({ min: '1KiB', max: '1024GiB' })
    .prefault('1GiB')
    .describe('The same by their size. Default: 1GiB, so that a cause that nobody mends does not fill the disk.'),
  stop_above: whole(1, 99)
    .optional()
    .describe(
      'A pipeline stops when more than so many percent of the last 1000 documents (at least: it counts whole batches) were rejected. Default: none does; they are kept, and a full store blocks.',
    ),
});

const alerts = z.strictObject({
  max_per_hour: whole(1, 1_000_000)
    .optional()
    .describe(
      'The most alerts that a source raises in an hour, counted for each sink. What comes above it is shipped as `event.kind: event` with the tag `alert_held`, and one alert of the dataset `sluice.alert_limit` says so (docs/jobs.md). Default: no limit.',
    ),
});

const heartbeat = z.strictObject({
  every: duration({ min: '1s', max: '1d' })
    .prefault('1m')
    .describe(
      'How often `run` tells each sink, in a small document for each stream, how far it is: dataset `sluice.heartbeat`, exactly once for each interval. Default: 1m.',
    ),
});

const raw = z.strictObject({
  keep: flag()
    .prefault(false)
    .describe(
      "Whether the vendor's records are kept beside the state as they are delivered, without their secrets, each with its document: for `sluice remap`, which maps them anew without asking the vendor. Default: no; it takes disk (docs/files.md).",
    ),
  for: duration({ min: '1h', max: '3650d' })
    .prefault('30d')
    .describe('How long they are kept, in whole days. Default: 30d, the reach of the widest sweep.'),
});

/** The schema for sources of these connectors. */
export function configSchemaOf(connectors: readonly Pick<Connector, 'config'>[]) {
  return z
    .strictObject({
      state: state.prefault({}),
      log: log.prefault({}),
      health: health.prefault({}),
      connectors: z
        .array(text())
        .prefault([])
        .describe(
          'Connectors that do not come with Sluice: files (`./acme-vendor.ts`, as seen from this file) or packages that are installed beside it (docs/adding-a-vendor.md). Default: none.',
        ),
      sources: z
        .array(sourceOf(connectors))
        .min(1, 'is empty; write at least one source')
        .describe('The tenants to read: one entry for each.'),
      sinks: z.array(sink).min(1, 'is empty; write at least one sink').describe('Where the documents go.'),
      batch: batch.prefault({}),
      rejections: rejections.prefault({}),
      alerts: alerts.prefault({}),
      raw: raw.prefault({}),
      coordination: coordination
        .optional()
        .describe(
          'Shares the sources with other instances of the same config, and keeps the state where all of them find it. Default: none; this instance reads all sources, and its state is a folder.',
        ),
      heartbeat: heartbeat
        .optional()
        .describe(
          'Heartbeats in the sinks, for alerts on their absence: `heartbeat: { every: 1m }` (docs/troubleshooting.md). Default: none.',
        ),
    })
    .meta({ title: 'Sluice', description: 'The configuration of Sluice.' });
}

/** The config as the file says it, with defaults; durations in milliseconds, sizes in bytes. */
export type RawConfig = z.output<ReturnType<typeof configSchemaOf>>;
export type RawSink = RawConfig['sinks'][number];
