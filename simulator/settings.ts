import type { FaultPlan } from './fault-plan.ts';
import type { LivingOptions } from './living-options.ts';

/** Trend Micro Apex Central beside the Cylance tenant. */
export interface ApexOptions {
  /** Default: `simulated-apex-application`. */
  applicationId?: string;
  /** Default: `simulated-apex-key`. */
  apiKey?: string;
  /** The number of scan summaries; each has one to three endpoints. Default 0. */
  footprints?: number;
  /** The number of endpoints, counted from the first, whose tasks never end. */
  endless?: number;
  /** Each n-th good request fails with HTTP 200, in each of the envelopes in turn. */
  failEvery?: number;
  /** The first task of each n-th endpoint has an entry with another status than 0. */
  statusEvery?: number;
}

export type ValidatorKind = 'etag' | 'weak-etag' | 'last-modified';

export interface SimulatorOptions {
  /** 0 takes any free port. */
  port?: number;
  httpsPort?: number;
  host?: string;
  seed: number;
  detections: number;
  /** The number of InstaQueries beside the growing ones of `living` and the giant one. Default 0. */
  instaQueries?: number;
  /** The average number of results of a query; some have none. Default 40. */
  resultsPerQuery?: number;
  /** Above 0: one more query, finished, whose results reply has exactly so many results of 1 KB each. */
  giantResults?: number;
  /** Is `Result` in the giant reply JSON in a string (default without `oddForms`), or an object? */
  giantResultForm?: 'object' | 'string';
  /** The number of retrieved files. Default 0. */
  retrievedFiles?: number;
  /**
   * Public clients read the usual envelope (default without `oddForms`); the guide shows a bare array, although the call
   * takes page parameters.
   */
  retrievedFilesShape?: 'array' | 'envelope';
  /** Does the bare array honour `page` and `page_size` (default), or is it always the whole list? */
  bareArrayPaged?: boolean;
  /** The number of items of each other resource, by its name (`packages`, `devices` …). Default 0. */
  items?: Readonly<Record<string, number>>;
  /** Trend Micro Apex Central beside the Cylance tenant. Default: without a scan summary. */
  apex?: ApexOptions;
  tenantId: string;
  applicationId: string;
  applicationSecret: string;
  /** The scopes the application was granted. */
  scopes?: string[];
  /** The lifetime of an access token. */
  tokenSeconds?: number;
  latencyMs?: number;
  /** Serves HTTPS beside HTTP. */
  tls?: { cert: string | Buffer; key: string | Buffer };
  living?: LivingOptions;
  faults?: FaultPlan;
  plantSecrets?: boolean;
  /**
   * Serves not only the forms that public clients read, but in turn all others that have been seen: the guide's samples with
   * their placeholders, other spellings of members, `Result` as an object, a `DetectionRule` that is null, file retrievals
   * as a bare array. Default: only the forms that public clients read.
   */
  oddForms?: boolean;
  /** ISO time of the newest detection; default: ten minutes ago, on the minute. */
  endTime?: string;
  spanDays?: number;
  /** The number of further detections with one and the same time, in an order that changes with every request. Default 0. */
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
  /** Replies say how they can be asked for only if they have changed, and 304 where they have not. Default: they do not. */
  validators?: ValidatorKind;
}

/** The options with every default filled in. */
export interface Settings
  extends Required<Omit<SimulatorOptions, 'tls' | 'living' | 'endTime' | 'spanDays' | 'validators'>> {
  validators: SimulatorOptions['validators'];
  tls?: SimulatorOptions['tls'];
  living?: Required<LivingOptions>;
  /** Times of the oldest and newest generated detection. */
  startTime: number;
  endTime: number;
}
