/** The config as the engine reads it, and the one place where the file's values are turned into it. */
import { dirname, isAbsolute, join } from 'node:path';
import type { RetrySettings, SourceSettings } from '../api/connector.ts';
import type { StreamName } from '../api/document.ts';
import type { ReadingSettings } from '../api/stream.ts';
import { groupNumber } from '../system/accounts.ts';
import type { RawConfig, RawSink, RawSource } from './schema.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Reads a secret; a `file:` reference anew at each call, so that a rotated secret needs no restart. */
export type Secret = () => string;

export interface Config {
  /** `group` is the number of the one that may read. */
  state: { path: string; group?: number };
  log: { level: LogLevel; format: 'auto' | 'pretty' | 'json' };
  /** Port 0 is off. */
  health: { port: number; host: string };
  sources: SourceConfig[];
  sinks: SinkConfig[];
  batch: BatchConfig;
}

export interface SourceConfig extends SourceSettings {
  /** Every stream of the connector, where the file names none. */
  streams: StreamName[];
  /** Ids of parents to read besides those that lists name, by the stream of their children. */
  parents: Partial<Record<string, string[]>>;
  /** Whether what the inventory says of a host completes the documents of other streams. */
  enrichHosts: boolean;
  /** Names of sinks; every sink, where the file names none. */
  sinks: string[];
  rate: { requestsPerSecond: number; concurrency: number };
  http: HttpConfig;
  retry: RetrySettings;
  reading: ReadingConfig;
}

export interface HttpConfig {
  timeoutMs: number;
  maxBodyBytes: number;
  caFile?: string;
  insecure: boolean;
  /** `environment`, `none`, or a URL, which may hold credentials. */
  proxy: string;
}

export interface ReadingConfig extends ReadingSettings {
  /** How far back the first run reads. */
  lookbackMs: number;
  pollMs: number;
  /** How far back each poll of the live edge reads. */
  liveRangeMs: number;
  sweeps: { rangeMs: number; everyMs: number }[];
  details: boolean;
  /** Delays between two fetches of an open record's detail; the last repeats. Never empty. */
  detailRefreshMs: number[];
  detailRefreshForMs: number;
  detailPatienceMs: number;
}

export interface BatchConfig {
  documents: number;
  bytes: number;
  waitMs: number;
}

export type SinkConfig = NdjsonConfig | ElasticsearchConfig | KafkaConfig;

export interface NdjsonConfig {
  name: string;
  type: 'ndjson';
  path: string;
  /** The number of the one that may read. */
  group?: number;
  compression: 'none' | 'gzip' | 'zstd';
  rotateBytes: number;
  rotateMs: number;
}

export interface ElasticsearchConfig {
  name: string;
  type: 'elasticsearch';
  nodes: string[] | { cloudId: string };
  /** `none`: an unprotected cluster. */
  auth: { kind: 'apiKey'; apiKey: Secret } | { kind: 'basic'; username: string; password: Secret } | { kind: 'none' };
  caFile?: string;
  insecure: boolean;
  /** gzip for request bodies. */
  compression: boolean;
  maxBulkBytes: number;
  maxBulkDocuments: number;
  concurrency: number;
  requestTimeoutMs: number;
  retryDeadlineMs: number;
}

export interface KafkaConfig {
  name: string;
  type: 'kafka';
  /** `host:port` */
  brokers: string[];
  /** With `{stream}` and `{source}`. */
  topic: string;
  key: 'event.id' | 'host.id';
  compression: 'none' | 'gzip' | 'zstd';
  transactions: boolean;
  transactionalIdPrefix: string;
  markerTopic: string;
  maxMessageBytes: number;
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: Secret };
  tls: boolean;
  caFile?: string;
  insecure: boolean;
  timeoutMs: number;
  retryDeadlineMs: number;
}

export interface ConvertOptions {
  /** The config file; relative paths start at its folder. */
  file: string;
  streamsOf(connector: string): StreamName[];
  /** What a secret's text in the file stands for. */
  secret(reference: string): Secret;
}

/** A path of the file as seen from where the process runs. */
export function resolvePath(file: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}

/** A name that this machine does not know was told before. */
function groupOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : groupNumber(text);
}

