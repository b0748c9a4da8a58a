/** The config as the engine reads it. */
import type { RetrySettings, SourceSettings } from '../api/connector.ts';
import type { StreamName } from '../api/document.ts';
import type { ReadingSettings } from '../api/stream.ts';
import type { Coordination } from '../coordination/config.ts';
import type { SinkConfig } from '../sinks/registry.ts';
import type { OwnMappings } from './own/mapping.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Reads a secret; a `file:` reference anew at each call, so that a rotated secret needs no restart. */
export type Secret = () => string;

export interface Config {
  /** `group` is the number of the group that may read the state. */
  state: { path: string; group?: number };
  log: { level: LogLevel; format: 'auto' | 'pretty' | 'json' };
  /** Port 0 is off. `token` allows to pause and cancel; `hosts` are further names by which the page is called. */
  health: { port: number; host: string; token?: Secret; hosts: string[] };
  sources: SourceConfig[];
  sinks: SinkConfig[];
  batch: BatchConfig;
  rejections: RejectionSettings;
  raw: { keep: boolean; forMs: number };
  /** Undefined where none is asked for. */
  heartbeat: { everyMs: number } | undefined;
  /** Undefined where this instance is the only one. */
  coordination?: Coordination;
}

export interface SourceConfig extends SourceSettings {
  /** Every stream of the connector, where the file names none. */
  streams: StreamName[];
  /** Ids of parents to read besides those that lists name, by the stream of their children. */
  parents: Partial<Record<string, string[]>>;
  /** What is made of the documents of a stream after Sluice's own mapping. */
  mapping: OwnMappings;
  /** How soon the sink should have what the vendor has; undefined: three polls. */
  objectiveMs?: number;
  /** How long each stream may be without a new document, as far as somebody said so; 0: for ever. */
  expectWithinMs: Partial<Record<string, number>>;
  /** Whether documents of other streams are completed by what the inventory says of their host. */
  enrichHosts: boolean;
  /** Names of sinks; every sink, where the file names none. */
  sinks: string[];
  rate: { requestsPerSecond: number; concurrency: number };
  /** The most alerts in an hour, for each sink; undefined where there is no limit. */
  maxAlertsPerHour: number | undefined;
  http: HttpConfig;
  retry: RetrySettings;
  reading: ReadingConfig;
}

interface HttpConfig {
  timeoutMs: number;
  maxBodyBytes: number;
  caFile?: string;
  insecure: boolean;
  /** `environment`, `none`, or a URL, which may hold credentials. */
  proxy: string;
}

interface ReadingConfig extends ReadingSettings {
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

/** Bounds of the store of rejected documents, for each pipeline. */
export interface RejectionSettings {
  maxDocuments: number;
  maxBytes: number;
  /** The share of rejections, in percent, above which a pipeline stops; undefined where none does. */
  stopAbove: number | undefined;
}

interface BatchConfig {
  documents: number;
  bytes: number;
  waitMs: number;
}
