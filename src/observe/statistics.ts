/** The counts and the condition of each running pipeline: for progress, summaries, metrics and health. */

import type { Registered } from '../api/stream.ts';
import { attempt } from '../engine/change/compare.ts';
import { pauseText } from '../engine/jobs/pauses.ts';
import type { PipelineEvents } from '../engine/pipeline.ts';
import type { Blocked } from '../engine/rejection-limits.ts';
import type { Pause } from '../state/jobs/parts.ts';
import type { LedgerRow } from '../state/store.ts';
import { createHistogram, type Histogram, observe } from '../system/histogram.ts';
import { learnQuiet, type Quiet } from './status/quiet.ts';
import { countMinutes, isOnce, type Minutes, newWalk, type WalkFacts } from './status/walks.ts';

interface Failing {
  sinceMs: number;
  reason: string;
  advice?: string;
}

export interface Statistics {
  name: string;
  seen: number;
  delivered: number;
  rejected: number;
  windows: number;
  /** The number of windows without a new record. */
  unchangedWindows: number;
  unsettled: number;
  /** The number of records that wait for their detail now. */
  owed: number;
  /** The number of gaps now, and when the oldest was found (epoch milliseconds). */
  gaps: { count: number; sinceMs: number | undefined };
  /** The end of the newest window, list or child that settled, epoch milliseconds. */
  settledMs: number | undefined;
  /** When a walk ended last. */
  lastSuccessMs: number | undefined;
  /** When the pipeline last made progress or said what it waits for; lived time. */
  lastSignMs: number;
  /** The walks that cannot go on: since when (lived time), and why. */
  failing: Map<string, Failing>;
  /** Since when, and why, the sink takes no documents. */
  sinkFailing: Failing | undefined;
  /** Since when each walk has waited for an answer of the sink. */
  asking: Map<string, number>;
  /** What the pipeline waits for; undefined when it does not wait. */
  waiting: string | undefined;
  /** Alerts that were shipped as events since the start, since there were too many. */
  alertsHeld: number;
  /** What a person has paused; undefined when it is read. */
  paused: Pause | undefined;
  /** What a person should look at, if anything. */
  alarm: string | undefined;
  /** Why it takes no further documents until a person decides about those that were rejected. */
  blocked: Blocked | undefined;
  /** Why the pipeline stopped, when only a person can help. */
  stopped: { message: string; advice: string | undefined } | undefined;
  /** Keys of children whose last reading failed. */
  unread: Set<string>;
  /** Backfills that the vendor refused for good, with the reason. */
  refused: Map<string, string>;
  /** The newest time of a record that each walk has read. */
  reached: Map<string, number>;
  /** Every walk that was begun, by its id; a backfill only until it is over. */
  walks: Map<string, WalkFacts>;
  /** The newest time of a record that was read, and when a document was delivered last: epoch milliseconds. */
  newestMs: number | undefined;
  lastDocumentMs: number | undefined;
  /** Seconds from when the vendor had a new record until the sink had it. */
  latency: Histogram;
  /** New records that took longer than the objective. */
  late: number;
  /** How soon that should be. */
  objectiveMs: number;
  /** Documents by the minute. */
  minutes: Minutes;
  /** The rows of the ledger since the start, added up. */
  ledger: Balance;
  quiet: Quiet;
  events: PipelineEvents;
}

/** What became of records, as in the ledger: `distinct` is the sum of those that follow, without `deleted` and `documents`. */
export type Balance = Record<(typeof BALANCED)[number] | 'distinct' | 'deleted' | 'documents', number>;

export const BALANCED = ['delivered', 'givenUp', 'unchanged', 'rejected', 'owed', 'dropped'] as const;

/** From a second to a day: an objective that is one of them is read off exactly. */
const LATENCY_SECONDS = [1, 5, 10, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];

/** Durations are measured by `lived`, which leaves out the time in which the process did not run. */
export function createStatistics(name: string, now: () => number, lived: () => number = now): Statistics {
  const counts = { seen: 0, delivered: 0, rejected: 0, windows: 0, unchangedWindows: 0, unsettled: 0, owed: 0 };
  const signs = {
    lastSignMs: lived(),
    sinkFailing: undefined,
    gaps: { count: 0, sinceMs: undefined },
    settledMs: undefined,
    lastSuccessMs: undefined,
    newestMs: undefined,
    lastDocumentMs: undefined,
    waiting: undefined,
    alertsHeld: 0,
    paused: undefined,
    alarm: undefined,
    blocked: undefined,
    stopped: undefined,
  };
  const failing = new Map<string, Failing>();
  const numbers = () => new Map<string, number>();
  const maps = {
    failing,
    asking: numbers(),
    unread: new Set<string>(),
    refused: new Map<string, string>(),
    reached: numbers(),
    walks: new Map<string, WalkFacts>(),
  };
  const latency = { latency: createHistogram(LATENCY_SECONDS), late: 0, objectiveMs: Number.POSITIVE_INFINITY };
  const history = { minutes: countMinutes(lived), ledger: emptyBalance(), quiet: learnQuiet() };
  const statistics = { name, ...counts, ...signs, ...maps, ...latency, ...history } as Statistics;
  statistics.events = eventsOf(statistics, now, lived);
  return statistics;
}

function emptyBalance(): Balance {
  const kept = { delivered: 0, givenUp: 0, unchanged: 0, rejected: 0, owed: 0, dropped: 0 };
  return { distinct: 0, ...kept, deleted: 0, documents: 0 };
}

