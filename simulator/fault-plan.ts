/**
 * The fault plan: a list of rules, each saying what goes wrong, where and when. It is read strictly, because a rule
 * that is silently ignored makes a test that proves nothing.
 */

/** When a fault is decided: before anything else, when a token is made, on a list's shape, on a body, or always. */
export type Stage = 'request' | 'token' | 'list' | 'body' | 'standing';

interface Kind {
  stage: Stage;
  members: readonly string[];
}

const KINDS = {
  /** 429. `retryAfter`: "seconds", "date" or "none"; `seconds`: how long (default 1). */
  'rate-limit': { stage: 'request', members: ['retryAfter', 'seconds'] },
  /** `status`: 500, 502, 503, 504 … or a list to take turns (default [500, 502, 503, 504]). */
  'server-error': { stage: 'request', members: ['status'] },
  /** The request is never answered. */
  hang: { stage: 'request', members: [] },
  /** The connection is closed before any reply. */
  reset: { stage: 'request', members: [] },
  /** The access token is refused after `afterUses` uses or `afterMs` milliseconds, whatever its `exp` says. */
  'token-expires-early': { stage: 'token', members: ['afterUses', 'afterMs'] },
  /** The total is off by up to `by` (default 1). */
  'moving-totals': { stage: 'list', members: ['by'] },
  'missing-items': { stage: 'list', members: [] },
  'wrong-page-number': { stage: 'list', members: [] },
  'empty-items': { stage: 'list', members: [] },
  /** The list is empty, as while the vendor rebuilds its index. */
  'empty-index': { stage: 'list', members: [] },
  /** The last item of the page before is repeated in place of this page's first. */
  'duplicate-items': { stage: 'list', members: [] },
  /** The body trickles over `overMs` (default 1000). */
  slow: { stage: 'body', members: ['overMs'] },
  /** The reply promises the whole body, but the connection is reset after a part. `at`: which part, 0 to 1 (default: half of it). */
  'reset-body': { stage: 'body', members: ['at'] },
  /** A part of the JSON, with a Content-Length that fits the part. `at` as above. The giant reply is cut anywhere. */
  'truncated-json': { stage: 'body', members: ['at'] },
  'malformed-json': { stage: 'body', members: [] },
  /** A proxy's HTML page with status 200. */
  'html-page': { stage: 'body', members: [] },
  /** A seeded `fraction` of the details answers `status` (default 500) for ever. */
  'detail-fails': { stage: 'standing', members: ['fraction', 'status'] },
  /** Pages of the detection list (or of another `endpoint`) that reach `beyond` this many items answer 500, always or with `probability`. */
  'deep-pages-fail': { stage: 'standing', members: ['beyond', 'status'] },
  /** The vendor's clock is `seconds` ahead (or behind): affects the header Date, and the checks of tokens. */
  'clock-skew': { stage: 'standing', members: ['seconds'] },
} as const satisfies Record<string, Kind>;

export type FaultName = keyof typeof KINDS;
export const FAULT_NAMES = Object.keys(KINDS) as FaultName[];

export interface FaultRule {
  fault: FaultName;
  /** `any`, or the name of an endpoint. Default: any. Faults that only make sense for one endpoint take that one. */
  endpoint?: string;
  /** Fires on every n-th request that the rule looks at; */
  every?: number;
  /** or with this probability, drawn from the seed; */
  probability?: number;
  /** or on these requests, counted from 1; without any of the three: on each. */
  requests?: number[];
  /** Fires at most so often. */
  times?: number;
  /** Fires only from so many milliseconds after the start on, and only until `untilMs`. */
  fromMs?: number;
  untilMs?: number;
  retryAfter?: 'seconds' | 'date' | 'none';
  seconds?: number;
  status?: number | number[];
  overMs?: number;
  afterUses?: number;
  afterMs?: number;
  by?: number;
  fraction?: number;
  beyond?: number;
  at?: number;
}

export type FaultPlan = FaultRule[];

const COMMON = ['fault', 'endpoint', 'every', 'probability', 'requests', 'times', 'fromMs', 'untilMs'];
const REQUIRED: Partial<Record<FaultName, readonly string[]>> = {
  'detail-fails': ['fraction'],
  'deep-pages-fail': ['beyond'],
  'clock-skew': ['seconds'],
};

export function stageOf(rule: FaultRule): Stage {
  return KINDS[rule.fault].stage;
}

/** The checks of single members, each with its words for the message. */
const CHECKS: Record<string, [is: (value: unknown) => boolean, must: string]> = {
  every: [(value) => Number.isInteger(value) && Number(value) > 0, 'be a whole number above zero'],
  probability: [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'be a number from 0 to 1'],
  fraction: [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'be a number from 0 to 1'],
  at: [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'be a number from 0 to 1'],
  requests: [
    (value) => Array.isArray(value) && value.every((item) => Number.isInteger(item) && item > 0),
    'be a list of whole numbers above zero',
  ],
  times: [(value) => Number.isInteger(value) && Number(value) > 0, 'be a whole number above zero'],
  retryAfter: [(value) => ['seconds', 'date', 'none'].includes(value as string), 'be "seconds", "date" or "none"'],
  status: [
    (value) => [value].flat().every((item) => Number.isInteger(item) && Number(item) >= 400 && Number(item) < 600),
    'be a status from 400 to 599, or a list of them',
  ],
};
const NUMBER: (typeof CHECKS)[string] = [(value) => typeof value === 'number' && Number.isFinite(value), 'be a number'];

function ruleProblem(rule: unknown, endpoints: readonly string[]): string | undefined {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return 'must be an object';
  const name = (rule as Partial<FaultRule>).fault;
  if (!name || !Object.hasOwn(KINDS, name)) return `has an unknown fault "${name}"; known: ${FAULT_NAMES.join(', ')}`;
  const checks: typeof CHECKS = {
    ...CHECKS,
    endpoint: [(value) => endpoints.includes(value as string), `be one of ${endpoints.join(', ')}`],
  };
  const allowed: string[] = [...COMMON, ...KINDS[name].members];
  for (const [member, value] of Object.entries(rule)) {
    if (!allowed.includes(member)) return `(${name}) has an unknown member "${member}"; known: ${allowed.join(', ')}`;
    const [is, must] = checks[member] ?? NUMBER;
    if (member !== 'fault' && !is(value)) return `(${name}): "${member}" must ${must}`;
  }
  const missing = REQUIRED[name]?.find((member) => !(member in rule));
  return missing ? `(${name}) needs "${missing}"` : undefined;
}

/**
 * Checks a plan, as given in-process or read from a file; `endpoints` are what its rules may name. Throws one message that
 * names the rule and the member.
 */
export function readFaultPlan(plan: unknown, endpoints: readonly string[]): FaultPlan {
  if (!Array.isArray(plan)) throw new Error('fault plan: must be a list of rules');
  plan.forEach((rule, index) => {
    const problem = ruleProblem(rule, endpoints);
    if (problem) throw new Error(`fault plan: rule ${index + 1} ${problem}`);
  });
  return plan as FaultPlan;
}
