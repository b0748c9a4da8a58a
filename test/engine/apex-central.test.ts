/** Footprints of Apex Central against the simulator: what arrives is exactly what a perfect connector ships. */
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import type { FaultPlan, Simulator, SimulatorOptions } from '../../simulator/index.ts';
import { parseConfigObject } from '../../src/config/load.ts';
import { recover } from '../../src/engine/recover.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { seed } from '../seed.ts';
import {
  differences,
  documentOf,
  type MemorySink,
  memorySink,
  openPipeline,
  scratch,
  simulate,
  wholeRange,
} from './harness.ts';

const STREAM = 'apex_central.footprint';
const KEY = 'the-key-of-the-test';
const never = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function simulated(apex: SimulatorOptions['apex'], options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  console.log(`seed ${seed}`);
  const simulator = await simulate({
    ...{ seed, detections: 0 },
    ...options,
    apex: { applicationId: 'app-1', apiKey: KEY, footprints: 12, ...apex },
  });
  cleanups.push(() => simulator.close());
  return simulator;
}

interface Overrides {
  reading?: Record<string, unknown>;
  source?: Record<string, unknown>;
  now?: () => number;
}

function start(simulator: Simulator, sink: MemorySink, { reading, source, now }: Overrides = {}) {
  const folder = scratch();
  cleanups.push(folder.remove);
  const config = parseConfigObject(
    {
      state: { path: `${folder.path}/state` },
      sources: [
        {
          ...{
            name: 'apex',
            connector: 'apex_central',
            base_url: simulator.url,
            application_id: 'app-1',
            api_key: KEY,
          },
          rate: { requests_per_second: 10_000, concurrency: 8 },
          retry: { deadline: '60s', first_delay: '5ms', max_delay: '50ms' },
          reading: { task_poll: '10ms', task_deadline: '20s', ...reading },
          ...source,
        },
      ],
      sinks: [{ name: 'files', type: 'ndjson', path: `${folder.path}/out` }],
    },
    { knownStreams: streams.map(({ stream, connector }) => ({ name: stream.name, connector })) },
  ).config;
  const opened = openPipeline(config, { sink, now });
  cleanups.push(opened.close);
  return opened;
}

