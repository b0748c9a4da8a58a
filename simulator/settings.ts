import type { FaultPlan } from './fault-plan.ts';
import type { LivingOptions } from './living-options.ts';

/** Trend Micro Apex Central beside the Cylance tenant. */
export interface ApexOptions {
  /** Default: `simulated-apex-application`. */
  applicationId?: string;
  /** Default: `simulated-apex-key`. */
  apiKey?: string;
  /** How many scan summaries there are; each has one to three endpoints. Default 0. */
  footprints?: number;
  /** The tasks of so many endpoints, the first ones, never end. */
  endless?: number;
  /** Every so many-th good request fails with HTTP 200, in each of the envelopes in turn. */
  failEvery?: number;
  /** The first task of every so many-th endpoint has an entry with another status than 0. */
  statusEvery?: number;
}

export interface SimulatorOptions {
  /** 0 takes any free port. */
  port?: number;
  httpsPort?: number;
  host?: string;
  seed: number;
  detections: number;
  /** How many InstaQueries there are, beside the growing ones of `living` and the giant one. Default 0. */
  instaQueries?: number;
  /** About how many results a query has; some have none. Default 40. */
  resultsPerQuery?: number;
  /** Above 0: one more query, finished, whose results reply has exactly so many results of 1 KB each. */
  giantResults?: number;
  /** Is `Result` in the giant reply JSON in a string (default without `oddForms`), or an object? */
  giantResultForm?: 'object' | 'string';
  /** How many retrieved files there are. Default 0. */
  retrievedFiles?: number;
  /**
   * Public clients read the usual envelope (default without `oddForms`); the guide shows a bare array, although the call
   * takes page parameters.
   */
  retrievedFilesShape?: 'array' | 'envelope';
  /** Does the bare array honour `page` and `page_size` (default), or is it always the whole list? */
  bareArrayPaged?: boolean;
  /** How many there are of the other resources, by name (`packages`, `devices` …). Default 0. */
  items?: Readonly<Record<string, number>>;
  /** Trend Micro Apex Central beside the Cylance tenant. Default: without a scan summary. */
  apex?: ApexOptions;
  tenantId: string;
  applicationId: string;
  applicationSecret: string;
  /** The scopes the application was granted. */
  scopes?: string[];
  /** How long an access token lives. */
  tokenSeconds?: number;
  latencyMs?: number;
  /** Serves HTTPS beside HTTP. */
  tls?: { cert: string | Buffer; key: string | Buffer };
  living?: LivingOptions;
  faults?: FaultPlan;
  plantSecrets?: boolean;
  /**
   * Serves beside the forms that public clients read all others that have been seen, in turn: the guide's samples with
   * their placeholders, other spellings of members, `Result` as an object, a `DetectionRule` that is null, file
   * retrievals as a bare array. Default: one form of each, the one that public clients read.
   */
  oddForms?: boolean;
  /** ISO time of the newest detection; default: ten minutes ago, on the minute. */
  endTime?: string;
  spanDays?: number;
  /** So many more detections of one instant, in an order that changes with every request. Default 0. */
  ties?: number;
  /** Which time `start` and `end` of the list filter by: the guide does not say. Default: `occurrence`. */
  filterBy?: 'occurrence' | 'received';
  /** Is a detection at exactly `start` (or `end`) inside the range? The guide does not say, so both are possible. */
  startInclusive?: boolean;
  endInclusive?: boolean;
  /** Larger page sizes are lowered to this, and the reply says so. */
  maxPageSize?: number;
  /** Compress replies for clients that accept it. Off by default: it would dominate the CPU of a benchmark. */
  gzip?: boolean;
}

/** The options with every default filled in. */
export interface Settings extends Required<Omit<SimulatorOptions, 'tls' | 'living' | 'endTime' | 'spanDays'>> {
  tls?: SimulatorOptions['tls'];
  living?: Required<LivingOptions>;
  /** Times of the oldest and newest generated detection. */
  startTime: number;
  endTime: number;
}
