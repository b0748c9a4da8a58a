/**
 * `/metrics`: the status and the counters as Prometheus reads them, made when they are scraped, so that nothing is counted
 * twice. One table; docs/metrics.md is made from it.
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { countOf, type Histogram } from '../../system/histogram.ts';
import type { Lost } from '../outlet.ts';
import type { Watched } from './facts.ts';
import type { Status, StreamStatus, WalkStatus } from './model.ts';
import { STATES } from './rules.ts';
import type { StatusModel } from './status.ts';

type Labels = Record<string, string>;

interface Sample {
  value: number;
  labels: Labels;
  /** Left out where it is that of the family. */
  metricName?: string;
}

interface Scraped {
  status: Status;
  watched: readonly Watched[];
  model: StatusModel;
  lost: Lost | undefined;
  node: string;
}

export interface Family {
  name: string;
  type: 'gauge' | 'counter' | 'histogram';
  help: string;
  labels: readonly string[];
  samples(scraped: Scraped): Sample[];
}

const PIPELINE = ['source', 'stream', 'sink'] as const;
const WALK = [...PIPELINE, 'walk'] as const;

const ofStream = ({ source, stream, sink }: StreamStatus): Labels => ({ source, stream, sink });
const ofWalk = (stream: StreamStatus, { walk }: WalkStatus): Labels => ({ ...ofStream(stream), walk });

/** A value for each stream; those without one are left out. */
function perStream(value: (stream: StreamStatus) => number | undefined) {
  return ({ status }: Scraped): Sample[] => status.streams.flatMap((one) => sample(value(one), ofStream(one)));
}

function perWalk(value: (walk: WalkStatus) => number | undefined) {
  return ({ status }: Scraped): Sample[] =>
    status.streams.flatMap((one) => one.walks.flatMap((walk) => sample(value(walk), ofWalk(one, walk))));
}

function sample(value: number | undefined, labels: Labels): Sample[] {
  return value === undefined ? [] : [{ value, labels }];
}

function histogram(name: string, { bounds, counts, sum }: Histogram, labels: Labels): Sample[] {
  let below = 0;
  const buckets = bounds.map((bound, index) => {
    below += counts[index] ?? 0;
    return { value: below, labels: { ...labels, le: String(bound) }, metricName: `${name}_bucket` };
  });
  const all = countOf({ bounds, counts, sum });
  return [
    ...buckets,
    { value: all, labels: { ...labels, le: '+Inf' }, metricName: `${name}_bucket` },
    { value: sum, labels, metricName: `${name}_sum` },
    { value: all, labels, metricName: `${name}_count` },
  ];
}

const secondsAt = (at: string | undefined) => (at === undefined ? undefined : Date.parse(at) / 1000);

