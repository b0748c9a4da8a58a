import type { ApexOptions } from './apex-central/index.ts';
import { EXTRAS } from './extras/index.ts';
import { type FaultPlan, readFaultPlan } from './fault-plan.ts';
import { THING_ROUTES } from './listed/answers.ts';
import { THINGS } from './listed/index.ts';
import { fillLiving, type LivingOptions } from './living-options.ts';

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
  /** How many there are of each kind of thing, by its name (`packages`, `devices` …). Default 0. */
  things?: Readonly<Record<string, number>>;
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
export interface Settings {
  port: number;
  httpsPort: number;
  host: string;
  seed: number;
  detections: number;
  instaQueries: number;
  resultsPerQuery: number;
  giantResults: number;
  giantResultForm: 'object' | 'string';
  retrievedFiles: number;
  retrievedFilesShape: 'array' | 'envelope';
  bareArrayPaged: boolean;
  things: Readonly<Record<string, number>>;
  apex: ApexOptions;
  tenantId: string;
  applicationId: string;
  applicationSecret: string;
  scopes: string[];
  tokenSeconds: number;
  latencyMs: number;
  tls?: { cert: string | Buffer; key: string | Buffer };
  living?: Required<LivingOptions>;
  faults: FaultPlan;
  plantSecrets: boolean;
  oddForms: boolean;
  startTime: number;
  endTime: number;
  ties: number;
  filterBy: 'occurrence' | 'received';
  startInclusive: boolean;
  endInclusive: boolean;
  maxPageSize: number;
  gzip: boolean;
}

const MINUTE = 60_000;
const DAY = 86_400_000;
const MAX_DETECTIONS = 100_000_000;
const SCOPES = [
  'opticsdetect:list',
  'opticsdetect:read',
  'opticssurvey:list',
  'opticssurvey:read',
  'opticscommand:read',
  ...THING_ROUTES.map(({ scope }) => scope),
  ...EXTRAS.map(({ scope }) => scope),
];

function readEnd(text: string | undefined): number {
  const time = text === undefined ? Math.floor((Date.now() - 10 * MINUTE) / MINUTE) * MINUTE : Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`simulator: endTime is not an ISO time: ${text}`);
  return time;
}

function whole(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new Error(`simulator: ${name} must be a whole number from 0 to ${most}, not ${value}`);
}

function thingsOf(counts: Readonly<Record<string, number>>): Record<string, number> {
  for (const [name, count] of Object.entries(counts)) {
    const known = THINGS.map((thing) => thing.name);
    if (!known.includes(name)) throw new Error(`simulator: no things are called "${name}"; known: ${known.join(', ')}`);
    whole(name, count, 100_000);
  }
  return { ...counts };
}

export function fillOptions(options: SimulatorOptions): Settings {
  const { seed } = options;
  const detections = whole('detections', options.detections, MAX_DETECTIONS);
  if (!Number.isSafeInteger(seed)) throw new Error(`simulator: seed must be a whole number, not ${seed}`);
  const endTime = readEnd(options.endTime);
  const oddForms = options.oddForms ?? false;
  return {
    port: options.port ?? 0,
    httpsPort: options.httpsPort ?? 0,
    host: options.host ?? '127.0.0.1',
    seed,
    detections,
    instaQueries: whole('instaQueries', options.instaQueries ?? 0, 1_000_000),
    resultsPerQuery: whole('resultsPerQuery', options.resultsPerQuery ?? 40, 1_000_000),
    giantResults: whole('giantResults', options.giantResults ?? 0, 99_999_999),
    giantResultForm: options.giantResultForm ?? (oddForms ? 'object' : 'string'),
    retrievedFiles: whole('retrievedFiles', options.retrievedFiles ?? 0, 1_000_000),
    retrievedFilesShape: options.retrievedFilesShape ?? (oddForms ? 'array' : 'envelope'),
    bareArrayPaged: options.bareArrayPaged ?? true,
    things: thingsOf(options.things ?? {}),
    apex: { ...options.apex, footprints: whole('apex.footprints', options.apex?.footprints ?? 0, 10_000) },
    tenantId: options.tenantId,
    applicationId: options.applicationId,
    applicationSecret: options.applicationSecret,
    scopes: options.scopes ?? SCOPES,
    tokenSeconds: options.tokenSeconds ?? 1800,
    latencyMs: options.latencyMs ?? 0,
    tls: options.tls,
    living: fillLiving(options.living),
    faults: readFaultPlan(options.faults ?? []),
    plantSecrets: options.plantSecrets ?? false,
    oddForms,
    ties: whole('ties', options.ties ?? 0, 1_000_000),
    filterBy: options.filterBy ?? 'occurrence',
    startTime: endTime - (options.spanDays ?? 90) * DAY,
    endTime,
    startInclusive: options.startInclusive ?? true,
    endInclusive: options.endInclusive ?? false,
    maxPageSize: options.maxPageSize ?? 1000,
    gzip: options.gzip ?? false,
  };
}
