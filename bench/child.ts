/** One measured run in a process of its own: prints its records, CPU, wall time and peak memory as JSON. */
import v8 from 'node:v8'; if (process.env.VF) for (const f of process.env.VF.split(' ')) v8.setFlagsFromString(f);
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import fetch from 'node-fetch';
import pino from 'pino';
import { cylance } from '../connectors/cylance/client.ts';
import { streams } from '../connectors/index.ts';
import { build, type BuildTools, toPipeline } from '../src/build.ts';
import { createBudget } from '../src/budget.ts';
import { parseConfigObject } from '../src/config.ts';
import { createHttp } from '../src/http.ts';
import { recover, runWalk } from '../src/pipeline.ts';
import { openState } from '../src/state/sqlite.ts';
import type { SourceSettings, Walk } from '../src/types.ts';

/** What the parent asks for, as JSON in the first argument. */
export interface Task {
  mode: 'raw' | 'mapped' | 'sluice';
  url: string;
  folder: string;
  fromMs: number;
  toMs: number;
  details: boolean;
  concurrency: number;
  /** Elasticsearch instead of files. */
  elasticsearch?: string;
  /** How often each page is read, for the floors. */
  passes: number;
}

export interface Measured {
  records: number;
  seconds: number;
  cpuSeconds: number;
  peakMiB: number;
}

export const CREDENTIALS = { tenantId: 'bench', applicationId: 'bench', applicationSecret: 'secret-of-the-benchmark' };

const PAGE_SIZE = 200;
const [registered] = streams;
if (registered === undefined) throw new Error('no stream');
const { stream, mapping } = registered;

function settings(task: Task): SourceSettings {
  return {
    name: 'bench',
    connector: 'cylance',
    region: 'na',
    baseUrl: task.url,
    keepOriginal: false,
    tenantId: CREDENTIALS.tenantId,
    applicationId: CREDENTIALS.applicationId,
    applicationSecret: () => CREDENTIALS.applicationSecret,
  };
}

/** The least that any connector does: download the pages, parse, stringify each record (mapped or not), write. */
async function floor(task: Task): Promise<number> {
  const never = new AbortController().signal;
  const http = createHttp({ timeoutMs: 60_000, maxBodyBytes: 1e9, env: {} }, createBudget({ requestsPerSecond: 1e6, concurrency: 8 }));
  let token = '';
  const taking = { http: async (request: Parameters<typeof http.request>[0]) => {
    token = request.headers?.authorization ?? token;
    return http.request(request);
  }, retry: { deadlineMs: 1, firstDelayMs: 1, maxDelayMs: 1 }, log: pino({ level: 'silent' }), now: Date.now };
  const client = cylance.open(settings(task), taking);
  await client.json({ path: '/detections/v2/recent', scope: '', priority: 'live', signal: never, accept: (reply) => reply });
  const agent = new Agent({ keepAlive: true });
  const facts = cylance.facts(settings(task));
  const out = createWriteStream(join(task.folder, 'floor.ndjson'));
  let records = 0;
  const bounds = `start=${new Date(task.fromMs).toISOString()}&end=${new Date(task.toMs).toISOString()}`;
  for (let pass = 1; pass <= task.passes; pass++) {
    for (let page = 1, pages = 1; page <= pages; page++) {
      const url = `${task.url}/detections/v2?${bounds}&sort=OccurrenceTime&page=${page}&page_size=${PAGE_SIZE}`;
      const reply = await fetch(url, { agent, headers: { authorization: token } });
      const body = JSON.parse(await reply.text()) as { total_pages: number; page_items: unknown[] };
      pages = body.total_pages;
      if (pass > 1) continue;
      let text = '';
      for (const record of body.page_items) text += `${JSON.stringify(task.mode === 'raw' ? record : mapping(record, facts))}\n`;
      records += body.page_items.length;
      if (!out.write(text)) await new Promise((resolve) => out.once('drain', () => resolve(undefined)));
    }
  }
  out.end();
  await finished(out);
  return records;
}

async function sluice(task: Task): Promise<number> {
  const sink = task.elasticsearch === undefined
    ? { name: 'out', type: 'ndjson', path: join(task.folder, 'out') }
    : { name: 'out', type: 'elasticsearch', nodes: [task.elasticsearch] };
  const { config } = parseConfigObject({
    state: { path: join(task.folder, 'state') },
    sources: [{
      name: 'bench', connector: 'cylance', base_url: task.url, tenant_id: CREDENTIALS.tenantId,
      application_id: CREDENTIALS.applicationId, application_secret: CREDENTIALS.applicationSecret,
      rate: { requests_per_second: 100_000, concurrency: task.concurrency },
      reading: { page_size: PAGE_SIZE, details: task.details },
    }],
    sinks: [sink],
  }, { knownStreams: streams.map((one) => ({ name: one.stream.name, connector: one.connector.name })) });
  const tools: BuildTools = { streams, log: pino({ level: 'silent' }), env: {}, now: Date.now, hardStop: new AbortController().signal };
  const built = build(config, tools);
  const store = openState({ path: config.state.path, now: Date.now, exclusive: true });
  const [line] = built.lines;
  if (line === undefined) throw new Error('no pipeline');
  let records = 0;
  const events = { seen() {}, window() {}, walked() {}, waiting() {}, delivered: (_: string, documents: number) => void (records += documents) };
  const pipeline = toPipeline(line, built, config, store.pipeline(line.name), tools, events);
  const walk: Walk = { id: 'backfill-1', kind: 'backfill', range: { fromMs: task.fromMs, toMs: task.toMs } };
  await recover(pipeline);
  await runWalk(pipeline, walk, new AbortController().signal);
  await built.close();
  store.close();
  return records;
}

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
rmSync(task.folder, { recursive: true, force: true });
mkdirSync(task.folder, { recursive: true });
void stream;
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const records = task.mode === 'sluice' ? await sluice(task) : await floor(task);
const { user, system } = process.cpuUsage(cpuBefore);
const measured: Measured = {
  records,
  seconds: (performance.now() - startedAt) / 1000,
  cpuSeconds: (user + system) / 1e6,
  peakMiB: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(`${JSON.stringify(measured)}\n`);
process.exit(0);
