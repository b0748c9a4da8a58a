/** `/healthz`, `/readyz` and `/metrics` of `sluice run`. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Gauge, Registry } from 'prom-client';
import type { RefusalTrouble } from '../api/connector.ts';
import { messageOf, type SluiceError, stopError } from '../api/errors.ts';
import type { PipelinePlan } from '../engine/build.ts';
import type { Config, SourceConfig } from '../engine/settings.ts';
import { SAY_AFTER_MS } from '../net/refusals.ts';
import { createRedactor, type Redactor } from '../redaction/redactor.ts';
import { sinkTypeOf } from '../sinks/registry.ts';
import type { Clock } from '../system/clock.ts';
import type { Logger } from './log.ts';
import type { Lost } from './outlet.ts';
import { failingFor, isSinkFailing, type Statistics } from './statistics.ts';

export interface Health {
  port: number;
  close(): Promise<void>;
}

/** The parts of a pipeline that health looks at. */
export interface Watched {
  statistics: Statistics;
  plan: Pick<PipelinePlan, 'source' | 'registered' | 'refusals'>;
}

interface HealthTools {
  /** Milliseconds in which the process was running. */
  lived: () => number;
  /** How many log lines could not be written. */
  lost?: () => Lost | undefined;
  redactor?: Redactor;
  /** Says how the clock is wrong. */
  clock?: Pick<Clock, 'trouble'>;
}