/** Lists and children have no end of their own: they are settled as they were when they were read. */
export function noteSettled(statistics: Statistics, { settled, range }: LedgerRow, atMs: number): void {
  if (settled) statistics.settledMs = Math.max(statistics.settledMs ?? 0, Math.min(range.toMs, atMs));
}

function eventsOf(statistics: Statistics, now: () => number, lived: () => number): PipelineEvents {
  const progress = () => {
    statistics.lastSignMs = lived();
    statistics.waiting = undefined;
  };
  const walkOf = (id: string) => statistics.walks.get(id);
  return {
    began(walk) {
      const facts = statistics.walks.get(walk.id) ?? newWalk(walk.kind);
      facts.isRunning = true;
      statistics.walks.set(walk.id, facts);
    },
    ended(id) {
      const facts = walkOf(id);
      if (facts !== undefined) facts.isRunning = false;
    },
    requesting(id, route) {
      const requests = walkOf(id)?.requests;
      const mine = { route, sinceMs: lived() };
      requests?.add(mine);
      return () => void requests?.delete(mine);
    },
    seen(_walk, records) {
      statistics.seen += records;
      progress();
    },
    delivered(id, documents, rejected) {
      statistics.delivered += documents;
      statistics.rejected += rejected;
      if (documents > 0) {
        const facts = walkOf(id);
        statistics.minutes.add(documents);
        statistics.lastDocumentMs = now();
        if (facts !== undefined) facts.delivered += documents;
        if (facts !== undefined) facts.lastDocumentMs = statistics.lastDocumentMs;
      }
      progress();
    },
    acknowledged(_id, availableMs) {
      const nowMs = now();
      for (const ms of availableMs) {
        const tookMs = Math.max(0, nowMs - ms);
        observe(statistics.latency, tookMs / 1000);
        if (tookMs > statistics.objectiveMs) statistics.late++;
      }
    },
    window(row) {
      statistics.windows++;
      if (row.documents + row.rejected === 0) statistics.unchangedWindows++;
      if (!row.settled) statistics.unsettled++;
      noteSettled(statistics, row, now());
      for (const name of Object.keys(statistics.ledger) as (keyof Balance)[]) statistics.ledger[name] += row[name];
      if (walkOf(row.walk)?.kind !== 'backfill') statistics.quiet.read(now(), row.documents + row.dropped);
      progress();
    },
    child({ child, failures }) {
      if (failures > 0) statistics.unread.add(child);
      else statistics.unread.delete(child);
    },
    walkFailed(walk, reason, advice) {
      const sinceMs = statistics.failing.get(walk.id)?.sinceMs ?? lived();
      statistics.failing.set(walk.id, { sinceMs, reason, advice });
    },
    walked(walk) {
      statistics.failing.delete(walk.id);
      statistics.reached.delete(walk.id);
      statistics.lastSuccessMs = now();
      const facts = walkOf(walk.id);
      if (facts !== undefined) facts.lastSuccessMs = statistics.lastSuccessMs;
      if (isOnce(walk)) statistics.walks.delete(walk.id);
      else statistics.quiet.read(statistics.lastSuccessMs, 0);
      progress();
    },
    refused(walk, reason) {
      statistics.refused.set(walk.id, reason);
      statistics.failing.delete(walk.id);
      statistics.walks.delete(walk.id);
      progress();
    },
    owed(records) {
      statistics.owed = records;
    },
    gaps(gaps) {
      statistics.gaps = { count: gaps.length, sinceMs: gaps[0]?.sinceMs };
    },
    alarmed(text) {
      statistics.alarm = text;
    },
    blocked(why) {
      statistics.blocked = why;
    },
    held(alerts) {
      statistics.alertsHeld += alerts;
    },
    paused(pause) {
      if (pause === undefined && statistics.paused !== undefined) statistics.waiting = undefined;
      statistics.paused = pause;
      if (pause === undefined) return;
      statistics.lastSignMs = lived();
      statistics.waiting = pauseText(pause);
      statistics.failing.clear();
    },
    waiting(reason) {
      statistics.lastSignMs = lived();
      statistics.waiting = reason;
    },
    asking(walk) {
      statistics.asking.set(walk, lived());
    },
    answered(walk, { taken = false, failure }) {
      const sinceMs = statistics.sinkFailing?.sinceMs ?? statistics.asking.get(walk) ?? lived();
      statistics.asking.delete(walk);
      if (failure !== undefined) statistics.sinkFailing = { sinceMs, reason: failure };
      else if (taken) statistics.sinkFailing = undefined;
    },
  };
}

/** The stream, made to note the newest time that each of its walks has read. */
export function observed(registered: Registered, statistics: Statistics): Registered {
  const { stream } = registered;
  if (stream.mode !== 'windows') return registered;
  const pages: typeof stream.pages = async function* (context, walk, from) {
    for await (const page of stream.pages(context, walk, from)) {
      yield page; // resumed when the engine has taken the page
      const last = page.records.at(-1);
      const ms = last === undefined ? undefined : attempt(() => stream.timeMs(last));
      if (ms === undefined) continue;
      statistics.reached.set(walk.id, Math.max(ms, statistics.reached.get(walk.id) ?? 0));
      statistics.newestMs = Math.max(ms, statistics.newestMs ?? 0);
      const facts = statistics.walks.get(walk.id);
      if (facts !== undefined) facts.newestMs = Math.max(ms, facts.newestMs ?? 0);
    }
  };
  return { ...registered, stream: { ...stream, pages } };
}