/** In the order of docs/metrics.md. */
export const FAMILIES: readonly Family[] = [
  {
    ...{ name: 'sluice_stream_state', type: 'gauge', labels: [...PIPELINE, 'state'] },
    help: '1 for the state that holds, 0 for the others.',
    samples: ({ status }) =>
      status.streams.flatMap((one) =>
        STATES.map((state) => ({ value: one.state === state ? 1 : 0, labels: { ...ofStream(one), state } })),
      ),
  },
  {
    ...{ name: 'sluice_lag_seconds', type: 'gauge', labels: PIPELINE },
    help: 'How old the end of what was read and settled is; of a list without times, its last whole reading.',
    samples: perStream(({ lagSeconds }) => lagSeconds),
  },
  {
    ...{ name: 'sluice_settled_timestamp_seconds', type: 'gauge', labels: PIPELINE },
    help: 'The end of the newest window, list or child that was read and settled.',
    samples: perStream(({ settledUntil }) => secondsAt(settledUntil)),
  },
  {
    ...{ name: 'sluice_newest_record_timestamp_seconds', type: 'gauge', labels: PIPELINE },
    help: 'The newest time of a record that was read.',
    samples: perStream(({ newestRecord }) => secondsAt(newestRecord)),
  },
  {
    ...{ name: 'sluice_last_success_timestamp_seconds', type: 'gauge', labels: WALK },
    help: 'When the walk came to its end last; left out for one that never did.',
    samples: perWalk(({ lastSuccess }) => secondsAt(lastSuccess)),
  },
  {
    ...{ name: 'sluice_last_document_timestamp_seconds', type: 'gauge', labels: PIPELINE },
    help: 'When the sink took a document last; left out where none is remembered.',
    samples: perStream(({ lastDocument }) => secondsAt(lastDocument)),
  },
  {
    ...{ name: 'sluice_expect_within_seconds', type: 'gauge', labels: PIPELINE },
    help: 'How long the stream may be without a new document; left out where nobody can tell.',
    samples: perStream(({ expectWithinSeconds }) => expectWithinSeconds),
  },
  {
    ...{ name: 'sluice_waiting_seconds', type: 'gauge', labels: [...WALK, 'reason'] },
    help: 'How long the walk has waited: for the vendor, the budget (the rate limit), the sink, a person, or the end of a pause.',
    samples: ({ status }) =>
      status.streams.flatMap((one) =>
        one.walks.flatMap((walk) =>
          walk.waiting === undefined
            ? []
            : [{ value: walk.waiting.seconds, labels: { ...ofWalk(one, walk), reason: walk.waiting.for } }],
        ),
      ),
  },
  {
    ...{ name: 'sluice_walk_failing', type: 'gauge', labels: WALK },
    help: '1 while the walk fails: its requests or writes have not succeeded for two minutes.',
    samples: perWalk(({ state }) => (state === 'failing' ? 1 : 0)),
  },
  {
    ...{ name: 'sluice_sink_failing', type: 'gauge', labels: ['sink'] },
    help: '1 while the sink takes no documents: for two minutes, or until a person mends something.',
    samples: ({ status }) =>
      status.sinks.map(({ sink, state }) => ({
        value: state === 'failing' || state === 'stopped' ? 1 : 0,
        labels: { sink },
      })),
  },
  {
    ...{ name: 'sluice_delivery_latency_seconds', type: 'histogram', labels: PIPELINE },
    help: 'From when the vendor had a new record until the sink had acknowledged it; of streams whose records have a time, without history.',
    samples: ({ watched }) =>
      watched.flatMap((one) => histogram('sluice_delivery_latency_seconds', one.statistics.latency, labelsOf(one))),
  },
  {
    ...{ name: 'sluice_delivery_late_total', type: 'counter', labels: PIPELINE },
    help: 'New records that took longer than the objective.',
    samples: ({ watched }) => watched.map((one) => ({ value: one.statistics.late, labels: labelsOf(one) })),
  },
  {
    ...{ name: 'sluice_delivery_objective_seconds', type: 'gauge', labels: PIPELINE },
    help: 'How soon the sink should have what the vendor has (`objective`).',
    samples: perStream(({ objectiveSeconds }) => objectiveSeconds),
  },
  {
    ...{ name: 'sluice_requests_total', type: 'counter', labels: ['source', 'status'] },
    help: 'Requests that were sent, by the HTTP status of the answer; none: there was no answer.',
    samples: ({ status }) =>
      status.sources.flatMap(({ source, requests }) =>
        Object.entries(requests).map(([code, value]) => ({ value, labels: { source, status: code } })),
      ),
  },
  {
    ...{ name: 'sluice_throttled_total', type: 'counter', labels: ['source'] },
    help: 'Requests that were answered with 429.',
    samples: ({ status }) => status.sources.map(({ source, throttled }) => ({ value: throttled, labels: { source } })),
  },
  {
    ...{ name: 'sluice_budget_wait_seconds_total', type: 'counter', labels: ['source'] },
    help: 'How long requests have waited for their turn in the rate limit, all together.',
    samples: ({ status }) =>
      status.sources.map(({ source, budget }) => ({ value: budget.waitedSeconds, labels: { source } })),
  },
  {
    ...{ name: 'sluice_budget_used_ratio', type: 'gauge', labels: ['source'] },
    help: 'Which share of the requests that the rate limit allows was sent in the last minute.',
    samples: ({ status }) =>
      status.sources.map(({ source, budget }) => ({ value: budget.usedRatio, labels: { source } })),
  },
  {
    ...{ name: 'sluice_budget_requests_per_second', type: 'gauge', labels: ['source'] },
    help: 'The rate limit of the source.',
    samples: ({ status }) =>
      status.sources.map(({ source, budget }) => ({ value: budget.requestsPerSecond, labels: { source } })),
  },
  {
    ...{ name: 'sluice_budget_rate', type: 'gauge', labels: ['source'] },
    help: 'Requests a second that are allowed now: the rate limit, or less after the vendor asked for a slower pace.',
    samples: ({ status }) =>
      status.sources.map(({ source, budget }) => ({ value: budget.allowedPerSecond, labels: { source } })),
  },
  {
    ...{ name: 'sluice_documents_total', type: 'counter', labels: PIPELINE },
    help: 'Documents that the sink took.',
    samples: perStream(({ delivered }) => delivered),
  },
  {
    ...{ name: 'sluice_alerts_held_total', type: 'counter', labels: PIPELINE },
    help: 'Alerts that were shipped as events, above alerts.max_per_hour.',
    samples: ({ watched }) =>
      watched.map(({ statistics }) => {
        const [source = '', stream = '', sink = ''] = statistics.name.split('/');
        return { value: statistics.alertsHeld, labels: { source, stream, sink } };
      }),
  },
  {
    ...{ name: 'sluice_sink_write_seconds', type: 'histogram', labels: ['sink'] },
    help: 'How long the sink took for a batch, retries included.',
    samples: ({ model }) =>
      [...model.parts.sinkTraffic()].flatMap(([sink, { writes }]) =>
        histogram('sluice_sink_write_seconds', writes, { sink }),
      ),
  },
  {
    ...{ name: 'sluice_sink_bytes_total', type: 'counter', labels: ['sink'] },
    help: 'Bytes of the documents of the batches that were written.',
    samples: ({ status }) => status.sinks.map(({ sink, bytes }) => ({ value: bytes, labels: { sink } })),
  },
  {
    ...{ name: 'sluice_sink_retries_total', type: 'counter', labels: ['sink'] },
    help: 'Attempts of a write or a look-up that were made again.',
    samples: ({ status }) => status.sinks.map(({ sink, retries }) => ({ value: retries, labels: { sink } })),
  },
  {
    ...{ name: 'sluice_rejections_waiting', type: 'gauge', labels: PIPELINE },
    help: 'Documents that the sink refused for their content and that wait for a person.',
    samples: perStream(({ rejections }) => rejections.waiting),
  },
  {
    ...{ name: 'sluice_rejected_total', type: 'counter', labels: PIPELINE },
    help: 'Documents that the sink refused for their content.',
    samples: perStream(({ rejected }) => rejected),
  },
  {
    ...{ name: 'sluice_gaps', type: 'gauge', labels: PIPELINE },
    help: 'Parts of the resource that are known not to be delivered.',
    samples: perStream(({ gaps }) => gaps.count),
  },
  {
    ...{ name: 'sluice_oldest_gap_timestamp_seconds', type: 'gauge', labels: PIPELINE },
    help: 'When the oldest gap was found; left out where there is none.',
    samples: perStream(({ gaps }) => secondsAt(gaps.since)),
  },
  {
    ...{ name: 'sluice_owed', type: 'gauge', labels: PIPELINE },
    help: 'Records that wait for a detail that cannot be fetched yet.',
    samples: perStream(({ owed }) => owed),
  },
  {
    ...{ name: 'sluice_children_unread', type: 'gauge', labels: PIPELINE },
    help: 'Children that could not be read when they were last tried.',
    samples: ({ watched }) => watched.map((one) => ({ value: one.statistics.unread.size, labels: labelsOf(one) })),
  },
  {
    ...{ name: 'sluice_day_read_ratio', type: 'gauge', labels: [...PIPELINE, 'days_ago'] },
    help: 'Which part of a day (UTC) was read to its end: 0 is today, 7 a week ago. Of streams whose records have a time.',
    samples: ({ status }) =>
      status.streams.flatMap((one) =>
        one.days.map(({ read }, ago) => ({ value: read, labels: { ...ofStream(one), days_ago: String(ago) } })),
      ),
  },
  {
    ...{ name: 'sluice_job_records', type: 'gauge', labels: ['id'] },
    help: 'Records that the vendor has in the time of a backfill that is not done, as far as it was asked.',
    samples: perJob(({ records }) => records),
  },
  {
    ...{ name: 'sluice_job_delivered', type: 'gauge', labels: ['id'] },
    help: 'Documents that this backfill has delivered.',
    samples: perJob(({ delivered }) => delivered),
  },
  {
    ...{ name: 'sluice_job_remaining_seconds', type: 'gauge', labels: ['id'] },
    help: 'How long it is likely to take still; left out where nobody can tell.',
    samples: perJob(({ secondsLeft }) => secondsLeft),
  },
  {
    ...{ name: 'sluice_templates_current', type: 'gauge', labels: ['sink'] },
    help: '1 where the index templates are those of this version, 0 where they are older or missing.',
    samples: ({ status }) =>
      status.sinks.flatMap(({ sink, templatesCurrent }) =>
        sample(templatesCurrent === undefined ? undefined : Number(templatesCurrent), { sink }),
      ),
  },
  {
    ...{ name: 'sluice_log_lines_lost_total', type: 'counter', labels: [] },
    help: 'Log lines that could not be written.',
    samples: ({ lost }) => [{ value: lost?.lines ?? 0, labels: {} }],
  },
  {
    ...{ name: 'sluice_build_info', type: 'gauge', labels: ['version', 'node'] },
    help: '1, with the version that runs.',
    samples: ({ status, node }) => [{ value: 1, labels: { version: status.version, node } }],
  },
];