describe('footprints', () => {
  test('are shipped whole and once, without secrets, and a second walk finds nothing new', async () => {
    const simulator = await simulated({}, { plantSecrets: true });
    const sink = memorySink();
    const { pipeline, store } = start(simulator, sink);
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(sink.documents.length).toBeGreaterThan(80);
    expect(differences(simulator, STREAM, sink)).toEqual([]);
    const texts = sink.documents.map(({ json }) => json.toString()).join('\n');
    expect([...simulator.truthOf(STREAM)].map((row) => JSON.stringify(row)).join()).toContain('PLANTED-SECRET');
    for (const secret of ['PLANTED-SECRET', KEY]) expect(texts).not.toContain(secret);
    expect(texts).not.toMatch(/eyJ[\w-]+\.eyJ/); // a token; two letters more may stand in a hash by chance
    await runWalk(pipeline, wholeRange(simulator, 'backfill-2'), never);
    expect(differences(simulator, STREAM, sink)).toEqual([]);
    const rows = store.pipeline(pipeline.name).ledger(1000);
    expect(rows.every(({ settled }) => settled)).toBe(true);
    expect(simulator.stats().forbiddenCalls).toBe(0);
  });

  test('hold ids of 64 bits digit by digit, name their parents, and join with Cylance on host.id', async () => {
    const simulator = await simulated({});
    const sink = memorySink();
    const { pipeline } = start(simulator, sink);
    await runWalk(pipeline, wholeRange(simulator), never);
    const documents = sink.documents.map(documentOf);
    const truth = [...simulator.truthOf(STREAM)].map(({ record }) => record as Record<string, string>);
    const links = (own: unknown) => (own as { footprint: { meta_link_id?: string } }).footprint.meta_link_id;
    expect(new Set(documents.map(({ apex_central }) => links(apex_central)))).toEqual(
      new Set(truth.map(({ metaLinkId }) => metaLinkId)),
    );
    expect(truth.some(({ metaLinkId }) => Math.abs(Number(metaLinkId)) > Number.MAX_SAFE_INTEGER)).toBe(true);
    expect(documents.some(({ process }) => (process as { parent?: unknown } | undefined)?.parent !== undefined)).toBe(
      true,
    );
    expect(documents.some(({ file }) => file !== undefined)).toBe(true);
    expect(documents.some(({ event }) => event.kind === 'pipeline_error')).toBe(true);
    for (const { host } of documents) expect((host as { id: string }).id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  });

  test('of a task that answers empty, twice more when asked, and then in three parts with places that are no JSON', async () => {
    const simulator = await simulated({});
    const sink = memorySink();
    const { pipeline } = start(simulator, sink);
    const places = new Map<string, string[]>();
    const { json } = pipeline.client;
    pipeline.client.json = (request) => {
      const { TaskId, ContentId } = request.body as { TaskId?: string; ContentId?: string };
      if (TaskId !== undefined) places.set(TaskId, [...(places.get(TaskId) ?? []), ContentId ?? '?']);
      return json(request);
    };
    await runWalk(pipeline, wholeRange(simulator), never);
    const slow = [...places.values()].filter((asked) => asked.length === 5);
    expect(slow.length).toBeGreaterThan(0);
    for (const asked of slow) {
      expect(asked.slice(0, 3)).toEqual(['', '', '']); // empty, empty, the first part
      for (const place of asked.slice(3)) expect(() => JSON.parse(place)).toThrow();
    }
    expect(differences(simulator, STREAM, sink)).toEqual([]);
    expect([...pipeline.state.openChildren()]).toEqual([]);
  });

  test.each([1, 5])('in lists of %i', async (pageSize) => {
    const simulator = await simulated({ footprints: 7 });
    const sink = memorySink();
    const { pipeline } = start(simulator, sink, { reading: { page_size: pageSize } });
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(differences(simulator, STREAM, sink)).toEqual([]);
  });

  test('that the configuration names are read once, however it writes them', async () => {
    const simulator = await simulated({ footprints: 3 });
    const [row] = simulator.truthOf(STREAM);
    const { serverGuid, agentGuid, scanSummaryGuid } = (row as { record: unknown }).record as Record<string, string>;
    const parents = { [STREAM]: [`${serverGuid}/${agentGuid}/${scanSummaryGuid}`.toUpperCase()] };
    const sink = memorySink();
    const { pipeline } = start(simulator, sink, { source: { parents } });
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(differences(simulator, STREAM, sink)).toEqual([]);
  });
});

const FAULTS: Record<string, { apex?: SimulatorOptions['apex']; faults?: FaultPlan }> = {
  'failures within HTTP 200': { apex: { failEvery: 3 } },
  'parts with another status than 0': { apex: { statusEvery: 2 } },
  'too many requests': { faults: [{ fault: 'rate-limit', endpoint: 'apex', every: 4, retryAfter: 'none' }] },
  'server errors': { faults: [{ fault: 'server-error', endpoint: 'apex', every: 3 }] },
  resets: { faults: [{ fault: 'reset', endpoint: 'apex', every: 5 }] },
  'broken bodies': { faults: [{ fault: 'reset-body', endpoint: 'apex', every: 4 }] },
  'truncated JSON': { faults: [{ fault: 'truncated-json', endpoint: 'apex', every: 4 }] },
  'pages of HTML': { faults: [{ fault: 'html-page', endpoint: 'apex', every: 5 }] },
};

test.each(Object.entries(FAULTS))('under %s everything is shipped whole and once', async (_name, { apex, faults }) => {
  const simulator = await simulated(apex ?? {}, { faults });
  const sink = memorySink();
  const { pipeline } = start(simulator, sink);
  for (let walk = 1; walk <= 3; walk++) {
    await recover(pipeline);
    await runWalk(pipeline, wholeRange(simulator, `backfill-${walk}`), never);
  }
  expect(differences(simulator, STREAM, sink)).toEqual([]);
  if (faults !== undefined) expect(simulator.stats().unusedFaults).toEqual([]);
});

test('a task that never ends is given up at its deadline, said so, and asked for again later; the others are shipped', async () => {
  const simulator = await simulated({ endless: 1, footprints: 4 });
  let nowMs = Date.now();
  const startedAt = Date.now();
  const sink = memorySink();
  const { pipeline } = start(simulator, sink, {
    reading: { task_deadline: '3s', snapshot: '1m' },
    now: () => nowMs + (Date.now() - startedAt),
  });
  const said: string[] = [];
  pipeline.log.warn = ((_fields: unknown, text: string) => void said.push(text)) as typeof pipeline.log.warn;
  const [first] = simulator.truthOf(STREAM);
  const { serverGuid, agentGuid, scanSummaryGuid } = (first as { record: unknown }).record as Record<string, string>;
  const key = `${serverGuid}/${agentGuid}/${scanSummaryGuid}`.toLowerCase();
  const live = { ...wholeRange(simulator, 'live'), kind: 'live' as const, once: true };
  let tasks = 0;
  const { json } = pipeline.client;
  pipeline.client = {
    ...pipeline.client,
    json: (request) => {
      if (JSON.stringify(request.body?.Payload ?? {}).includes(`"${agentGuid}"`)) tasks++;
      return json(request);
    },
  };
  await runWalk(pipeline, live, never);
  expect(said.filter((text) => /task [0-9A-F-]{36} has not ended after \d+ s/.test(text))).toHaveLength(1);
  expect(tasks).toBe(1); // a deadline is not waited for five times
  expect(pipeline.state.child(key)).toMatchObject({ status: 'open', failures: 1, records: null });
  const others = differences(simulator, STREAM, sink).filter((line) => !line.includes(key.split('/')[1] as string));
  expect(others).toEqual([]);
  await runWalk(pipeline, live, never); // too early
  expect(tasks).toBe(1);
  expect(pipeline.state.child(key)).toMatchObject({ failures: 1 });
  nowMs += 65_000;
  await runWalk(pipeline, live, never);
  expect(pipeline.state.child(key)).toMatchObject({ status: 'open', failures: 2 });
  expect(tasks).toBe(2);
});

/** Between Sluice and the vendor: changes the last byte but one of each signature on its way. */
async function spoiling(simulator: Simulator): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { authorization = '', ...headers } = request.headers;
    const at = authorization.length - 2;
    const spoiled = authorization.slice(0, at) + (authorization[at] === 'A' ? 'B' : 'A') + authorization.slice(at + 1);
    const reply = await fetch(simulator.url + request.url, {
      method: request.method ?? 'PUT',
      headers: { 'content-type': String(headers['content-type']), authorization: spoiled },
      body: Buffer.concat(chunks),
    });
    response.writeHead(reply.status, { date: reply.headers.get('date') ?? '' }).end(await reply.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

test.each<[string, (simulator: Simulator) => Promise<Record<string, string>>]>([
  ['made with another key', async () => ({ api_key: 'another-key' })],
  ['made with a key that is wrong by one byte', async () => ({ api_key: `${KEY.slice(0, -1)}T` })],
  ['wrong by one byte', async (simulator) => ({ base_url: await spoiling(simulator) })],
])('a signature %s is refused, reported as that, and stops', async (_what, sourceFor) => {
  const simulator = await simulated({});
  const { pipeline } = start(simulator, memorySink(), { source: await sourceFor(simulator) });
  await expect(pipeline.client.authenticate(never)).rejects.toMatchObject({
    action: 'stop',
    message: expect.stringMatching(/^source "apex": Apex Central refused the signature of the request \(HTTP 401\): /),
    advice: expect.stringMatching(/application_id and api_key.*clock/),
  });
  await expect(runWalk(pipeline, wholeRange(simulator), never)).rejects.toMatchObject({ action: 'stop' });
});

test('a clock that is wrong is named', async () => {
  const simulator = await simulated({}, { faults: [{ fault: 'clock-skew', seconds: 900 }] });
  const { pipeline } = start(simulator, memorySink());
  await expect(pipeline.client.authenticate(never)).rejects.toMatchObject({
    action: 'stop',
    advice: expect.stringContaining("clock is 15 min behind the vendor's"),
  });
});
