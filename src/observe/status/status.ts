/** Makes the status of a running Sluice from what it counts and notes: once for everybody who asks. */
import type { Config } from '../../engine/settings.ts';
import type { Traffic } from '../../net/traffic.ts';
import type { SinkTraffic } from '../../sinks/traffic.ts';
import { countOf } from '../../system/histogram.ts';
import { type Clocks, factsOf, type Judged, rejectionsOf, type Watched } from './facts.ts';
import { iso, type JobStatus, type SinkStatus, type SourceStatus, type Status } from './model.ts';
import { judge, type StateWord, worstOf } from './rules.ts';
import { streamStatus } from './stream.ts';

/** What the status is made of; each is asked anew, since a reload may change it. */
export interface StatusParts {
  config(): Config;
  watched(): readonly Watched[];
  sinkTraffic(): ReadonlyMap<string, SinkTraffic>;
  clocks(): Clocks;
  startedMs: number;
  version: string;
  /** Says how the clock is wrong. */
  clockTrouble(): string | undefined;
  jobs(): JobStatus[];
  /** Whether the templates of a sink are those of this version; undefined where nobody could tell. */
  templatesCurrent?(sink: string): boolean | undefined;
}

export interface StatusModel {
  parts: StatusParts;
  /** What health and the log need: cheap, made anew at each call. */
  judged(): Judged[];
  /** Everything, as it is now. */
  made(): Status;
  /** The same, made at most once a second. */
  status(): Status;
}

const LEAST_MS = 1000;

export function createStatus(parts: StatusParts): StatusModel {
  const since = new Map<string, { state: StateWord; sinceMs: number }>();
  let last: { status: Status; livedMs: number } | undefined;
  const judged = (clocks = parts.clocks()): Judged[] =>
    parts.watched().map((watched) => {
      const verdict = judge(factsOf(parts.config(), watched, clocks, parts.clockTrouble()));
      const { name } = watched.statistics;
      const before = since.get(name);
      const same = before?.state === verdict.state ? before : { state: verdict.state, sinceMs: clocks.nowMs };
      since.set(name, same);
      return { watched, verdict, sinceMs: same.sinceMs };
    });
  const made = (): Status => {
    const clocks = parts.clocks();
    return statusOf(parts, judged(clocks), clocks);
  };
  return {
    parts,
    judged: () => judged(),
    made,
    status() {
      const { livedMs } = parts.clocks();
      if (last === undefined || livedMs - last.livedMs >= LEAST_MS) last = { status: made(), livedMs };
      return last.status;
    },
  };
}

function statusOf(parts: StatusParts, judged: readonly Judged[], clocks: Clocks): Status {
  const { version, startedMs } = parts;
  const config = parts.config();
  return {
    version,
    state: worstOf(judged.map(({ verdict }) => verdict.state)),
    at: iso(clocks.nowMs),
    startedAt: iso(startedMs),
    isRunning: true,
    sources: config.sources.map((source) => sourceStatus(source, judged, config.coordination !== undefined)),
    sinks: config.sinks.map((sink) => sinkStatus(sink, judged, parts)),
    streams: judged.map((one) => streamStatus(one, factsOf(config, one.watched, clocks, parts.clockTrouble()), clocks)),
    jobs: parts.jobs(),
  };
}

function sourceStatus(
  { name: source, connector }: { name: string; connector: string },
  judged: readonly Judged[],
  isShared: boolean,
): SourceStatus {
  const ours = judged.filter(({ watched }) => watched.plan.source.name === source);
  const traffic = ours[0]?.watched.plan.traffic;
  return {
    ...{ source, connector, state: worstOf(ours.map(({ verdict }) => verdict.state)) },
    ...(isShared && { owned: ours.length > 0 }),
    requests: Object.fromEntries(traffic?.requests ?? []),
    throttled: traffic?.requests.get('429') ?? 0,
    budget: budgetOf(traffic),
  };
}

function budgetOf(traffic: Traffic | undefined): SourceStatus['budget'] {
  if (traffic === undefined)
    return { requestsPerSecond: 0, allowedPerSecond: 0, usedRatio: 0, waitedSeconds: 0, waitingSeconds: 0 };
  const { requestsPerSecond, waitedMs } = traffic;
  return {
    requestsPerSecond,
    allowedPerSecond: traffic.allowedPerSecond(),
    usedRatio: traffic.usedRatio(),
    waitedSeconds: waitedMs / 1000,
    waitingSeconds: traffic.longestWaitMs() / 1000,
  };
}

/** A sink's own state is about writes alone: a stream that is silent says nothing of it. */
function sinkStatus(
  { name, type }: { name: string; type: string },
  judged: readonly Judged[],
  parts: StatusParts,
): SinkStatus {
  const ours = judged.filter(({ watched }) => watched.plan.sinkName === name);
  const traffic = parts.sinkTraffic().get(name);
  const writes = traffic === undefined ? 0 : countOf(traffic.writes);
  const { lastMs, documents = 0, bytes = 0, retries = 0 } = traffic ?? {};
  const failing = ours.filter(({ watched }) => isSinkTrouble(watched));
  return {
    ...{ sink: name, type, writes, documents, bytes, retries },
    state: worstOf(failing.map(({ verdict }) => verdict.state)),
    lastSeconds: lastMs === undefined ? undefined : lastMs / 1000,
    meanSeconds: traffic === undefined || writes === 0 ? undefined : traffic.writes.sum / writes,
    rejectionsWaiting: ours.reduce((sum, { watched }) => sum + rejectionsOf(watched), 0),
    templatesCurrent: parts.templatesCurrent?.(name),
  };
}

function isSinkTrouble({ statistics: { sinkFailing, blocked, asking } }: Watched): boolean {
  return sinkFailing !== undefined || blocked !== undefined || asking.size > 0;
}
