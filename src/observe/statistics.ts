/** The counts and the condition of each running pipeline: for progress, summaries, metrics and health. */

import type { Registered } from '../api/stream.ts';
import { attempt } from '../engine/change/compare.ts';
import { pauseText } from '../engine/jobs/pauses.ts';
import type { PipelineEvents } from '../engine/pipeline.ts';
import type { Blocked } from '../engine/rejection-limits.ts';
import { SAY_AFTER_MS } from '../net/refusals.ts';
import type { Pause } from '../state/jobs/parts.ts';
import type { LedgerRow } from '../state/store.ts';

interface Failing {
  sinceMs: number;
  reason: string;
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
  events: PipelineEvents;
}

/** Whether the sink takes no documents, or has not answered for too long. */
export function isSinkFailing({ asking, sinkFailing }: Statistics, livedMs: number): boolean {
  return sinkFailing !== undefined || [...asking.values()].some((sinceMs) => livedMs - sinceMs > SAY_AFTER_MS);
}

/** The walk or sink that has been failing for longest, if for longer than so many milliseconds. */
export function failingFor(
  { failing, asking, sinkFailing }: Statistics,
  livedMs: number,
  longerMs = SAY_AFTER_MS,
): string | undefined {
  const sinks = [...asking.values()].map((sinceMs) => ({ sinceMs, reason: 'it has not answered yet' }));
  if (sinkFailing !== undefined) sinks.unshift(sinkFailing);
  const troubles = [
    ...sinks.map((trouble) => ({ who: 'the sink', ...trouble })),
    ...[...failing].map(([who, trouble]) => ({ who, ...trouble })),
  ];
  const [longest] = troubles.sort((one, other) => one.sinceMs - other.sinceMs);
  if (longest === undefined || livedMs - longest.sinceMs <= longerMs) return undefined;
  return `${longest.who} cannot go on for ${Math.round((livedMs - longest.sinceMs) / 60_000)} min: ${longest.reason}`;
}

/** Durations are measured by `lived`, which leaves out the time in which the process did not run. */
export function createStatistics(name: string, now: () => number, lived: () => number = now): Statistics {
  const counts = { seen: 0, delivered: 0, rejected: 0, windows: 0, unchangedWindows: 0, unsettled: 0, owed: 0 };
  const signs = {
    lastSignMs: lived(),
    sinkFailing: undefined,
    gaps: { count: 0, sinceMs: undefined },
    settledMs: undefined,
    lastSuccessMs: undefined,
    waiting: undefined,
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
  };
  const statistics = { name, ...counts, ...signs, ...maps } as Statistics;
  statistics.events = eventsOf(statistics, now, lived);
  return statistics;
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
  return {
    seen(_walk, records) {
      statistics.seen += records;
      progress();
    },
    delivered(_walk, documents, rejected) {
      statistics.delivered += documents;
      statistics.rejected += rejected;
      progress();
    },
    window(row) {
      statistics.windows++;
      if (row.documents + row.rejected === 0) statistics.unchangedWindows++;
      if (!row.settled) statistics.unsettled++;
      noteSettled(statistics, row, now());
      progress();
    },
    child({ child, failures }) {
      if (failures > 0) statistics.unread.add(child);
      else statistics.unread.delete(child);
    },
    walkFailed(walk, reason) {
      const sinceMs = statistics.failing.get(walk.id)?.sinceMs ?? lived();
      statistics.failing.set(walk.id, { sinceMs, reason });
    },
    walked(walk) {
      statistics.failing.delete(walk.id);
      statistics.reached.delete(walk.id);
      statistics.lastSuccessMs = now();
      progress();
    },
    refused(walk, reason) {
      statistics.refused.set(walk.id, reason);
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
      if (ms !== undefined) statistics.reached.set(walk.id, Math.max(ms, statistics.reached.get(walk.id) ?? 0));
    }
  };
  return { ...registered, stream: { ...stream, pages } };
}