function perJob(value: (job: Status['jobs'][number]) => number | undefined) {
  return ({ status }: Scraped): Sample[] =>
    status.jobs.filter((job) => job.status !== 'done').flatMap((job) => sample(value(job), { id: String(job.id) }));
}

function labelsOf({ plan }: Watched): Labels {
  return { source: plan.source.name, stream: plan.registered.stream.name, sink: plan.sinkName };
}

/** Gauges whose name says that they are counters: linters refuse them. */
const MISNAMED = /^nodejs_active_(handles|requests|resources)_total$/;

export interface MetricsTools {
  lost: () => Lost | undefined;
  nodeVersion: string;
}

export interface Metrics {
  contentType: string;
  scrape(): Promise<string>;
}

/** All families, and prom-client's metrics of the process. */
export function metricsOf(model: StatusModel, { lost, nodeVersion }: MetricsTools): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray()) if (MISNAMED.test(name)) registry.removeSingleMetric(name);
  const look = (): Scraped => {
    const status = model.made();
    return { status, watched: model.parts.watched(), model, lost: lost(), node: nodeVersion };
  };
  let scraped: Scraped | undefined; // made when it is asked for, once for all families
  for (const family of FAMILIES) {
    const { name, help, type } = family;
    const values = () => (scraped === undefined ? [] : family.samples(scraped));
    const get = async () => ({ name, help, type, aggregator: 'sum', values: values() });
    registry.registerMetric({ name, help, get } as unknown as Metric);
  }
  return {
    contentType: registry.contentType,
    scrape() {
      scraped = look();
      return registry.metrics();
    },
  };
}
