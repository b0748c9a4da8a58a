/** What the Grafana board shows: the one definition that the board and its tests are made from. */

export interface Query {
  expr: string;
  /** Labels in `{{ }}`. */
  legend: string;
  /** Only the value of now. */
  instant?: boolean;
}

export interface Panel {
  title: string;
  /** What the reader learns from it, and when to act. */
  description: string;
  kind: 'timeseries' | 'stat' | 'states' | 'bars';
  unit: 's' | 'short' | 'percentunit' | 'reqps' | 'Bps' | 'bytes' | 'ops' | 'none';
  queries: readonly Query[];
  /** In 24ths of the board. */
  width: number;
  height: number;
  /** From here on it is yellow, and red. */
  thresholds?: readonly [warning: number, critical: number];
}

export interface Row {
  title: string;
  panels: readonly Panel[];
}

/** The board's choice of pipelines. */
const OURS = 'source=~"$source",stream=~"$stream",sink=~"$sink"';
const SOURCE = 'source=~"$source"';
const SINK = 'sink=~"$sink"';
const BY_STREAM = '{{source}} {{stream}} {{sink}}';

/** States as numbers, the worst highest: a board has one color for each. */
export const STATE_NUMBERS = { healthy: 0, paused: 1, silent: 2, degraded: 3, failing: 4, stopped: 5 } as const;

const stateNow = Object.entries(STATE_NUMBERS)
  .map(([state, number]) => `${number} * max by (source, stream, sink) (sluice_stream_state{state="${state}",${OURS}})`)
  .join(' + ');

const count = (state: string): Query => ({
  expr: `sum(sluice_stream_state{state="${state}",${OURS}})`,
  legend: state,
  instant: true,
});

