/** The schema of one source: a tenant, and how it is read. Keys of one connector come from it. */
import { z } from 'zod';
import type { Connector } from '../api/connector.ts';
import { caFile, decimal, duration, flag, insecure, name, proxy, size, text, whole } from '../api/values.ts';
import { mappingSchema } from './mapping.ts';

const rate = z.strictObject({
  requests_per_second: decimal(0.01, 100_000)
    .prefault(10)
    .describe(
      'Requests to the vendor a second, for all streams of the source together; the live edge goes before a backfill. Answers 429, and 503 with `Retry-After`, lower it for the time being, to a sixteenth at the least; quiet raises it again, within two minutes. Default: 10, modest where the vendor documents no limit.',
    ),
  concurrency: whole(1, 100)
    .prefault(8)
    .describe(
      'Requests at the same time. Of four or more, one place is kept for the live edge where there is one; history is read up to four pages at once, on half of the places. Default: 8, which keeps 10 a second busy at replies of up to 800 ms.',
    ),
});

const http = z.strictObject({
  timeout: duration({ min: '100ms', max: '1h' })
    .prefault('60s')
    .describe(
      'How long one request may take, body included; of a reply that is read part by part, each MiB of it. Default: 60s; deep pages are slow.',
    ),
  max_body: size({ min: '1KiB', max: '2GiB' })
    .prefault('4MiB')
    .describe(
      'The largest reply that is parsed whole, and the largest item of one that is read part by part, after decompression. A list page above it is read in smaller pages, a detail above it is not, and its record is shipped as the list has it. Default: 4MiB: the worst JSON of that size takes half a second to parse, in which nothing else runs, and some 100 MB; both grow with it. A reply that may take more memory than the process has is treated as one above it.',
    ),
  ca_file: caFile(),
  insecure: insecure(),
  proxy: proxy(
    '`environment`, `none`, or the URL of an HTTP proxy (credentials in it are never shown). Default: `environment`: HTTPS_PROXY, HTTP_PROXY, else ALL_PROXY, and NO_PROXY (names with their sub-domains, addresses, networks such as 10.0.0.0/8), as other tools do.',
  ).prefault('environment'),
});

const retry = z.strictObject({
  deadline: duration({ min: '0s', max: '30d' })
    .prefault('10m')
    .describe(
      'How long one request is tried again before its walk pauses; `run` then goes on with that walk. Default: 10m, longer than a restart of a gateway.',
    ),
  first_delay: duration({ min: '1ms', max: '1h' })
    .prefault('500ms')
    .describe(
      'The longest wait before the first retry; it doubles with each one, and the wait is drawn at random below it. Default: 500ms.',
    ),
  max_delay: duration({ min: '1ms', max: '1h' })
    .prefault('30s')
    .describe(
      'The longest wait between two tries; a `Retry-After` of the vendor goes before it. Default: 30s, so that an outage that ends is noticed soon.',
    ),
});

const sweep = z.strictObject({
  range: duration({ min: '1m', max: '3650d' }).describe('How far back the sweep reads.'),
  every: duration({ min: '1s', max: '365d' }).describe('How often.'),
});

const reading = z.strictObject({
  lookback: duration({ min: '0s', max: '3650d' })
    .prefault('24h')
    .describe(
      'How far back the first run reads. Default: 24h, enough to see that it works; `sluice backfill` fetches the rest.',
    ),
  poll: duration({ min: '1s', max: '30d' })
    .prefault('60s')
    .describe(
      'How often the live edge is read. Default: 60s, a dashboard is a minute behind at most, at three list requests a minute where little happens.',
    ),
  live_range: duration({ min: '1m', max: '30d' })
    .prefault('15m')
    .describe(
      'How far back each poll reads. Default: 15m, so that records which arrive a little late or change soon are seen at the next poll.',
    ),
  page_size: whole(1, 1000)
    .prefault(200)
    .describe(
      'Records per page. Default: 200, what public clients of the API use; a smaller size in the reply is adopted.',
    ),
  overlap: duration({ min: '0s', max: '1h' })
    .prefault('2s')
    .describe(
      'How far neighbouring windows overlap. Default: 2s, since the vendor does not say whether bounds are inclusive.',
    ),
  max_window_records: whole(1, 1_000_000)
    .prefault(10_000)
    .describe('A window with so many records is split. Default: 10000, 50 pages; deep pages fail more often.'),
  settle_attempts: whole(2, 100)
    .prefault(5)
    .describe(
      'How often a window is read until two passes agree; then it is accepted as unsettled, reported, and queued again. Default: 5, so that a busy tenant never stops progress.',
    ),
  sweeps: z
    .array(sweep)
    .refine(
      (sweeps) => new Set(sweeps.map(({ range }) => Math.round(range / 1000))).size === sweeps.length,
      'has two sweeps over the same range; keep the more frequent one',
    )
    .prefault([
      { range: '24h', every: '1h' },
      { range: '30d', every: '24h' },
    ])
    .describe(
      'Later walks over wider ranges, for late and changed records; they cost list pages only. Default: a day every hour, 30 days every day: devices that were offline deliver days late.',
    ),
  snapshot: duration({ min: '1s', max: '30d' })
    .prefault('5m')
    .describe(
      'How often a list without a time filter is read (InstaQueries, retrieved files), and how often parents are looked at for new results. Default: 5m: such a list is read whole each time, and no state in it lasts less than minutes.',
    ),
  child_concurrency: whole(1, 64)
    .prefault(4)
    .describe(
      'How many results are read at the same time in each pipeline. Default: 4, so that a few very long ones do not hold up the others; a reply takes a place of `rate.concurrency` only until it begins.',
    ),
  child_deadline: duration({ min: '1m', max: '365d' })
    .prefault('7d')
    .describe(
      'How long results that are still being computed are asked for. Default: 7d; devices that were off for a week are not waited for. Later they are read only when their query shows progress.',
    ),
  child_repeat: duration({ min: '1s', max: '30d' })
    .prefault('1h')
    .describe(
      'How often what belongs to a parent is read again where the parent shows no sign of changes: the devices of a threat, the lockdowns of a device. Default: 1h, at most three requests a second for 10,000 devices; new parents are read at once.',
    ),
  task_poll: duration({ min: '10ms', max: '10m' })
    .prefault('1s')
    .describe(
      'The first wait between two questions for the result of a task that runs at the vendor (Apex Central footprints); it doubles up to ten times as much. Default: 1s, since a small task takes seconds.',
    ),
  task_deadline: duration({ min: '10ms', max: '24h' })
    .prefault('10m')
    .describe(
      'How long such a task is waited for; then it is given up and asked for again later. Default: 10m, since an endpoint that is on answers within minutes, and one that is off does not answer at all.',
    ),
  details: flag()
    .prefault(true)
    .describe(
      'Whether the detail of each record is fetched. Default: yes; comments, responses and artifacts are only there. It costs one request per record.',
    ),
  detail_refresh: z
    .array(duration({ min: '1s', max: '365d' }))
    .min(1, 'is empty; write at least one duration, or switch `details` off')
    .prefault(['15m', '1h', '4h', '24h'])
    .describe(
      'When the detail of an open record is fetched again, counted from the fetch before; the last repeats. Default: soon at first, then daily: comments and responses never show in the list.',
    ),
  detail_patience: duration({ min: '0s', max: '30d' })
    .prefault('1h')
    .describe(
      'How long a record waits for a detail that cannot be had; then it is shipped as the list has it, tagged `detail_missing`, and the detail follows as a later revision. Default: 1h: late is better than unseen, and one detection raises one alert.',
    ),
  detail_refresh_for: duration({ min: '0s', max: '3650d' })
    .prefault('30d')
    .describe(
      'How long an open record is refreshed, counted from when it was first seen, whatever its own clock says. Default: 30d, the reach of the widest sweep.',
    ),
});

