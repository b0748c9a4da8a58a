/** The state of a pipeline and of each of its walks: one table for the page, the command line, the metrics, the log and health. */
import { plural, showDuration } from '../show.ts';
import type { Trouble } from './walks.ts';

/** The worst first. */
export const STATES = ['stopped', 'failing', 'silent', 'degraded', 'paused', 'healthy'] as const;
export type StateWord = (typeof STATES)[number];

/** A request, a walk or a write that does not succeed. */
export interface Failure extends Trouble {
  lastsMs: number;
  /** The other side is there, and asks for a slower pace. */
  isThrottle: boolean;
}

/** What the rules look at. Whatever is left out is well. */
export interface Facts {
  /** It has stopped, and only a person can help. */
  stopped?: Trouble;
  paused?: Trouble;
  /** It goes on by itself as soon as a person has mended it. */
  forPerson?: Trouble;
  failures: readonly Failure[];
  /** Neither progress nor a reason to wait for longer than that can take. */
  stuck?: Trouble;
  /** Requests succeed, and bring nothing new. */
  quiet?: { quietMs: number; expectedMs: number };
  /** What a person should look at although everything goes on. */
  alarm?: Trouble;
  /** How far behind the vendor, and how far it may be. */
  lag?: { lagMs: number; allowedMs: number };
  gaps?: { count: number; lastsMs: number };
  rejections?: number;
}

export interface Judgement extends Trouble {
  state: StateWord;
  /** A person has to mend it, or it has lasted so long that one should look. */
  isForPerson?: boolean;
}

const MINUTE_MS = 60_000;
/** What does not succeed for so long makes its walk degraded, then failing; then somebody should look, whoever restarts what. */
export const DEGRADED_AFTER_MS = MINUTE_MS;
export const FAILING_AFTER_MS = 2 * MINUTE_MS;
const THROTTLED_FAILING_AFTER_MS = 15 * MINUTE_MS;
const FOR_PERSON_AFTER_MS = 60 * MINUTE_MS;
/** A younger gap is likely to be closed by the next look. */
const GAP_AFTER_MS = 15 * MINUTE_MS;

interface Rule {
  state: StateWord;
  /** Undefined where the rule does not hold. */
  when(facts: Facts): (Trouble & { isForPerson?: boolean }) | undefined;
}

/** The first that holds says the state. */
const RULES: readonly Rule[] = [
  { state: 'stopped', when: ({ stopped }) => stopped && { ...stopped, isForPerson: true } },
  { state: 'paused', when: ({ paused }) => paused },
  { state: 'failing', when: ({ forPerson }) => forPerson && { ...forPerson, isForPerson: true } },
  { state: 'failing', when: ({ failures }) => longest(failures, failsAfterMs) },
  { state: 'failing', when: ({ stuck }) => stuck && { ...stuck, isForPerson: true } },
  { state: 'silent', when: ({ quiet }) => quiet && silence(quiet) },
  { state: 'degraded', when: ({ alarm }) => alarm },
  { state: 'degraded', when: ({ failures }) => longest(failures, () => DEGRADED_AFTER_MS) },
  { state: 'degraded', when: ({ lag }) => lag && late(lag) },
  { state: 'degraded', when: ({ gaps }) => gaps && missing(gaps) },
  { state: 'degraded', when: ({ rejections = 0 }) => (rejections > 0 ? rejected(rejections) : undefined) },
];

export function judge(facts: Facts): Judgement {
  for (const { state, when } of RULES) {
    const found = when(facts);
    if (found !== undefined) return { state, ...found };
  }
  return { state: 'healthy', reason: '' };
}

/** The worst of several states; healthy where there are none. */
export function worstOf(states: readonly StateWord[]): StateWord {
  return STATES.find((state) => states.includes(state)) ?? 'healthy';
}

function failsAfterMs({ isThrottle }: Failure): number {
  return isThrottle ? THROTTLED_FAILING_AFTER_MS : FAILING_AFTER_MS;
}

function longest(failures: readonly Failure[], afterMs: (failure: Failure) => number) {
  const lasting = failures.filter((failure) => failure.lastsMs >= afterMs(failure));
  const [first] = lasting.sort((one, other) => other.lastsMs - one.lastsMs);
  return first && { ...first, isForPerson: first.lastsMs >= FOR_PERSON_AFTER_MS };
}

function silence({ quietMs, expectedMs }: { quietMs: number; expectedMs: number }): Trouble | undefined {
  if (quietMs <= expectedMs) return undefined;
  return {
    reason: `nothing new for ${showDuration(quietMs)}, which is longer than expected (${showDuration(expectedMs)}); requests succeed`,
    advice:
      'Does the vendor have new records in its console? If so, look at scopes and at who sees what there; if not, the endpoints may not report. `expect_within` of the source says how long quiet is ordinary.',
    lastsMs: quietMs,
  };
}

function late({ lagMs, allowedMs }: { lagMs: number; allowedMs: number }): Trouble | undefined {
  if (lagMs <= allowedMs) return undefined;
  return {
    reason: `${showDuration(lagMs)} behind the vendor (at most ${showDuration(allowedMs)} is expected)`,
    advice: 'Raise `rate` of the source if its budget is used up; a backfill gives way to the live edge.',
    lastsMs: lagMs,
  };
}

function missing({ count, lastsMs }: { count: number; lastsMs: number }): Trouble | undefined {
  if (count === 0 || lastsMs < GAP_AFTER_MS) return undefined;
  return {
    reason: `${plural(count, 'gap')}: not everything is proven to be delivered`,
    advice: '`sluice gaps` says what; it is asked for again by itself.',
    lastsMs,
  };
}

function rejected(count: number): Trouble {
  return {
    reason: `${plural(count, 'document')} refused by the sink wait for a person`,
    advice: '`sluice rejections list` says why, and what to do.',
  };
}