/** Undefined when the config has switched it off. */
export async function startHealth(
  config: Config,
  watched: readonly Watched[],
  log: Logger,
  { lived, lost = () => undefined, redactor = createRedactor(), clock }: HealthTools,
): Promise<Health | undefined> {
  const { host, port } = config.health;
  if (port === 0) return undefined;
  const registry = metricsOf(watched, lived, lost);
  const show = (text: string) => redactor.show(text, LONGEST);
  const reply = async (path: string, response: ServerResponse): Promise<void> => {
    const told = (finding: Finding): Finding => ({ ...finding, warning: finding.warning ?? clock?.trouble() });
    const say = (findings: Finding[]) => answer(response, redactor.clean(verdict(findings.map(told)), show) as Verdict);
    if (path === '/healthz') return say(watched.map((one) => liveness(config, one, lived())));
    if (path === '/readyz') return say(watched.map((one) => readiness(one, lived())));
    if (path === '/metrics') return send(response, 200, registry.contentType, await registry.metrics());
    answer(response, { status: 404, body: { message: 'there are /healthz, /readyz and /metrics' } });
  };
  const server = createServer((request, response) => {
    reply((request.url ?? '').split('?', 1)[0] ?? '', response).catch((error: unknown) => {
      log.error({ err: error }, `health cannot answer: ${messageOf(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(host, port, error)));
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  log.info(`health on http://${host}:${bound}/healthz, /readyz and /metrics`);
  return {
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function cannotListen(host: string, port: number, error: Error): SluiceError {
  const advice = 'Choose another health.port, or stop what listens there.';
  return stopError(`health cannot listen on ${host}:${port}: ${messageOf(error)}`, advice);
}

/** The most characters of a reason, which may quote a vendor, a gateway or a sink. */
const LONGEST = 500;

interface Finding {
  pipeline: string;
  ok: boolean;
  why?: string;
  /** Things that a person should look at although everything goes on. */
  warning?: string;
  advice?: string;
}

/** A pipeline that cannot go on for so long is failing, not only late. */
const FAILING_AFTER_MS = 3_600_000;

/** The requests of this pipeline that the vendor refuses. */
function refusalsOf({ plan }: Watched): RefusalTrouble[] {
  const routes = plan.registered.stream.about.endpoints.map((endpoint) => endpoint.split(' ').at(-1) ?? '');
  return plan.refusals.troubles(routes);
}

/** Why a pipeline is degraded: records are late or odd, not lost. */
function warningOf(watched: Watched, nowMs: number): string | undefined {
  const { statistics } = watched;
  const [longest] = refusalsOf(watched);
  const isLong = longest !== undefined && longest.lastsMs >= SAY_AFTER_MS;
  const refused = isLong ? `waiting for ${Math.round(longest.lastsMs / 60_000)} min: ${longest.reason}` : undefined;
  return statistics.alarm ?? failingFor(statistics, nowMs) ?? refused;
}

/** Why a pipeline is failing: a person has to mend something, or a trouble has lasted too long. */
function troubleOf(watched: Watched, longerMs: number, nowMs: number): { why?: string; advice?: string } {
  const { statistics } = watched;
  if (statistics.stopped !== undefined) return { why: statistics.stopped.message, advice: statistics.stopped.advice };
  if (statistics.blocked !== undefined) return { why: statistics.blocked.message, advice: statistics.blocked.advice };
  const refused = refusalsOf(watched).find(({ isFailing }) => isFailing);
  if (refused !== undefined) return { why: refused.reason, advice: refused.advice };
  return { why: failingFor(statistics, nowMs, longerMs) };
}

/**
 * A pipeline that neither finished a walk nor showed any progress for three polls and the longest retry is stuck. A pipeline
 * that keeps reporting why it waits is not, since a restart would not help. Also reported are a pipeline that has stopped or
 * whose requests the vendor refuses, and one whose walk or sink has failed for an hour, whatever else succeeds.
 */
function liveness(config: Config, watched: Watched, nowMs: number): Finding {
  const { statistics, plan } = watched;
  const trouble = troubleOf(watched, FAILING_AFTER_MS, nowMs);
  if (trouble.why !== undefined) return { pipeline: statistics.name, ok: false, ...trouble };
  const silentMs = nowMs - statistics.lastSignMs;
  const limitMs = silenceLimitMs(config, plan.source);
  const last = statistics.lastSuccessMs === undefined ? 'never' : new Date(statistics.lastSuccessMs).toISOString();
  if (silentMs <= limitMs)
    return { pipeline: statistics.name, ok: true, why: statistics.waiting, warning: warningOf(watched, nowMs) };
  const why = `no progress for ${Math.round(silentMs / 1000)} s (limit ${Math.round(limitMs / 1000)} s); last finished walk: ${last}`;
  return { pipeline: statistics.name, ok: false, why };
}

/** The condition of one pipeline as `/healthz` tells it of all. */
export function conditionOf(config: Config, watched: Watched, nowMs: number): { status: string; why?: string } {
  const { ok, why, warning } = liveness(config, watched, nowMs);
  if (!ok) return { status: 'failing', why };
  return warning === undefined ? { status: 'ok' } : { status: 'degraded', why: warning };
}

/** Longer than any series of silent retries. */
function silenceLimitMs(config: Config, { reading, retry, http, sinks }: SourceConfig): number {
  const ours = config.sinks.filter(({ name }) => sinks.includes(name));
  const sinkMs = Math.max(...ours.map((sink) => sinkTypeOf(sink.type)?.silentMs(sink) ?? 0));
  return (
    3 * Math.max(reading.pollMs, reading.snapshotMs) + Math.max(retry.deadlineMs + http.timeoutMs, sinkMs) + 30_000
  );
}

/** A pipeline with a failing walk is not ready, whatever its other walks do: the walk only fails after the deadline of a request. */
function readiness(watched: Watched, nowMs: number): Finding {
  const { name, waiting } = watched.statistics;
  const { why, advice } = troubleOf(watched, SAY_AFTER_MS, nowMs);
  const ok = why === undefined;
  const warning = ok ? warningOf(watched, nowMs) : watched.statistics.alarm;
  return { pipeline: name, ok, why: why ?? waiting, warning, advice };
}

interface Verdict {
  status: number;
  body: unknown;
}

function verdict(findings: Finding[]): Verdict {
  const ok = findings.every((finding) => finding.ok);
  const word = findings.some(({ warning }) => warning !== undefined) ? 'degraded' : 'ok';
  return { status: ok ? 200 : 503, body: { status: ok ? word : 'failing', pipelines: findings } };
}

function answer(response: ServerResponse, { status, body }: Verdict): void {
  send(response, status, 'application/json; charset=utf-8', `${JSON.stringify(body)}\n`);
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}

/** Metrics are read from the statistics when they are scraped: nothing is counted twice. */
function metricsOf(watched: readonly Watched[], lived: () => number, lost: () => Lost | undefined): Registry {
  const registry = new Registry();
  const add = (name: string, help: string, value: (statistics: Statistics) => number) => {
    const collect = function (this: Gauge) {
      for (const { statistics } of watched) this.set({ pipeline: statistics.name }, value(statistics));
    };
    new Gauge({ name: `sluice_${name}`, help, labelNames: ['pipeline'], registers: [registry], collect });
  };
  add('documents_delivered', 'Documents that the sink took since the start.', ({ delivered }) => delivered);
  add('documents_rejected', 'Documents that the sink refused for good since the start.', ({ rejected }) => rejected);
  add('gaps', 'Parts of the resource that are known not to be delivered.', ({ gaps }) => gaps.count);
  add(
    'oldest_gap_timestamp_seconds',
    'When the oldest gap was found; 0 for none.',
    ({ gaps }) => (gaps.sinceMs ?? 0) / 1000,
  );
  add('children_unread', 'Children that could not be read when they were last tried.', ({ unread }) => unread.size);
  add('records_owed', 'Records that wait for a detail that cannot be fetched yet.', ({ owed }) => owed);
  add('windows', 'Windows that were read since the start.', ({ windows }) => windows);
  add('windows_unsettled', 'Windows that kept changing while they were read.', ({ unsettled }) => unsettled);
  add(
    'last_success_timestamp_seconds',
    'When a walk ended last; 0 for never.',
    ({ lastSuccessMs }) => (lastSuccessMs ?? 0) / 1000,
  );
  add(
    'silence_seconds',
    'How long there has been no sign of progress.',
    ({ lastSignMs }) => (lived() - lastSignMs) / 1000,
  );
  add('walks_failing', 'Walks that cannot go on for now.', ({ failing }) => failing.size);
  add('sink_failing', '1 while the sink takes no documents.', (statistics) =>
    isSinkFailing(statistics, lived()) ? 1 : 0,
  );
  add('waiting', '1 while the pipeline waits for an answer.', ({ waiting }) => (waiting === undefined ? 0 : 1));
  add('alarm', '1 while a person should look at something.', ({ alarm }) => (alarm === undefined ? 0 : 1));
  add('blocked', '1 while the store of rejected documents is full.', ({ blocked }) => (blocked === undefined ? 0 : 1));
  add('stopped', '1 when only a person can help.', ({ stopped }) => (stopped === undefined ? 0 : 1));
  new Gauge({
    name: 'sluice_log_lines_lost',
    help: 'Log lines that could not be written since the start.',
    registers: [registry],
    collect() {
      this.set(lost()?.lines ?? 0);
    },
  });
  new Gauge({
    name: 'sluice_refusals',
    help: 'Requests that the vendor refused or that failed since the start, by the status of the answer.',
    labelNames: ['source', 'status'],
    registers: [registry],
    collect() {
      for (const { plan } of watched)
        for (const [status, count] of plan.refusals.counts) this.set({ source: plan.source.name, status }, count);
    },
  });
  return registry;
}