/** The key `name` of every source. */
export const sourceName = () =>
  name(/^[a-z0-9_]+$/, 'use lower case letters, digits and underscores').describe(
    "The source's name; it becomes the namespace of the data streams, hence no hyphen, no dot and no upper case.",
  );

const sourceKeys = {
  streams: z
    .array(text())
    .min(1, 'is empty; leave it out for all streams')
    .optional()
    .describe('Which streams are read (`sluice streams` lists them). Default: all of the connector.'),
  parents: z
    .record(text(), z.array(text()))
    .prefault({})
    .describe(
      'Ids to read the results of besides those that a list names, by stream: `{ cylance.instaquery_result: [AF593F38EDC1B743BDC0A6FCC53A03CD] }`. Default: none.',
    ),
  sinks: z
    .array(text())
    .min(1, 'is empty; leave it out for all sinks')
    .optional()
    .describe('The names of the sinks that get the documents. Default: all.'),
  mapping: mappingSchema,
  keep_original: flag()
    .prefault(false)
    .describe(
      "Whether `event.original` keeps the vendor's record, without its secrets. Default: no; it about doubles the storage.",
    ),
  enrich_hosts: flag()
    .prefault(false)
    .describe(
      'Whether documents that name a host by its id get its addresses and operating system from the inventory of the same source (`cylance.device`), as far as that was delivered before; such documents are tagged `host_from_inventory`. Nothing is requested for it; only the first run, which knows no host yet, waits for the inventory, 60 seconds at most. Default: no; documents hold what their record says.',
    ),
  objective: duration({ min: '1s', max: '30d' })
    .optional()
    .describe(
      'How soon the sink should have what the vendor has: `sluice_delivery_objective_seconds`, and beyond it and one more poll the stream is `degraded`. Default: three polls (`reading.poll`; of lists without times, `reading.snapshot`).',
    ),
  expect_within: z
    .record(text(), duration({ min: '0s', max: '365d' }))
    .prefault({})
    .describe(
      'How long a stream may be without a new document until it is called `silent`, by stream: `{ cylance.detection: 6h }`; 0s: for ever. Default: twice the longest such time of the last four weeks, once a week and twenty arrivals are known (docs/metrics.md).',
    ),
  alerts: z
    .strictObject({
      max_per_hour: whole(1, 1_000_000)
        .optional()
        .describe('The most alerts in an hour of this source, in place of `alerts.max_per_hour`. Default: that one.'),
    })
    .prefault({}),
  rate: rate.prefault({}),
  http: http.prefault({}),
  retry: retry.prefault({}),
  reading: reading.prefault({}),
};

/** The keys of every source; its connector adds its own. */
export type RawSource = z.output<z.ZodObject<typeof sourceKeys>> & { name: string; connector: string };

/** One of the connectors, by `connector`. A key that it describes itself goes before the one of every source. */
export function sourceOf(connectors: readonly Pick<Connector, 'config'>[]): z.ZodType<RawSource> {
  const schemas = connectors.map(({ config: { keys } }) =>
    z.strictObject({ name: sourceName(), ...keys, ...sourceKeys, ...keys }),
  );
  return z.discriminatedUnion(
    'connector',
    schemas as unknown as [z.ZodObject, ...z.ZodObject[]],
  ) as unknown as z.ZodType<RawSource>;
}