export const ROWS: readonly Row[] = [
  {
    title: 'Now',
    panels: [
      {
        ...{ title: 'Streams by state', kind: 'bars', unit: 'none', width: 6, height: 7 },
        description: 'How many pipelines are in each state. Failing and stopped ones need somebody.',
        queries: Object.keys(STATE_NUMBERS).map(count),
      },
      {
        ...{ title: 'Furthest behind', kind: 'stat', unit: 's', width: 4, height: 7, thresholds: [600, 3600] },
        description: 'The largest lag of a stream behind its vendor.',
        queries: [{ expr: `max(sluice_lag_seconds{${OURS}})`, legend: 'lag' }],
      },
      {
        ...{ title: 'Last document', kind: 'stat', unit: 's', width: 4, height: 7, thresholds: [3600, 86_400] },
        description: 'How long ago the last document of any stream was delivered.',
        queries: [{ expr: `time() - max(sluice_last_document_timestamp_seconds{${OURS}})`, legend: 'ago' }],
      },
      {
        ...{ title: 'Rejected, waiting', kind: 'stat', unit: 'short', width: 3, height: 7, thresholds: [1, 1000] },
        description: 'Documents that a sink refused for their content: `sluice rejections list` says why.',
        queries: [{ expr: `sum(sluice_rejections_waiting{${OURS}})`, legend: 'documents' }],
      },
      {
        ...{ title: 'Gaps', kind: 'stat', unit: 'short', width: 3, height: 7, thresholds: [1, 100] },
        description: 'Parts that are not proven to be delivered: `sluice gaps` says which.',
        queries: [{ expr: `sum(sluice_gaps{${OURS}})`, legend: 'gaps' }],
      },
      {
        ...{ title: 'Templates', kind: 'stat', unit: 'none', width: 2, height: 7 },
        description: '1 where the templates of all sinks are those of the version that runs.',
        queries: [{ expr: `min(sluice_templates_current{${SINK}})`, legend: 'current' }],
      },
      {
        ...{ title: 'Version', kind: 'stat', unit: 'none', width: 2, height: 7 },
        description: 'Which Sluice runs.',
        queries: [{ expr: 'sluice_build_info', legend: '{{version}}', instant: true }],
      },
      {
        ...{ title: 'States over time', kind: 'states', unit: 'none', width: 24, height: 9 },
        description: 'Each stream: a quiet one is silent, a broken one is failing, and these never mix.',
        queries: [{ expr: stateNow, legend: BY_STREAM }],
      },
    ],
  },
  {
    title: 'Delivery',
    panels: [
      {
        ...{ title: 'Documents a second', kind: 'timeseries', unit: 'ops', width: 12, height: 8 },
        description: 'What the sinks took.',
        queries: [
          {
            expr: `sum by (source, stream, sink) (rate(sluice_documents_total{${OURS}}[$__rate_interval]))`,
            legend: BY_STREAM,
          },
        ],
      },
      {
        ...{ title: 'Lag behind the vendor', kind: 'timeseries', unit: 's', width: 12, height: 8 },
        description: 'How old the end of what was read and settled is.',
        queries: [{ expr: `sluice_lag_seconds{${OURS}}`, legend: BY_STREAM }],
      },
      {
        ...{ title: 'Delivery latency', kind: 'timeseries', unit: 's', width: 12, height: 8 },
        description:
          'From "the vendor has it" to "the sink has it": half of the new records, and all but one of a hundred.',
        queries: [0.5, 0.99].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, sum by (stream, le) (rate(sluice_delivery_latency_seconds_bucket{${OURS}}[$__rate_interval])))`,
          legend: `{{stream}} ${quantile * 100} %`,
        })),
      },
      {
        ...{ title: 'Later than the objective', kind: 'timeseries', unit: 'percentunit', width: 12, height: 8 },
        description:
          'The share of new records that took longer than the objective of their stream; 1 % is what is promised.',
        thresholds: [0.01, 0.14],
        queries: [
          {
            expr: `sum by (source, stream, sink) (rate(sluice_delivery_late_total{${OURS}}[1h])) / sum by (source, stream, sink) (rate(sluice_delivery_latency_seconds_count{${OURS}}[1h]))`,
            legend: BY_STREAM,
          },
        ],
      },
      {
        ...{ title: 'Waiting', kind: 'timeseries', unit: 's', width: 12, height: 8 },
        description: 'How long each walk has been waiting, and for what.',
        queries: [{ expr: `sluice_waiting_seconds{${OURS}}`, legend: '{{source}} {{stream}} {{walk}}: {{reason}}' }],
      },
      {
        ...{ title: 'Walks that fail', kind: 'timeseries', unit: 'none', width: 12, height: 8, thresholds: [1, 1] },
        description: 'A walk may fail while others of its stream go on.',
        queries: [{ expr: `sluice_walk_failing{${OURS}} == 1`, legend: '{{source}} {{stream}} {{walk}}' }],
      },
    ],
  },
  {
    title: 'Vendor',
    panels: [
      {
        ...{ title: 'Requests by status', kind: 'timeseries', unit: 'reqps', width: 8, height: 8 },
        description: 'Requests a second, by the status of the answer.',
        queries: [
          {
            expr: `sum by (source, status) (rate(sluice_requests_total{${SOURCE}}[$__rate_interval]))`,
            legend: '{{source}} {{status}}',
          },
        ],
      },
      {
        ...{ title: 'Share of the rate budget', kind: 'timeseries', unit: 'percentunit', width: 8, height: 8 },
        description: 'Used up means that a backfill takes what the live edge leaves, or that `rate` is too low.',
        thresholds: [0.8, 0.95],
        queries: [{ expr: `sluice_budget_used_ratio{${SOURCE}}`, legend: '{{source}}' }],
      },
      {
        ...{ title: 'Throttled, and waiting for the budget', kind: 'timeseries', unit: 'short', width: 8, height: 8 },
        description: 'Answers 429 in five minutes, and requests that wait for their turn on average.',
        queries: [
          { expr: `increase(sluice_throttled_total{${SOURCE}}[5m])`, legend: '{{source}} 429' },
          {
            expr: `rate(sluice_budget_wait_seconds_total{${SOURCE}}[$__rate_interval])`,
            legend: '{{source}} waiting',
          },
        ],
      },
    ],
  },
  {
    title: 'Sinks',
    panels: [
      {
        ...{ title: 'Time for a batch', kind: 'timeseries', unit: 's', width: 8, height: 8 },
        description: 'Half of the batches, and nine of ten: retries included.',
        queries: [0.5, 0.9].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, sum by (sink, le) (rate(sluice_sink_write_seconds_bucket{${SINK}}[$__rate_interval])))`,
          legend: `{{sink}} ${quantile * 100} %`,
        })),
      },
      {
        ...{ title: 'Bytes a second', kind: 'timeseries', unit: 'Bps', width: 8, height: 8 },
        description: 'Documents as they were before compression.',
        queries: [{ expr: `rate(sluice_sink_bytes_total{${SINK}}[$__rate_interval])`, legend: '{{sink}}' }],
      },
      {
        ...{ title: 'Retries and rejections', kind: 'timeseries', unit: 'short', width: 8, height: 8 },
        description: 'In five minutes.',
        queries: [
          { expr: `increase(sluice_sink_retries_total{${SINK}}[5m])`, legend: '{{sink}} retries' },
          { expr: `sum by (sink) (increase(sluice_rejected_total{${OURS}}[5m]))`, legend: '{{sink}} rejected' },
        ],
      },
    ],
  },
  {
    title: 'Work',
    panels: [
      {
        ...{ title: 'Backfills: done', kind: 'bars', unit: 'percentunit', width: 6, height: 7 },
        description: 'The share of the records that the vendor counts which is delivered.',
        queries: [{ expr: 'sluice_job_delivered / (sluice_job_records > 0)', legend: 'job {{id}}', instant: true }],
      },
      {
        ...{ title: 'Backfills: time left', kind: 'bars', unit: 's', width: 6, height: 7 },
        description: 'An estimate from the rate budget.',
        queries: [{ expr: 'sluice_job_remaining_seconds', legend: 'job {{id}}', instant: true }],
      },
      {
        ...{ title: 'Details owed', kind: 'timeseries', unit: 'short', width: 6, height: 7 },
        description: 'Records whose detail cannot be had yet; it is asked for again.',
        queries: [{ expr: `sluice_owed{${OURS}} > 0`, legend: BY_STREAM }],
      },
      {
        ...{ title: 'Alerts held back', kind: 'timeseries', unit: 'short', width: 6, height: 7, thresholds: [1, 1] },
        description: 'Shipped as events in fifteen minutes, above `alerts.max_per_hour`.',
        queries: [{ expr: `increase(sluice_alerts_held_total{${OURS}}[15m])`, legend: BY_STREAM }],
      },
    ],
  },
  {
    title: 'Process',
    panels: [
      {
        ...{ title: 'CPU', kind: 'timeseries', unit: 'percentunit', width: 8, height: 7 },
        description: 'Of one core.',
        queries: [
          {
            expr: 'rate(process_cpu_seconds_total[$__rate_interval]) and on (job, instance) sluice_build_info',
            legend: '{{instance}}',
          },
        ],
      },
      {
        ...{ title: 'Memory', kind: 'timeseries', unit: 'bytes', width: 8, height: 7 },
        description: 'Resident.',
        queries: [
          {
            expr: 'process_resident_memory_bytes and on (job, instance) sluice_build_info',
            legend: '{{instance}}',
          },
        ],
      },
      {
        ...{ title: 'Log lines lost', kind: 'timeseries', unit: 'short', width: 8, height: 7, thresholds: [1, 100] },
        description: 'Lines that could not be written: a full disk, or a reader that went away.',
        queries: [{ expr: 'increase(sluice_log_lines_lost_total[5m])', legend: '{{instance}}' }],
      },
    ],
  },
];
