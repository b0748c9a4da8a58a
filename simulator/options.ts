import { type FaultPlan, readFaultPlan } from './fault-plan.ts';

/** What changes while the tenant is read, and how fast. All counts default to 0. */
export interface LivingOptions {
  /** New detections at the live edge. */
  arrivals?: number;
  /** New detections that occurred days ago. */
  lateArrivals?: number;
  /** Detections whose status moves on, in one step or two. */
  statusChanges?: number;
  /** Detections that go New, Done, New. */
  returns?: number;
  /** Detections whose comment changes, which only the detail shows. */
  commentChanges?: number;
  /** Detections that get a response later, which only the detail shows. */
  responseChanges?: number;
  /** Detections that are deleted after they were served. */
  deletions?: number;
  /** Detections that are deleted before they were served. */
  deletionsUnseen?: number;
  /** A state is kept at least this long after it was first served. */
  dwellMs?: number;
  /** One arrival (or unseen deletion) after so many requests … */
  everyRequests?: number;
  /** … and one after so many milliseconds, so that a quiet reader gets them too. */
  everyMs?: number;
  /**
   * A state also waits until `confirm(id, ordinal)` says that it was delivered. For readers that may be killed between
   * fetching a record and keeping it: being served is then not enough.
   */
  confirm?: boolean;
}

export interface SimulatorOptions {
  /** 0 takes any free port. */
  port?: number;
  httpsPort?: number;
  host?: string;
  seed: number;
  detections: number;
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
  /** ISO time of the newest detection; default: ten minutes ago, on the minute. */
  endTime?: string;
  spanDays?: number;
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
  startTime: number;
  endTime: number;
  startInclusive: boolean;
  endInclusive: boolean;
  maxPageSize: number;
  gzip: boolean;
}

const MINUTE = 60_000;
const DAY = 86_400_000;
const MAX_DETECTIONS = 100_000_000;

export const LIVING_DEFAULTS: Required<LivingOptions> = {
  arrivals: 0,
  lateArrivals: 0,
  statusChanges: 0,
  returns: 0,
  commentChanges: 0,
  responseChanges: 0,
  deletions: 0,
  deletionsUnseen: 0,
  dwellMs: 2000,
  everyRequests: 5,
  everyMs: 500,
  confirm: false,
};

function readEnd(text: string | undefined): number {
  const time = text === undefined ? Math.floor((Date.now() - 10 * MINUTE) / MINUTE) * MINUTE : Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`simulator: endTime is not an ISO time: ${text}`);
  return time;
}

function fillLiving(living: LivingOptions | undefined): Required<LivingOptions> | undefined {
  if (!living) return undefined;
  for (const [name, value] of Object.entries(living)) {
    if (!(name in LIVING_DEFAULTS))
      throw new Error(`simulator: unknown living option "${name}"; known: ${Object.keys(LIVING_DEFAULTS).join(', ')}`);
    if (typeof value === 'number' && !(value >= 0))
      throw new Error(`simulator: living option "${name}" must not be negative`);
  }
  return { ...LIVING_DEFAULTS, ...living };
}

export function fillOptions(options: SimulatorOptions): Settings {
  const { detections, seed } = options;
  if (!Number.isInteger(detections) || detections < 0 || detections > MAX_DETECTIONS) {
    throw new Error(`simulator: detections must be a whole number from 0 to ${MAX_DETECTIONS}, not ${detections}`);
  }
  if (!Number.isSafeInteger(seed)) throw new Error(`simulator: seed must be a whole number, not ${seed}`);
  const endTime = readEnd(options.endTime);
  return {
    port: options.port ?? 0,
    httpsPort: options.httpsPort ?? 0,
    host: options.host ?? '127.0.0.1',
    seed,
    detections,
    tenantId: options.tenantId,
    applicationId: options.applicationId,
    applicationSecret: options.applicationSecret,
    scopes: options.scopes ?? ['opticsdetect:list', 'opticsdetect:read'],
    tokenSeconds: options.tokenSeconds ?? 1800,
    latencyMs: options.latencyMs ?? 0,
    tls: options.tls,
    living: fillLiving(options.living),
    faults: readFaultPlan(options.faults ?? []),
    plantSecrets: options.plantSecrets ?? false,
    startTime: endTime - (options.spanDays ?? 90) * DAY,
    endTime,
    startInclusive: options.startInclusive ?? true,
    endInclusive: options.endInclusive ?? false,
    maxPageSize: options.maxPageSize ?? 1000,
    gzip: options.gzip ?? false,
  };
}
