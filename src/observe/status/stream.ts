/** The status of one pipeline and of each of its walks. */
import { causeOf } from '../../sinks/causes.ts';
import { BALANCED, type Statistics } from '../statistics.ts';
import {
  type Clocks,
  expectedQuietMs,
  factsOfWalk,
  type Judged,
  lagOf,
  objectiveOf,
  rejectionsOf,
  type Watched,
} from './facts.ts';
import { iso, type LastError, type RejectedFor, type StreamStatus, type WaitingFor, type WalkStatus } from './model.ts';
import { type Facts, judge } from './rules.ts';
import type { WalkFacts } from './walks.ts';

const MOST_CAUSES = 5;
/** A request that takes longer is worth a word. */
const WAITS_AFTER_MS = 5000;

export function streamStatus({ watched, verdict, sinceMs }: Judged, facts: Facts, clocks: Clocks): StreamStatus {
  const { statistics, plan } = watched;
  const { nowMs, livedMs } = clocks;
  const { name, settledMs, newestMs, lastSuccessMs, lastDocumentMs, delivered, rejected, owed, gaps } = statistics;
  return {
    ...{ pipeline: name, source: plan.source.name, stream: plan.registered.stream.name, sink: plan.sinkName },
    state: verdict.state,
    reason: verdict.reason || undefined,
    advice: verdict.advice,
    since: iso(sinceMs),
    lagSeconds: seconds(lagOf(watched, nowMs)),
    objectiveSeconds: objectiveOf(plan) / 1000,
    settledUntil: isoOr(settledMs),
    newestRecord: isoOr(newestMs),
    lastSuccess: isoOr(lastSuccessMs),
    lastDocument: isoOr(lastDocumentMs),
    quietSeconds: seconds(statistics.quiet.quietMs()),
    expectWithinSeconds: seconds(expectedQuietMs(watched)),
    waiting: waitingOf(watched, facts, livedMs),
    error: lastErrorOf(facts),
    ...{ delivered, rejected, owed },
    ledger: { ...statistics.ledger, isBalanced: isBalanced(statistics) },
    gaps: { count: gaps.count, since: isoOr(gaps.sinceMs) },
    rejections: { waiting: rejectionsOf(watched), causes: causesOf(watched) },
    perMinute: statistics.minutes.counts(),
    days: watched.days(),
    walks: [...statistics.walks].map((walk) => walkStatus(watched, walk, facts, livedMs)),
  };
}

function walkStatus(watched: Watched, [id, walk]: [string, WalkFacts], whole: Facts, livedMs: number): WalkStatus {
  const facts = factsOfWalk(watched, [id, walk], livedMs, whole);
  const { state, reason, advice } = judge(facts);
  const { kind, isRunning, delivered } = walk;
  return {
    ...{ walk: id, kind, state, isRunning, delivered, advice },
    reason: reason || undefined,
    lastSuccess: isoOr(walk.lastSuccessMs),
    lastDocument: isoOr(walk.lastDocumentMs),
    newestRecord: isoOr(walk.newestMs),
    waiting: waitingOfWalk(watched, [id, walk], facts, livedMs),
  };
}

/** What a walk waits for: a person, the sink, the vendor, or its turn in the rate limit. */
export function waitingOfWalk(
  { statistics, plan }: Watched,
  [id, { requests }]: [string, WalkFacts],
  { paused, forPerson, failures }: Pick<Facts, 'paused' | 'forPerson' | 'failures'>,
  livedMs: number,
): WaitingFor | undefined {
  if (paused !== undefined) return { for: 'pause', why: paused.reason, seconds: (paused.lastsMs ?? 0) / 1000 };
  const asking = statistics.asking.get(id);
  if (asking !== undefined && livedMs - asking > WAITS_AFTER_MS)
    return { for: 'sink', why: 'the sink has not answered yet', seconds: (livedMs - asking) / 1000 };
  const held = forPerson ?? failures.find(({ lastsMs }) => lastsMs > WAITS_AFTER_MS);
  const waiting = [...requests].sort((one, other) => one.sinceMs - other.sinceMs)[0];
  if (held !== undefined)
    return {
      for: forPerson === undefined ? 'vendor' : 'person',
      why: held.reason,
      seconds: (held.lastsMs ?? 0) / 1000,
    };
  if (waiting === undefined || livedMs - waiting.sinceMs <= WAITS_AFTER_MS) return undefined;
  const waitsForTurn = plan.traffic.longestWaitMs() > WAITS_AFTER_MS;
  const why = waitsForTurn ? `its turn in the rate limit, to ask ${waiting.route}` : `an answer of ${waiting.route}`;
  return { for: waitsForTurn ? 'budget' : 'vendor', why, seconds: (livedMs - waiting.sinceMs) / 1000 };
}

function waitingOf(watched: Watched, facts: Facts, livedMs: number): WaitingFor | undefined {
  const { statistics } = watched;
  const { stopped, paused, forPerson } = facts;
  const person = stopped ?? forPerson;
  if (person !== undefined) return { for: 'person', why: person.reason, seconds: (person.lastsMs ?? 0) / 1000 };
  if (paused !== undefined) return { for: 'pause', why: paused.reason, seconds: (paused.lastsMs ?? 0) / 1000 };
  if (statistics.sinkFailing !== undefined) {
    const { reason, sinceMs } = statistics.sinkFailing;
    return { for: 'sink', why: reason, seconds: (livedMs - sinceMs) / 1000 };
  }
  const walks = [...statistics.walks].flatMap(
    (walk) => waitingOfWalk(watched, walk, factsOfWalk(watched, walk, livedMs, facts), livedMs) ?? [],
  );
  return walks.sort((one, other) => other.seconds - one.seconds)[0];
}

/** What is wrong at the moment, the longest first. */
function lastErrorOf({ stopped, forPerson, failures, alarm }: Facts): LastError | undefined {
  const longest = [...failures].sort((one, other) => other.lastsMs - one.lastsMs)[0];
  const trouble = stopped ?? forPerson ?? longest ?? alarm;
  return trouble && { message: trouble.reason, advice: trouble.advice };
}

export function isBalanced({ ledger }: Pick<Statistics, 'ledger'>): boolean {
  return ledger.distinct === BALANCED.reduce((sum, name) => sum + ledger[name], 0);
}

function causesOf(watched: Watched): RejectedFor[] {
  return watched
    .rejections()
    .slice(0, MOST_CAUSES)
    .map(({ type, field, documents, reason }) => {
      const { name, suggestion } = causeOf({ type, reason });
      return { cause: name, field, documents, reason, suggestion };
    });
}

function isoOr(ms: number | undefined): string | undefined {
  return ms === undefined || !Number.isFinite(ms) || Math.abs(ms) > 8.64e15 ? undefined : iso(ms);
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms) / 1000;
}
