/** Pipelines against a simulator, with everything but the state and the output in this process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { inOrder } from '../../connectors/cylance/device.ts';
import { toRecord } from '../../connectors/cylance/instaquery-result.ts';
import { streams } from '../../connectors/index.ts';
import { type Simulator, type SimulatorOptions, startSimulator, type TruthStream } from '../../simulator/index.ts';
import type { Refusals } from '../../src/api/connector.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { DELETED, documentId, revisionOf, withoutDetail } from '../../src/api/records/identity.ts';
import { withoutSecrets } from '../../src/api/records/secrets.ts';
import type { Batch, OutDocument, Sink } from '../../src/api/sink.ts';
import type { Walk } from '../../src/api/walk.ts';
import { parseConfigObject } from '../../src/config/load.ts';
import { type BuildTools, build, toPipeline } from '../../src/engine/build.ts';
import type { Pipeline, PipelineEvents } from '../../src/engine/pipeline.ts';
import type { Config } from '../../src/engine/settings.ts';
import { openRawStore } from '../../src/state/raw/keep.ts';
import { openState } from '../../src/state/sqlite.ts';
import type { StateStore } from '../../src/state/store.ts';

export const TENANT = {
  tenantId: 'tenant-1',
  applicationId: 'application-1',
  applicationSecret: 'a-secret-of-the-test',
};

/** The document as it was sent. */
export function documentOf({ json }: OutDocument): EcsDocument & { event: Record<string, unknown> } {
  return JSON.parse(json.toString('utf8'));
}

