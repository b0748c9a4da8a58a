/** The config as the engine reads it, and the one place where the file's values are turned into it. */
import { dirname, isAbsolute, join } from 'node:path';
import type { ConnectorConfig, SourceSettings } from '../api/connector.ts';
import type { StreamName } from '../api/document.ts';
import { toCoordination } from '../coordination/config.ts';
import type { Config, Secret, SourceConfig } from '../engine/settings.ts';
import { type SinkConfig, sinkTypeOf } from '../sinks/registry.ts';
import type { ConfigValues } from '../sinks/sink-type.ts';
import { groupNumber } from '../system/accounts.ts';
import { toOwn } from './mapping.ts';
import type { RawConfig, RawSink } from './schema.ts';
import type { RawSource } from './sources.ts';

interface ConvertOptions {
  /** The config file; relative paths start at its folder. */
  file: string;
  streamsOf(connector: string): StreamName[];
  connectorOf(connector: string): ConnectorConfig;
  /** The reader of the secret that a text of the file stands for. */
  secret(reference: string): Secret;
}

/** A path of the file as seen from where the process runs. */
export function resolvePath(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}

/** The file's values, already valid, as the engine reads them. */
export function toConfig(raw: RawConfig, options: ConvertOptions): Config {
  const sinkNames = raw.sinks.map(({ name }) => name);
  const path = (text: string) => resolvePath(options.file, text);
  const values = { path, secret: options.secret, group: groupNumber };
  return {
    state: {
      path: path(raw.state.path),
      group: raw.state.group === undefined ? undefined : groupNumber(raw.state.group),
    },
    log: raw.log,
    health: {
      ...raw.health,
      token: raw.health.token === undefined ? undefined : options.secret(raw.health.token),
    },
    sources: raw.sources.map((source) => toSource(source, raw.alerts, sinkNames, options)),
    sinks: raw.sinks.map((sink) => toSink(sink, values)),
    batch: { documents: raw.batch.documents, bytes: raw.batch.bytes, waitMs: raw.batch.wait },
    raw: { keep: raw.raw.keep, forMs: raw.raw.for },
    coordination: raw.coordination && toCoordination(raw.coordination, values),
    heartbeat: raw.heartbeat === undefined ? undefined : { everyMs: raw.heartbeat.every },
    rejections: {
      maxDocuments: raw.rejections.max_documents,
      maxBytes: raw.rejections.max_bytes,
      stopAbove: raw.rejections.stop_above,
    },
  };
}

function toSource(
  raw: RawSource,
  alerts: RawConfig['alerts'],
  sinkNames: string[],
  options: ConvertOptions,
): SourceConfig {
  const { rate, http, retry, reading } = raw;
  return {
    name: raw.name,
    connector: raw.connector,
    ...(options.connectorOf(raw.connector).settings(raw as never, options.secret) as Pick<SourceSettings, 'tenantId'>),
    keepOriginal: raw.keep_original,
    parents: raw.parents,
    mapping: toOwn(raw.mapping, (path) => resolvePath(options.file, path)),
    enrichHosts: raw.enrich_hosts,
    objectiveMs: raw.objective,
    expectWithinMs: raw.expect_within,
    streams: (raw.streams as StreamName[] | undefined) ?? options.streamsOf(raw.connector),
    sinks: raw.sinks ?? sinkNames,
    maxAlertsPerHour: raw.alerts.max_per_hour ?? alerts.max_per_hour,
    rate: { requestsPerSecond: rate.requests_per_second, concurrency: rate.concurrency },
    http: {
      timeoutMs: http.timeout,
      maxBodyBytes: http.max_body,
      caFile: http.ca_file === undefined ? undefined : resolvePath(options.file, http.ca_file),
      insecure: http.insecure,
      proxy: http.proxy,
    },
    retry: { deadlineMs: retry.deadline, firstDelayMs: retry.first_delay, maxDelayMs: retry.max_delay },
    reading: {
      lookbackMs: reading.lookback,
      pollMs: reading.poll,
      liveRangeMs: reading.live_range,
      pageSize: reading.page_size,
      overlapMs: reading.overlap,
      maxWindowRecords: reading.max_window_records,
      settleAttempts: reading.settle_attempts,
      snapshotMs: reading.snapshot,
      childConcurrency: reading.child_concurrency,
      childDeadlineMs: reading.child_deadline,
      childRepeatMs: reading.child_repeat,
      taskPollMs: reading.task_poll,
      taskDeadlineMs: reading.task_deadline,
      sweeps: reading.sweeps.map(({ range, every }) => ({ rangeMs: range, everyMs: every })),
      details: reading.details,
      detailRefreshMs: reading.detail_refresh,
      detailRefreshForMs: reading.detail_refresh_for,
      detailPatienceMs: reading.detail_patience,
    },
  };
}

function toSink(raw: RawSink, values: ConfigValues): SinkConfig {
  return sinkTypeOf(raw.type)?.settings(raw, values) as SinkConfig;
}
