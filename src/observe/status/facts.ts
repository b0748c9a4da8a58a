/** What the rules look at, gathered from a running pipeline. */
import type { RefusalTrouble } from '../../api/connector.ts';
import type { PipelinePlan } from '../../engine/build.ts';
import { pauseText } from '../../engine/jobs/pauses.ts';
import type { Config, SourceConfig } from '../../engine/settings.ts';
import { sinkTypeOf } from '../../sinks/registry.ts';
import type { RejectionGroup } from '../../state/store.ts';
import { showDuration } from '../show.ts';
import type { Statistics } from '../statistics.ts';
import type { DayRead } from './model.ts';
import { DEGRADED_AFTER_MS, type Facts, type Failure, type Judgement } from './rules.ts';
import type { Trouble, WalkFacts } from './walks.ts';

/** The parts of a running pipeline that are looked at. */
export interface Watched {
  statistics: Statistics;
  plan: Pick<PipelinePlan, 'source' | 'registered' | 'refusals' | 'sinkName' | 'traffic'>;
  /** Documents that wait for a person, by what they were refused for. */
  rejections(): readonly RejectionGroup[];
  /** Of a stream whose records have a time. */
  days(): DayRead[];
}

/** A pipeline and what the rules say of it. */
export interface Judged {
  watched: Watched;
  verdict: Judgement;
  /** Since when it is in this state, epoch milliseconds. */
  sinceMs: number;
}

export interface Clocks {
  /** Epoch milliseconds. */
  nowMs: number;
  /** Milliseconds in which the process was running. */
  livedMs: number;
}

/** `clockTrouble` says how the clock is wrong. */
export function factsOf(config: Config, watched: Watched, { nowMs, livedMs }: Clocks, clockTrouble?: string): Facts {
  const { statistics, plan } = watched;
  const refusals = refusalsOf(watched);
  const person = refusals.find(({ isFailing }) => isFailing);
  const { alarm, blocked, stopped, gaps, paused } = statistics;
  const expectedMs = expectedQuietMs(watched);
  const quietMs = statistics.quiet.quietMs();
  return {
    stopped: stopped && { reason: stopped.message, advice: stopped.advice },
    paused: paused && { reason: pauseText(paused), lastsMs: nowMs - paused.sinceMs },
    forPerson: blocked === undefined ? person : { reason: blocked.message, advice: blocked.advice },
    failures: [...failuresOf(statistics, livedMs), ...refusals.map(asFailure)],
    stuck: stuck(config, watched, livedMs),
    quiet: quietMs === undefined || expectedMs === undefined ? undefined : { quietMs, expectedMs },
    alarm: firstOf(alarm, clockTrouble),
    lag: { lagMs: lagOf(watched, nowMs) ?? 0, allowedMs: objectiveOf(plan) + everyMs(plan) },
    gaps: { count: gaps.count, lastsMs: nowMs - (gaps.sinceMs ?? nowMs) },
    rejections: rejectionsOf(watched),
  };
}

/** Of one walk: what is in its own way, and what is in the way of all. */
export function factsOfWalk(watched: Watched, [id, walk]: [string, WalkFacts], livedMs: number, whole: Facts): Facts {
  const { statistics, plan } = watched;
  const { stopped, paused } = whole;
  const routes = new Set([...walk.requests].map(({ route }) => route));
  const held = routes.size === 0 ? [] : plan.refusals.troubles(routes);
  const own = failuresOf(
    { ...statistics, failing: onlyOf(statistics.failing, id), asking: onlyOf(statistics.asking, id) },
    livedMs,
  );
  return {
    ...{ stopped, paused },
    forPerson: held.find(({ isFailing }) => isFailing),
    failures: [...own, ...held.map(asFailure)],
  };
}

function onlyOf<T>(all: ReadonlyMap<string, T>, id: string): Map<string, T> {
  return new Map([...all].filter(([name]) => name === id));
}

function firstOf(...reasons: (string | undefined)[]): Trouble | undefined {
  const reason = reasons.find((one) => one !== undefined);
  return reason === undefined ? undefined : { reason };
}

/** The requests of this pipeline that the vendor refuses. */
function refusalsOf({ plan }: Watched): RefusalTrouble[] {
  const routes = plan.registered.stream.about.endpoints.map((endpoint) => endpoint.split(' ').at(-1) ?? '');
  return plan.refusals.troubles(routes);
}