/** The file's values, already valid, as the engine reads them. */
export function toConfig(raw: RawConfig, options: ConvertOptions): Config {
  const sinkNames = raw.sinks.map(({ name }) => name);
  return {
    state: { path: resolvePath(options.file, raw.state.path), group: groupOf(raw.state.group) },
    log: raw.log,
    health: raw.health,
    sources: raw.sources.map((source) => toSource(source, sinkNames, options)),
    sinks: raw.sinks.map((sink) => toSink(sink, options)),
    batch: { documents: raw.batch.documents, bytes: raw.batch.bytes, waitMs: raw.batch.wait },
  };
}

function toSource(raw: RawSource, sinkNames: string[], options: ConvertOptions): SourceConfig {
  const { rate, http, retry, reading } = raw;
  return {
    name: raw.name,
    ...toTenant(raw),
    baseUrl: raw.base_url,
    consoleUrl: raw.console_url,
    applicationId: raw.application_id,
    applicationSecret: options.secret(secretOf(raw).reference),
    keepOriginal: raw.keep_original,
    parents: raw.parents,
    enrichHosts: raw.enrich_hosts,
    streams: (raw.streams as StreamName[] | undefined) ?? options.streamsOf(raw.connector),
    sinks: raw.sinks ?? sinkNames,
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

/** What only one connector's keys say. */
function toTenant(raw: RawSource): Pick<SourceSettings, 'connector' | 'region' | 'tenantId'> {
  const { connector } = raw;
  if (connector === 'cylance') return { connector, region: raw.region, tenantId: raw.tenant_id };
  return { connector, tenantId: raw.tenant_id ?? new URL(raw.base_url).host };
}

/** The key that holds what requests are signed with, and what the file says there. */
export function secretOf(raw: RawSource): { key: string; reference: string } {
  return raw.connector === 'cylance'
    ? { key: 'application_secret', reference: raw.application_secret }
    : { key: 'api_key', reference: raw.api_key };
}

function toSink(raw: RawSink, options: ConvertOptions): SinkConfig {
  if (raw.type === 'ndjson')
    return {
      name: raw.name,
      type: raw.type,
      path: resolvePath(options.file, raw.path),
      group: groupOf(raw.group),
      compression: raw.compression,
      rotateBytes: raw.rotate_size,
      rotateMs: raw.rotate_every,
    };
  return raw.type === 'kafka' ? toKafka(raw, options) : toElasticsearch(raw, options);
}

function toKafka(raw: RawSink & { type: 'kafka' }, options: ConvertOptions): KafkaConfig {
  return {
    name: raw.name,
    type: raw.type,
    brokers: raw.brokers,
    topic: raw.topic,
    key: raw.key,
    compression: raw.compression,
    transactions: raw.transactions,
    transactionalIdPrefix: raw.transactional_id_prefix,
    markerTopic: raw.marker_topic,
    maxMessageBytes: raw.max_message,
    sasl: raw.sasl && { ...raw.sasl, password: options.secret(raw.sasl.password) },
    tls: raw.tls,
    caFile: raw.ca_file === undefined ? undefined : resolvePath(options.file, raw.ca_file),
    insecure: raw.insecure,
    timeoutMs: raw.timeout,
    retryDeadlineMs: raw.retry_deadline,
  };
}

function toElasticsearch(raw: RawSink & { type: 'elasticsearch' }, options: ConvertOptions): ElasticsearchConfig {
  return {
    name: raw.name,
    type: raw.type,
    nodes: raw.cloud_id === undefined ? (raw.nodes ?? []) : { cloudId: raw.cloud_id },
    auth: toAuth(raw, options),
    caFile: raw.ca_file === undefined ? undefined : resolvePath(options.file, raw.ca_file),
    insecure: raw.insecure,
    compression: raw.compression === 'gzip',
    maxBulkBytes: raw.max_bulk,
    maxBulkDocuments: raw.max_bulk_documents,
    concurrency: raw.concurrency,
    requestTimeoutMs: raw.timeout,
    retryDeadlineMs: raw.retry_deadline,
  };
}

function toAuth(raw: RawSink & { type: 'elasticsearch' }, options: ConvertOptions): ElasticsearchConfig['auth'] {
  if (raw.api_key !== undefined) return { kind: 'apiKey', apiKey: options.secret(raw.api_key) };
  if (raw.username !== undefined && raw.password !== undefined)
    return { kind: 'basic', username: raw.username, password: options.secret(raw.password) };
  return { kind: 'none' };
}
