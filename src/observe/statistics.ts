/** What is known about each pipeline while it runs: for progress, summaries, metrics and health. */

import type { Registered } from '../api/stream.ts';
import type { PipelineEvents } from '../engine/pipeline.ts';
import { SAY_AFTER_MS } from '../net/refusals.ts';

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
  /** Windows that held nothing new. */
  unchangedWindows: number;
  unsettled: number;
  /** Records that wait for their detail now. */
  owed: number;
  /** How many gaps there are now, and since when the oldest is one (epoch milliseconds). */
  gaps: { count: number; sinceMs: number | undefined };
  /** When a walk came to its end last. */
  lastSuccessMs: number | undefined;
  /** When it last did, or said, anything at all; lived time. */
  lastSignMs: number;
  /** Per walk that cannot go on: since when (lived time), and why. */
  failing: Map<string, Failing>;
  /** The same of the sink. */
  sinkFailing: Failing | undefined;
  /** Per walk that waits for an answer of the sink: since when. */
  asking: Map<string, number>;
  /** What it waits for; undefined when it does not. */
  waiting: string | undefined;
  /** What a person should look at; undefined when there is nothing. */
  alarm: string | undefined;
  /** Why it stopped, when only a person can help. */
  stopped: { message: string; advice: string | undefined } | undefined;
  /** Children that could not be read when they were last tried. */
  unread: Set<string>;
  /** Per backfill that the vendor refused for good: why. */
  refused: Map<string, string>;
  /** Per walk: the newest time of a record that was read. */
  reached: Map<string, number>;
  events: PipelineEvents;
}

/** Whether the sink takes nothing, or has not answered for too long. */
export function isSinkFailing({ asking, sinkFailing }: Statistics, livedMs: number): boolean {
  return sinkFailing !== undefined || [...asking.values()].some((sinceMs) => livedMs - sinceMs > SAY_AFTER_MS);
}

/** The walk, or the sink, that has been failing for longest, if that is longer than so many milliseconds. */
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

/** `lived` is what durations are measured by: the time that the process did not run is nobody's failure. */
export function createStatistics(name: string, now: () => number, lived: () => number = now): Statistics {
  const counts = { seen: 0, delivered: 0, rejected: 0, windows: 0, unchangedWindows: 0, unsettled: 0, owed: 0 };
  const signs = {
    lastSignMs: lived(),
    sinkFailing: undefined,
    gaps: { count: 0, sinceMs: undefined },
    lastSuccessMs: undefined,
    waiting: undefined,
    alarm: undefined,
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
      if (row.delivered + row.rejected === 0) statistics.unchangedWindows++;
      if (!row.settled) statistics.unsettled++;
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

/** The stream, which notes how far its walks have read, where records come in ascending order of time. */
export function observed(registered: Registered, statistics: Statistics): Registered {
  const { stream } = registered;
  if (stream.mode !== 'windows') return registered;
  const pages: typeof stream.pages = async function* (context, walk, from) {
    for await (const page of stream.pages(context, walk, from)) {
      yield page; // resumed when the page was taken: what was read before it is on its way
      const ms = timeOf(stream, page.records.at(-1));
      if (ms !== undefined) statistics.reached.set(walk.id, Math.max(ms, statistics.reached.get(walk.id) ?? 0));
    }
  };
  return { ...registered, stream: { ...stream, pages } };
}

function timeOf(stream: Registered['stream'], record: unknown): number | undefined {
  try {
    return record === undefined ? undefined : stream.timeMs(record);
  } catch {
    return undefined;
  }
}
