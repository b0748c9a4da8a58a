/** Makes pipelines from the config: the only place that knows which part needs which. */

import type { Logger } from 'pino';
import { createBudget } from './budget.ts';
import type { Config, SinkConfig, SourceConfig } from './config.ts';
import { messageOf, usageError } from './errors.ts';
import { createHttp } from './http.ts';
import { revisionOf } from './identity.ts';
import { livedTime } from './lived-time.ts';
import type { Pipeline, PipelineEvents } from './pipeline.ts';
import { proxyRules } from './proxy.ts';
import { MOST_OWED } from './reading/changes.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { openNdjson } from './sinks/ndjson.ts';
import type { PipelineState } from './state/store.ts';
import { authoritiesWith } from './tls.ts';
import type { Registered, Sink, VendorClient } from './types.ts';

export interface BuildTools {
  streams: readonly Registered[];
  log: Logger;
  env: Record<string, string | undefined>;
  now: () => number;
  /** Aborted by a second stop signal, or 8 s after the first. */
  hardStop: AbortSignal;
}

/** A pipeline before it has a state: enough for `check` and `sample`. */
export interface Line {
  name: string;
  source: SourceConfig;
  registered: Registered;
  client: VendorClient;
  /** What the source is refused. */
  refusals: Refusals;
  sinkName: string;
  /** Kinds of notes that streams of the source read. */
  wantedNotes: ReadonlySet<string>;
}

export interface Built {
  lines: Line[];
  sinks: ReadonlyMap<string, Sink>;
  /** Milliseconds that the process lived through. */
  lived: () => number;
  close(): Promise<void>;
}

/** Source x stream x sink, in the order of the config. Nothing is connected yet. */
export function build(config: Config, tools: BuildTools, withSinks = true): Built {
  const lived = livedTime();
  const closers: (() => void)[] = [lived.close];
  const opening = { ...tools, lived: lived.now };
  const sinks = new Map(withSinks ? config.sinks.map((sink) => [sink.name, openSink(sink, opening)]) : []);
  const lines = config.sources.flatMap((source) => {
    const registered = tools.streams.filter(
      (one) => one.connector.name === source.connector && source.streams.includes(one.stream.name),
    );
    const connector = registered[0]?.connector;
    if (connector === undefined) return [];
    const { request, stream, close } = createHttp(
      { ...source.http, ca: caOf(source), proxies: proxyRules(source.http.proxy, tools.env, source.name) },
      createBudget(source.rate),
    );
    closers.push(close);
    const log = tools.log.child({ 'sluice.source': source.name });
    const refusals = createRefusals(lived.now);
    const services = { http: request, stream, retry: source.retry, log, now: tools.now, lived: lived.now, refusals };
    const client = connector.open(source, services);
    const wantedNotes = new Set(registered.flatMap(({ stream }) => stream.parentNotes ?? []));
    return registered.flatMap((one) =>
      source.sinks.map((sinkName) => ({
        name: `${source.name}/${one.stream.name}/${sinkName}`,
        source,
        registered: one,
        client,
        refusals,
        sinkName,
        wantedNotes,
      })),
    );
  });
  return {
    lines,
    sinks,
    lived: lived.now,
    async close() {
      await Promise.all([...sinks.values()].map((sink) => sink.close()));
      for (const close of closers) close();
    },
  };
}

/** The running form of a line. */
export function toPipeline(
  line: Line,
  built: Built,
  config: Config,
  state: PipelineState,
  tools: BuildTools,
  events: PipelineEvents,
): Pipeline {
  const { source, registered } = line;
  return {
    name: line.name,
    registered,
    source: registered.connector.facts(source),
    client: line.client,
    sink: built.sinks.get(line.sinkName) as Sink,
    state,
    reading: source.reading,
    parents: source.parents[registered.stream.name] ?? [],
    wantedNotes: line.wantedNotes,
    enrichHosts: source.enrichHosts,
    details: source.reading.details,
    refresh: { stepsMs: source.reading.detailRefreshMs, forMs: source.reading.detailRefreshForMs },
    batch: config.batch,
    volatile: new Set(registered.stream.volatile),
    allowed: new Set(),
    owed: owedIn(state, new Set(registered.stream.volatile)),
    detailPatienceMs: source.reading.detailPatienceMs,
    claims: new Map(),
    commits: 0,
    told: new Set(),
    sinkFailure: undefined,
    hardStop: tools.hardStop,
    events,
    log: tools.log.child({ 'sluice.pipeline': line.name }),
    now: tools.now,
  };
}

/** What an earlier process had to leave without its detail. */
function owedIn(state: PipelineState, volatile: ReadonlySet<string>): Map<string, string | null> {
  const owed = state.owed(Number.MAX_SAFE_INTEGER, MOST_OWED);
  return new Map(owed.map(({ key, record }) => [key, revisionOf(record, volatile)]));
}

export function openSink(sink: SinkConfig, tools: Pick<BuildTools, 'log' | 'now'> & { lived?: () => number }): Sink {
  if (sink.type === 'ndjson') return openNdjson(sink, tools);
  if (sink.type === 'kafka')
    return whenNeeded('kafka', sink.transactions, async () =>
      (await import('./sinks/kafka.ts')).openKafka(sink, tools),
    );
  return whenNeeded('elasticsearch', true, async () =>
    (await import('./sinks/elasticsearch.ts')).openElasticsearch(sink, tools),
  );
}

/** A sink whose client is loaded with its first call: it costs 50 MB and a second of start that others need not pay. */
function whenNeeded(kind: Sink['kind'], looksUp: boolean, load: () => Promise<Sink>): Sink {
  let loaded: Promise<Sink> | undefined;
  const sink = () => (loaded ??= load());
  return {
    kind,
    looksUp,
    write: async (batch, signal) => (await sink()).write(batch, signal),
    recover: async (pipeline, prepared, committed, signal) =>
      (await sink()).recover(pipeline, prepared, committed, signal),
    check: async (signal) => (await sink()).check(signal),
    close: async () => (await loaded)?.close(),
  };
}

function caOf(source: SourceConfig): string[] | undefined {
  if (source.http.caFile === undefined) return undefined;
  try {
    return authoritiesWith(source.http.caFile);
  } catch (error) {
    throw usageError(`source "${source.name}": http.ca_file cannot be read: ${messageOf(error)}`, 'Name a PEM file.');
  }
}