/** A folder that is gone after the test. */
export function scratch(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** With the odd forms, so that streams are tested against all that have been seen. */
export function simulate(
  options: Partial<SimulatorOptions> & { seed: number; detections: number },
): Promise<Simulator> {
  return startSimulator({ oddForms: true, ...TENANT, ...options });
}

export interface Overrides {
  reading?: Record<string, unknown>;
  retry?: Record<string, unknown>;
  http?: Record<string, unknown>;
  source?: Record<string, unknown>;
  sinks?: Record<string, unknown>[];
  batch?: Record<string, unknown>;
  raw?: Record<string, unknown>;
}

/** The config of a source that reads the simulator as fast as it can. */
export function testConfig(url: string, folder: string, overrides: Overrides = {}): Config {
  const object = {
    state: { path: join(folder, 'state') },
    sources: [
      {
        name: 'acme',
        connector: 'cylance',
        streams: ['cylance.detection'],
        base_url: url,
        tenant_id: TENANT.tenantId,
        application_id: TENANT.applicationId,
        [overrides.source?.connector === 'apex_central' ? 'api_key' : 'application_secret']: TENANT.applicationSecret,
        rate: { requests_per_second: 10_000, concurrency: 8 },
        retry: { deadline: '60s', first_delay: '20ms', max_delay: '300ms', ...overrides.retry },
        http: { timeout: '5s', ...overrides.http },
        reading: { detail_refresh: ['1s', '2s'], ...overrides.reading },
        ...overrides.source,
      },
    ],
    sinks: overrides.sinks ?? [{ name: 'files', type: 'ndjson', path: join(folder, 'out') }],
    batch: overrides.batch ?? {},
    raw: overrides.raw ?? {},
  };
  const knownStreams = streams.map(({ stream, connector }) => ({ name: stream.name, connector }));
  return parseConfigObject(object, { knownStreams }).config;
}

/** A sink that keeps documents in memory, and can be told to fail. */
export interface MemorySink extends Sink {
  documents: OutDocument[];
  failNext: Error | undefined;
}

export function memorySink(): MemorySink {
  return {
    kind: 'elasticsearch',
    looksUp: true,
    documents: [],
    failNext: undefined,
    async write(batch: Batch) {
      if (this.failNext !== undefined) {
        const error = this.failNext;
        this.failNext = undefined;
        throw error;
      }
      this.documents.push(...batch.documents);
      return { rejections: [], receipt: null };
    },
    async recover(_pipeline, prepared) {
      const ids = new Set(this.documents.map(({ id }) => id));
      return {
        arrived: new Set(prepared.flatMap((batch) => batch.ids.map(({ id }) => id)).filter((id) => ids.has(id))),
      };
    },
    check: async () => [],
    close: async () => {},
  };
}

export interface Opened {
  pipeline: Pipeline;
  store: StateStore;
  delivered: () => number;
  refusals: Refusals;
  close(): Promise<void>;
}

/** The first pipeline of the config, with `sink` in place of its own when given. */
export function openPipeline(
  config: Config,
  options: {
    sink?: Sink;
    now?: () => number;
    streams?: BuildTools['streams'];
    events?: PipelineEvents;
    adopt?: boolean;
  } = {},
): Opened {
  const now = options.now ?? Date.now;
  const tools: BuildTools = {
    streams: options.streams ?? streams,
    log: pino({ level: process.env.TEST_LOG ?? 'silent' }),
    env: {},
    now,
    hardStop: new AbortController().signal,
  };
  const store = openState({ ...config.state, now, exclusive: true });
  tools.owner = { state: store.id, path: config.state.path, adopt: options.adopt ?? false };
  if (config.raw.keep) tools.raw = openRawStore({ ...config.state, forMs: config.raw.forMs, now });
  const built = build(config, tools, options.sink === undefined);
  const [plan] = built.plans;
  if (plan === undefined) throw new Error('the config has no pipeline');
  let delivered = 0;
  const events: PipelineEvents = {
    seen() {},
    delivered(_walk, documents) {
      delivered += documents;
    },
    window() {},
    walked() {},
    refused() {},
    waiting() {},
    paused() {},
    held() {},
    alarmed() {},
    blocked() {},
    owed() {},
    walkFailed() {},
    asking() {},
    began() {},
    ended() {},
    requesting: () => () => {},
    acknowledged() {},
    gaps() {},
    child() {},
    answered() {},
  };
  const pipeline = toPipeline(plan, built, config, store.pipeline(plan.name), tools, options.events ?? events);
  if (options.sink !== undefined) pipeline.sink = options.sink;
  return {
    pipeline,
    store,
    delivered: () => delivered,
    refusals: plan.refusals,
    async close() {
      await built.close();
      store.close();
    },
  };
}

/** A walk over everything that the simulator generated. */
export function wholeRange(simulator: Simulator, id = 'backfill-1'): Walk {
  const toMs = Math.max(Date.parse(simulator.range.end) + 1000, Date.now());
  return { id, kind: 'backfill', range: { fromMs: Date.parse(simulator.range.start) - 1000, toMs } };
}

/** What a perfect connector has delivered, as document ids. */
export function expectedIds(simulator: Simulator): string[] {
  return [...expectedDocuments(simulator).keys()].sort();
}

/** The same, with what each of them is. */
export function expectedDocuments(simulator: Simulator, name: TruthStream = 'cylance.detection'): Map<string, string> {
  const ids = new Map<string, string>();
  for (const { id, what } of expectedRows(simulator, name)) ids.set(id, what);
  return ids;
}

/** Missing, doubled and surplus documents, in words. */
export function differences(simulator: Simulator, stream: TruthStream, sink: MemorySink): string[] {
  const expected = expectedDocuments(simulator, stream);
  const found = new Map<string, number>();
  for (const { id } of sink.documents) found.set(id, (found.get(id) ?? 0) + 1);
  return [
    ...[...expected].filter(([id]) => !found.has(id)).map(([, what]) => `missing ${what}`),
    ...[...found].filter(([, times]) => times > 1).map(([id, times]) => `${times} times ${expected.get(id) ?? id}`),
    ...[...found.keys()]
      .filter((id) => !expected.has(id))
      .map((id) => `not expected ${sink.documents.find((one) => one.id === id)?.key}`),
  ];
}

/** Row by row, for streams with millions of them. */
export function* expectedRows(simulator: Simulator, name: TruthStream): Generator<{ id: string; what: string }> {
  const registered = streams.find(({ stream }) => stream.name === name);
  if (registered === undefined) throw new Error(`${name} is not registered`);
  const { stream } = registered;
  const ignored = new Set(stream.ignored);
  for (const { id, ordinal, kind, record } of simulator.truthOf(name)) {
    const seen = withoutSecrets(asRead(name, record), stream.secrets);
    const key = kind === 'deleted' ? id : stream.key(seen);
    const revision = revisionOf(seen, ignored);
    // A list record is what a stream without details ships; where details fail for ever, it is marked.
    const isMarked = kind === 'list' && stream.detail !== undefined;
    const shippedAs = kind === 'deleted' ? DELETED : isMarked ? withoutDetail(revision) : revision;
    yield { id: documentId(name, key, ordinal, shippedAs), what: `${key} #${ordinal} ${kind}` };
  }
}

/** The record as its stream hands it on: results are taken out of their reply, addresses put in order. */
export function asRead(name: TruthStream, record: unknown): unknown {
  if (name === 'cylance.device') return inOrder(record);
  if (name !== 'cylance.instaquery_result') return record;
  const { Query, ...entry } = record as { Query: { id: string; name: string } };
  return toRecord(entry, { key: Query.id, facts: { ...Query } });
}