function asFailure({ reason, advice, lastsMs, status }: RefusalTrouble): Failure {
  return { reason, advice, lastsMs, isThrottle: status === 429 };
}

/** Walks that cannot go on, and a sink that takes nothing or gives no answer. */
function failuresOf(
  { failing, asking, sinkFailing }: Pick<Statistics, 'failing' | 'asking' | 'sinkFailing'>,
  livedMs: number,
): Failure[] {
  const sinks = [...asking.values()]
    .filter((sinceMs) => livedMs - sinceMs >= DEGRADED_AFTER_MS) // until then it is only asked
    .map((sinceMs) => ({ sinceMs, reason: 'it has not answered yet', advice: undefined }));
  const troubles = [
    ...(sinkFailing === undefined ? [] : [{ who: 'the sink', ...sinkFailing }]),
    ...sinks.map((trouble) => ({ who: 'the sink', ...trouble })),
    ...[...failing].map(([who, trouble]) => ({ who, ...trouble })),
  ];
  return troubles.map(({ who, sinceMs, reason, advice }) => {
    const lastsMs = livedMs - sinceMs;
    const time = lastsMs < 60_000 ? showDuration(lastsMs) : `${Math.floor(lastsMs / 60_000)} min`;
    return { reason: `${who} cannot go on for ${time}: ${reason}`, advice, lastsMs, isThrottle: false };
  });
}

/** A pipeline that keeps saying why it waits is not stuck: a restart would not help. */
function stuck(config: Config, { statistics, plan }: Watched, livedMs: number): Trouble | undefined {
  const silentMs = livedMs - statistics.lastSignMs;
  const limitMs = silenceLimitMs(config, plan.source);
  if (silentMs <= limitMs) return undefined;
  const last = statistics.lastSuccessMs === undefined ? 'never' : new Date(statistics.lastSuccessMs).toISOString();
  return {
    reason: `no progress for ${Math.round(silentMs / 1000)} s (limit ${Math.round(limitMs / 1000)} s); last finished walk: ${last}`,
    advice: 'Nothing says why. Start Sluice again, and report it with the output of `--log-level debug`.',
    lastsMs: silentMs,
  };
}

/** Longer than any series of silent retries. */
function silenceLimitMs(config: Config, { reading, retry, http, sinks }: SourceConfig): number {
  const ours = config.sinks.filter(({ name }) => sinks.includes(name));
  const sinkMs = Math.max(...ours.map((sink) => sinkTypeOf(sink.type)?.silentMs(sink) ?? 0));
  return (
    3 * Math.max(reading.pollMs, reading.snapshotMs) + Math.max(retry.deadlineMs + http.timeoutMs, sinkMs) + 30_000
  );
}

export function rejectionsOf(watched: Pick<Watched, 'rejections'>): number {
  return watched.rejections().reduce((sum, { documents }) => sum + documents, 0);
}

/** How often the newest records are read. */
export function everyMs({ source, registered }: Pick<Watched['plan'], 'source' | 'registered'>): number {
  return registered.stream.mode === 'windows' ? source.reading.pollMs : source.reading.snapshotMs;
}

/** How soon the sink should have what the vendor has: as configured, else three polls. */
export function objectiveOf(plan: Pick<Watched['plan'], 'source' | 'registered'>): number {
  return plan.source.objectiveMs ?? 3 * everyMs(plan);
}

/** How old the end of what was read and settled is; of a list without times, how long ago it was read. */
export function lagOf({ statistics, plan }: Watched, nowMs: number): number | undefined {
  const { settledMs, lastSuccessMs } = statistics;
  const isTimed = plan.registered.stream.mode === 'windows';
  const untilMs = isTimed ? settledMs : Math.max(settledMs ?? 0, lastSuccessMs ?? 0) || undefined;
  return untilMs === undefined ? undefined : Math.max(0, nowMs - untilMs);
}

/** Undefined where nobody said it and too little is known to tell. */
export function expectedQuietMs({ statistics, plan }: Pick<Watched, 'statistics' | 'plan'>): number | undefined {
  const told = plan.source.expectWithinMs[plan.registered.stream.name];
  if (told === 0) return undefined;
  return told ?? statistics.quiet.expectedMs();
}
