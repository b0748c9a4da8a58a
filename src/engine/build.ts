/** Makes pipelines from the config: the only place that knows which part needs which. */

import { setImmediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { VendorClient } from '../api/client.ts';
import type { Refusals } from '../api/connector.ts';
import { type SluiceError, stopError } from '../api/errors.ts';
import type { HttpClient, HttpStreamer } from '../api/http.ts';
import { recordsChange } from '../api/records/changing.ts';
import { revisionOf } from '../api/records/identity.ts';
import type { Sink, StoredDocument, StoredQuery } from '../api/sink.ts';
import type { Registered } from '../api/stream.ts';
import { createBudget, type Told } from '../net/budget.ts';
import { createHttp } from '../net/http.ts';
import { createMemory, heapBytes, type Memory } from '../net/memory.ts';
import { proxyRules } from '../net/proxy.ts';
import { createRateLimit } from '../net/rate-limit.ts';
import { createRefusals } from '../net/refusals.ts';
import { authoritiesWith } from '../net/tls.ts';
import { createTraffic, type Traffic } from '../net/traffic.ts';
import { createRedactor, type Redactor } from '../redaction/redactor.ts';
import type { Owner } from '../sinks/ndjson/owner.ts';
import { type SinkConfig, sinkTypeOf } from '../sinks/registry.ts';
import type { SinkTools } from '../sinks/sink-type.ts';
import { heldBy } from '../sinks/stored.ts';
import { createSinkTraffic, measured, type SinkTraffic } from '../sinks/traffic.ts';
import type { RawStore } from '../state/raw/keep.ts';
import type { PipelineState } from '../state/store.ts';
import type { Clock } from '../system/clock.ts';
import { HANDLES_ADVICE, mostHandles, sharedHandles } from '../system/handles.ts';
import { livedTime } from '../system/lived-time.ts';
import { createParts, type Parts, type Reopened, reopened } from '../system/parts.ts';
import { type AlertLimit, createAlertLimit } from './alerts/limit.ts';
import { MOST_OWED } from './change/detail.ts';
import { createHostGate, type HostGate } from './change/host-gate.ts';
import { createClaims } from './claims.ts';
import { createOwnMapping, type OwnFunction, type OwnMapping } from './own/mapping.ts';
import type { Pipeline, PipelineEvents } from './pipeline.ts';
import { createRejectionLimits } from './rejection-limits.ts';
import type { Config, SourceConfig } from './settings.ts';
import { createSinkGate } from './sink-gate.ts';

interface Http {
  request: HttpClient;
  stream: HttpStreamer;
}

export interface BuildTools {
  streams: readonly Registered[];
  log: Logger;
  env: Record<string, string | undefined>;
  /** The clock behind `now`, where it can be wrong: it is told the time that vendors' replies name. */
  clock?: Clock;
  now: () => number;
  /** Told the time that each reply to a source names (its header `Date`). */
  heard?: (source: string, date: string | null) => void;
  /** Aborted by a second stop signal, or 8 s after the first. */
  hardStop: AbortSignal;
  /** Receives errors that no code caught; without it nothing does. */
  parts?: Parts;
  /** The memory that the replies of all sources share; made here where it is left out. */
  memory?: Memory;
  /** The state that owns the output of the sinks, where they are opened to write. */
  owner?: Owner;
  /** Where the vendors' records are kept, if they are. */
  raw?: RawStore;
  /** Stands between a source and its vendor, for who wants to see what is answered. */
  tap?: (source: string, http: Http) => Http;
  /** Counts what sinks are given, by their names, where several builds are counted together. */
  sinkTraffic?: ReadonlyMap<string, SinkTraffic>;
  /** Mappings that the config names, by path. */
  modules?: ReadonlyMap<string, OwnFunction>;
  /** The redactor of the process, which learns the secrets of sources; made here by default. */
  redactor?: Redactor;
}

/** A pipeline before it has a state: enough for `check` and `sample`. */
export interface PipelinePlan {
  name: string;
  source: SourceConfig;
  registered: Registered;
  own: OwnMapping | undefined;
  client: VendorClient;
  /** Counts what the vendor refuses this source. */
  refusals: Refusals;
  /** Counts what this source asks of its vendor. */
  traffic: Traffic;
  sinkName: string;
  /** Kinds of notes that streams of the source read. */
  wantedNotes: ReadonlySet<string>;
  /** Of its source. */
  hostGate: HostGate;
}

export interface Built {
  /** The limits of alerts, by `source/sink`. */
  alerts: ReadonlyMap<string, AlertLimit>;
  plans: PipelinePlan[];
  sinks: ReadonlyMap<string, Sink>;
  /** What each sink was given, by its name. */
  sinkTraffic: ReadonlyMap<string, SinkTraffic>;
  /** Milliseconds that the process lived through. */
  lived: () => number;
  memory: Memory;
  close(): Promise<void>;
}

/** Source x stream x sink, in the order of the config. Nothing is connected yet. */
export function build(config: Config, tools: BuildTools, withSinks = true): Built {
  const lived = livedTime();
  const closers: (() => unknown)[] = [lived.close];
  const redactor = tools.redactor ?? createRedactor();
  const parts = tools.parts ?? createParts();
  const memory = tools.memory ?? createMemory(heapBytes());
  const changing = new Set(
    tools.streams.filter(({ stream }) => recordsChange(stream)).map(({ stream }) => stream.name as string),
  );
  const opening = { ...tools, parts, lived: lived.now, changing };
  tools.clock?.listen((text) => tools.log.warn(text));
  const sinkTraffic = tools.sinkTraffic ?? new Map(config.sinks.map(({ name }) => [name, createSinkTraffic()]));
  const sinks = new Map(
    withSinks ? config.sinks.map((sink) => [sink.name, openSink(sink, opening, sinkTraffic.get(sink.name))]) : [],
  );
  const concurrency = concurrencyOf(config, tools);
  const plans = config.sources.flatMap((source) => {
    const registered = streamsOf(source, tools);
    const connector = registered[0]?.connector;
    if (connector === undefined) return [];
    const log = tools.log.child({ 'sluice.source': source.name });
    const refusals = createRefusals(lived.now);
    const settings = {
      ...source.http,
      ca: authoritiesWith(source.http.caFile, `source "${source.name}"`),
      proxies: proxyRules(source.http.proxy, tools.env, source.name),
    };
    const budget = createBudget(source.rate.requestsPerSecond);
    const traffic = createTraffic(source.rate.requestsPerSecond, undefined, budget.rate);
    const rate = { ...source.rate, budget, concurrency: concurrency.get(source) ?? source.rate.concurrency };
    const rateLimit = createRateLimit(rate, undefined, traffic);
    const secrets = redactor.ofSource();
    const { retry } = source;
    const heard = (date: string | null) => {
      tools.clock?.heard(date);
      tools.heard?.(source.name, date);
    };
    const answered = (answer: Told) => {
      traffic.answered(answer.status);
      budget.told(answer);
    };
    const open = () => {
      const { close, ...direct } = createHttp(settings, rateLimit, heard, answered);
      const { request, stream } = tools.tap?.(source.name, direct) ?? direct;
      const services = { http: request, stream, secrets, retry, log, now: tools.now, lived: lived.now, refusals };
      return { ...connector.open(source, services), close };
    };
    const client = bounded(isolated(reopened(`source "${source.name}"`, open, { parts, log })), memory);
    closers.push(client.close);
    const wantedNotes = new Set(registered.flatMap(({ stream }) => stream.parentNotes ?? []));
    const hostGate = createHostGate();
    return registered.flatMap((one) =>
      source.sinks.map((sinkName) => ({
        name: `${source.name}/${one.stream.name}/${sinkName}`,
        source,
        registered: one,
        own: ownOf(source, one, tools),
        client,
        refusals,
        traffic,
        sinkName,
        wantedNotes,
        hostGate,
      })),
    );
  });
  return {
    alerts: alertLimits(plans, tools.now),
    plans,
    sinks,
    sinkTraffic,
    lived: lived.now,
    memory,
    async close() {
      try {
        await Promise.all([...sinks.values()].map((sink) => sink.close()));
      } finally {
        await Promise.all(closers.map((close) => close()));
      }
    },
  };
}

/** The running form of a plan. */
export function toPipeline(
  plan: PipelinePlan,
  built: Built,
  config: Config,
  state: PipelineState,
  tools: BuildTools,
  events: PipelineEvents,
): Pipeline {
  const { source, registered } = plan;
  if (registered.stream.describesHosts) plan.hostGate.expect();
  return {
    name: plan.name,
    registered,
    source: registered.connector.facts(source),
    own: plan.own,
    client: plan.client,
    sink: built.sinks.get(plan.sinkName) as Sink,
    sinkName: plan.sinkName,
    raw: tools.raw,
    state,
    reading: source.reading,
    parents: source.parents[registered.stream.name] ?? [],
    wantedNotes: plan.wantedNotes,
    enrichHosts: source.enrichHosts,
    hostGate: plan.hostGate,
    details: source.reading.details,
    refresh: { stepsMs: source.reading.detailRefreshMs, forMs: source.reading.detailRefreshForMs },
    batch: config.batch,
    ignored: new Set(registered.stream.ignored),
    memory: built.memory,
    mostOpenDetails: mostOpenDetails(built.memory.usable, source.http.maxBodyBytes),
    pagesAtOnce: pagesAtOnce(built.memory.usable, source),
    allowed: new Set(),
    owed: owedIn(state, new Set(registered.stream.ignored)),
    detailPatienceMs: source.reading.detailPatienceMs,
    claims: createClaims(),
    alerts: alertsOf(plan, built, state),
    commits: 0,
    rejections: createRejectionLimits(config.rejections, state, events.blocked),
    told: new Set(),
    sinkGate: createSinkGate(),
    hardStop: tools.hardStop,
    events,
    log: tools.log.child({
      ...{ 'sluice.pipeline': plan.name, 'sluice.source': source.name },
      ...{ 'sluice.stream': registered.stream.name, 'sluice.sink': plan.sinkName },
    }),
    now: tools.now,
  };
}

function ownOf({ mapping }: SourceConfig, { stream }: Registered, { modules }: BuildTools): OwnMapping | undefined {
  const settings = mapping[stream.name];
  return settings && createOwnMapping(settings, modules);
}

function alertLimits(plans: readonly PipelinePlan[], now: () => number): ReadonlyMap<string, AlertLimit> {
  const limits = new Map<string, AlertLimit>();
  for (const { source, sinkName } of plans) {
    const { maxAlertsPerHour } = source;
    if (maxAlertsPerHour === undefined) continue;
    const name = `${source.name}/${sinkName}`;
    limits.set(name, limits.get(name) ?? createAlertLimit(maxAlertsPerHour, now));
  }
  return limits;
}

function alertsOf({ source, sinkName }: PipelinePlan, built: Built, state: PipelineState): AlertLimit | undefined {
  const limit = built.alerts.get(`${source.name}/${sinkName}`);
  limit?.join(state);
  return limit;
}

function streamsOf(source: SourceConfig, { streams }: Pick<BuildTools, 'streams'>): Registered[] {
  return streams.filter(
    ({ connector, stream }) => connector.name === source.connector && source.streams.includes(stream.name),
  );
}

/** Requests that each source may have under way: fewer than configured where few files may be open. */
function concurrencyOf({ sources, sinks }: Config, tools: BuildTools): ReadonlyMap<SourceConfig, number> {
  const most = mostHandles() ?? Number.POSITIVE_INFINITY;
  const wanted = sources.map(({ rate }) => rate.concurrency);
  const types = new Map(sinks.map(({ name, type }) => [name, sinkTypeOf(type)?.handles]));
  const ofSource = (source: SourceConfig) =>
    source.sinks.reduce((sum, name) => sum + (types.get(name)?.pipeline ?? 0), 0) * streamsOf(source, tools).length;
  const taken =
    sources.reduce((sum, source) => sum + ofSource(source), 0) +
    sinks.reduce((sum, { name }) => sum + (types.get(name)?.all ?? 0), 0);
  const shared = sharedHandles(wanted, most - taken);
  const fewer = sources.filter((_, index) => shared[index] !== wanted[index]);
  if (fewer.length > 0) {
    const each = fewer.map((source) => `${source.name}: ${shared[sources.indexOf(source)]}`).join(', ');
    tools.log.warn(
      { advice: HANDLES_ADVICE },
      `only ${most} files may be open, so fewer requests are made at once (${each})`,
    );
  }
  return new Map(sources.map((source, index) => [source, shared[index] ?? 1]));
}

/** Details of so many records at most are under way, or made and waiting for their batch, per walk. */
const MOST_OPEN_DETAILS = 500;

/** Details of the largest size allowed, as many as this, take a quarter of the memory at most. */
function mostOpenDetails(usable: number, maxBodyBytes: number): number {
  return Math.max(4, Math.min(MOST_OPEN_DETAILS, Math.floor(usable / (4 * maxBodyBytes))));
}

/** More pages at once would not fill the rate limit better, and what waits in memory grows older. */
const MOST_PAGES_AT_ONCE = 4;

/** Half of the places of the source at most, and pages of the largest size allowed take an eighth of the memory at most. */
function pagesAtOnce(usable: number, { rate, http }: SourceConfig): number {
  const fit = Math.floor(usable / (8 * http.maxBodyBytes));
  return Math.max(1, Math.min(MOST_PAGES_AT_ONCE, Math.floor(rate.concurrency / 2), fit));
}

/** Records that an earlier process had to leave without their detail. */
function owedIn(state: PipelineState, ignored: ReadonlySet<string>): Map<string, string | null> {
  const owed = state.owed(Number.MAX_SAFE_INTEGER, MOST_OWED);
  return new Map(owed.map(({ key, record }) => [key, revisionOf(record, ignored)]));
}

export function openSink(
  sink: SinkConfig,
  given: Pick<BuildTools, 'log' | 'now' | 'owner' | 'parts'> & Pick<SinkTools, 'lived' | 'changing'>,
  traffic: SinkTraffic = createSinkTraffic(),
): Sink {
  const retried = () => void traffic.retries++;
  const tools = {
    ...given,
    log: given.log.child({ 'sluice.sink': sink.name }),
    parts: given.parts ?? createParts(),
    retried,
  };
  const type = sinkTypeOf(sink.type);
  if (type === undefined) throw new Error(`there is no sink ${sink.type}`);
  const open = () => type.open(sink, tools);
  return whenNeeded(type.type, type.looksUp(sink), reopened(`sink "${sink.name}"`, open, tools), traffic);
}

/** A sink whose client is loaded with its first call: some cost 50 MB and a second of start that others need not pay. */
function whenNeeded(kind: string, looksUp: boolean, { call, close }: Reopened<Sink>, traffic: SinkTraffic): Sink {
  return {
    kind,
    looksUp,
    write: (batch, signal) =>
      measured(traffic, batch, () => call((sink, broken) => sink.write(batch, AbortSignal.any([signal, broken])))),
    recover: (pipeline, prepared, committed, signal) =>
      call((sink, broken) => {
        const either = signal === undefined ? broken : AbortSignal.any([signal, broken]);
        return sink.recover(pipeline, prepared, committed, either);
      }),
    // A sink that cannot be opened has taken nothing whose fate could be unknown.
    outcomeUnknown: (pipeline, walk) => call(async (sink) => sink.outcomeUnknown?.(pipeline, walk)).catch(() => {}),
    async *newest(query, signal) {
      yield* stepwise(call, (sink, broken) => newestOf(sink, query, AbortSignal.any([signal, broken])));
    },
    async *stored(query, signal) {
      yield* stepwise(call, (sink, broken) => heldBy(sink, query, AbortSignal.any([signal, broken])));
    },
    beside: (query, mend, signal) => call(async (sink) => sink.beside?.(query, mend, signal)),
    removed: (query, signal) => call(async (sink) => sink.removed?.(query, signal)),
    remove: (documents, signal) =>
      call(async (sink) => {
        if (sink.remove === undefined) throw notRemovable(kind);
        return sink.remove(documents, signal);
      }),
    check: (signal) => call((sink, broken) => sink.check(AbortSignal.any([signal, broken]))),
    close,
  };
}

async function* newestOf(sink: Sink, query: StoredQuery, signal: AbortSignal): AsyncGenerator<StoredDocument[]> {
  if (sink.newest !== undefined) yield* sink.newest(query, signal);
}

function notRemovable(kind: string): SluiceError {
  return stopError(
    `what a sink of the type ${kind} holds cannot be removed`,
    'Leave `--remove-doubles` out: readers that go by the id see each document once.',
  );
}

/** What `begin` yields, each step as a call of its own: what happens outside of it is the failure of the one that waits. */
async function* stepwise<Client, T>(
  call: Reopened<Client>['call'],
  begin: (client: Client, broken: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const steps = await call(async (client, broken) => begin(client, broken)[Symbol.asyncIterator]());
  try {
    for (;;) {
      const { done, value } = await call(() => steps.next());
      if (done) return;
      yield value;
    }
  } finally {
    await call(async () => steps.return?.());
  }
}

/** A client that is opened again when it failed outside of any request. */
function isolated({
  call,
  close,
}: Reopened<VendorClient & { close(): void }>): VendorClient & { close(): Promise<void> } {
  return {
    json: (request) => call((client) => client.json(request)),
    async *parts(request) {
      yield* stepwise(call, (client) => client.parts(request));
    },
    authenticate: (signal) => call((client) => client.authenticate(signal)),
    close,
  };
}

/** A longer reply may take a noticeable part of a second to parse. */
const LONG_BYTES = 512 * 1024;

/** Every reply takes its place in the memory that all sources share, from its first bytes until it is accepted. */
function bounded<Client extends VendorClient>(client: Client, memory: Memory): Client {
  return {
    ...client,
    async json(request) {
      const room = request.room ?? memory.open();
      let isLong = false;
      try {
        const accept = (reply: unknown, bytes = 0) => {
          isLong ||= bytes > LONG_BYTES;
          return request.accept(reply, bytes);
        };
        const reply = await client.json({ ...request, accept, room });
        if (isLong) await setImmediate(); // it took long to parse, and what follows may, too
        return reply;
      } finally {
        if (room !== request.room) room.release();
      }
    },
    async *parts(request) {
      const room = memory.openForParts();
      try {
        yield* client.parts({ ...request, room });
      } finally {
        room.release();
      }
    },
  };
}
