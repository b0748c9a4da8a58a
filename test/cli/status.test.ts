/**
 * What an operator asks at 3 a.m.: nine questions, each in a scenario whose answer is bad, and each answered by the JSON that
 * the page shows, by `sluice status`, and by a metric.
 */

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import type { Status, StreamStatus } from '../../src/observe/status/model.ts';
import { startProxy } from '../services/proxy.ts';
import { type Started, until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
let proxy: Awaited<ReturnType<typeof startProxy>> | undefined;
afterEach(async () => {
  await place.close();
  await proxy?.stop();
  proxy = undefined;
});

const LABELS = 'source="acme",stream="cylance.detection",sink="files"';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Running {
  run: Started;
  port: number;
  status(): Promise<Status>;
  stream(): Promise<StreamStatus>;
  /** The value of the sample with this name and these labels. */
  metric(name: string): Promise<number | undefined>;
  /** What `sluice status` says. */
  said(...more: string[]): Promise<string>;
  stop(): Promise<void>;
}

/** A running Sluice; `source` and `extra` are lines of its config. */
async function start({
  url,
  rate,
  source = '',
  extra = '',
  sink,
}: {
  url?: string;
  rate?: number;
  source?: string;
  extra?: string;
  sink?: string;
} = {}): Promise<Running> {
  const port = await freePort();
  place.configure({ url, rate, sink, extra: `health: { port: ${port} }\nlog: { format: json }\n${extra}` });
  if (source !== '') {
    const file = join(place.folder, 'sluice.yaml');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('    http: { proxy: none }\n', (line) => `${line}    ${source}\n`),
    );
  }
  const run = place.start('run');
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  await until(() => /health and metrics are served/.test(run.said()));
  const status = async () => JSON.parse(await get('/api/status')) as Status;
  return {
    ...{ run, port, status },
    async stream() {
      const [stream] = (await status()).streams;
      if (stream === undefined) throw new Error('no stream');
      return stream;
    },
    async metric(name) {
      const line = (await get('/metrics')).split('\n').find((one) => one.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.slice(name.length + 1));
    },
    said: async (...more) => (await place.sluice('status', ...more)).stdout,
    async stop() {
      run.child.kill('SIGTERM');
      await run.ended;
    },
  };
}

async function eventually<T>(look: () => Promise<T>, isIt: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (isIt(seen)) return seen;
    await sleep(250);
  }
}

test('1, 2, 3: is it lagging, how far behind is it, and when was the last document?', async () => {
  place = await workplace({ detections: 40, endTime: new Date().toISOString(), spanDays: 1 });
  let isSlow = false;
  proxy = await startProxy(place.simulator.url, ({ path }) => (isSlow && !/auth/.test(path) ? 'swallow' : 'forward'));
  const running = await start({
    url: proxy.url,
    source: 'objective: 2s\n    reading: { poll: 1s, lookback: 2d }',
  });
  const well = await eventually(running.stream, ({ delivered }) => delivered === 40);
  expect(well.lastDocument).toBeDefined();
  isSlow = true;
  const late = await eventually(running.stream, ({ state }) => state === 'degraded');
  expect(late).toMatchObject({ objectiveSeconds: 2, reason: expect.stringContaining('behind the vendor') });
  expect(late.lagSeconds).toBeGreaterThan(3);
  expect(await running.metric(`sluice_stream_state{${LABELS},state="degraded"}`)).toBe(1);
  expect(await running.metric(`sluice_lag_seconds{${LABELS}}`)).toBeGreaterThan(3);
  expect(await running.metric(`sluice_delivery_objective_seconds{${LABELS}}`)).toBe(2);
  const at = Date.parse(late.lastDocument ?? '') / 1000;
  expect(await running.metric(`sluice_last_document_timestamp_seconds{${LABELS}}`)).toBeCloseTo(at, 0);
  expect(await running.said()).toMatch(
    /acme\/cylance\.detection\/files +degraded +\d+\.\d s +\d+\.\d s ago .*[\s\S]*is degraded since .*: [\d.]+ s behind the vendor/,
  );
  await running.stop();
}, 120_000);

test('4: is it broken, or quiet? One fails and is not called silent, the other is silent and does not fail', async () => {
  place = await workplace({ detections: 5, endTime: new Date().toISOString(), spanDays: 1 });
  let refused = false;
  proxy = await startProxy(place.simulator.url, ({ path }) =>
    refused && /auth/.test(path)
      ? { status: 401, body: { message: 'no' } }
      : refused
        ? { status: 401, body: {} }
        : 'forward',
  );
  const source = 'expect_within: { cylance.detection: 2s }\n    reading: { poll: 1s, lookback: 2d }';
  const running = await start({ url: proxy.url, source });
  const quiet = await eventually(running.stream, ({ state }) => state === 'silent');
  expect(quiet).toMatchObject({ expectWithinSeconds: 2, reason: expect.stringContaining('requests succeed') });
  expect(quiet.error).toBeUndefined();
  expect(quiet.walks.every(({ state }) => state === 'healthy')).toBe(true);
  expect(await running.metric(`sluice_stream_state{${LABELS},state="silent"}`)).toBe(1);
  expect(await running.metric(`sluice_stream_state{${LABELS},state="failing"}`)).toBe(0);
  expect(await running.said()).toMatch(
    /files is silent since .*: nothing new for .*, which is longer than expected \(2\.0 s\)/,
  );
  refused = true;
  const broken = await eventually(running.stream, ({ state }) => state === 'failing');
  expect(broken).toMatchObject({ error: { advice: expect.any(String) }, waiting: { for: 'person' } });
  expect(await running.metric(`sluice_stream_state{${LABELS},state="silent"}`)).toBe(0);
  expect(await running.metric(`sluice_stream_state{${LABELS},state="failing"}`)).toBe(1);
  const { code, stdout } = await place.sluice('status');
  expect({ code, stdout }).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/files is failing since .*\n {2}→ /),
  });
  await running.stop();
}, 120_000);

test('6, 7, 8: the backfill, last Tuesday, and the requests', async () => {
  place = await workplace({ detections: 3000, endTime: new Date().toISOString(), spanDays: 30 });
  let throttled = 5;
  proxy = await startProxy(place.simulator.url, ({ path }) =>
    /\/details$/.test(path) && throttled-- > 0 ? { status: 429, body: {} } : 'forward',
  );
  const running = await start({ url: proxy.url, rate: 50, source: 'reading: { lookback: 1h, poll: 1s }' });
  await eventually(running.stream, ({ walks }) => walks.some(({ lastSuccess }) => lastSuccess !== undefined));
  const fromMs = Date.now() - 20 * 86_400_000;
  const from = new Date(fromMs).toISOString();
  const asked = await place.sluice('backfill', '--from', from, '--detach');
  expect(asked.stdout).toBe('job 1\n');
  const under = await eventually(
    running.status,
    ({ jobs }) => (jobs[0]?.delivered ?? 0) > 100 && jobs[0]?.secondsLeft !== undefined,
  );
  const [job] = under.jobs;
  expect(job).toMatchObject({ id: 1, status: 'running' });
  expect(job?.records).toBeGreaterThan(1500);
  expect(job?.part).toBeLessThan(0.9);
  expect(await running.metric('sluice_job_records{id="1"}')).toBe(job?.records);
  expect(await running.metric('sluice_job_delivered{id="1"}')).toBeGreaterThan(100);
  expect(await running.metric('sluice_job_remaining_seconds{id="1"}')).toBeGreaterThan(5);
  expect(await running.said()).toMatch(
    /job 1 \(.*\): running, \d+ %, [\d,]+ of [\d,]+ records, [\d,]+ delivered, 0 refused, about .* left/,
  );

  const [stream] = under.streams;
  const weekAgo = stream?.days[7];
  expect(stream?.days).toHaveLength(8);
  expect(weekAgo?.read).toBeLessThan(1); // the backfill has not come so far
  expect(await running.metric(`sluice_day_read_ratio{${LABELS},days_ago="7"}`)).toBeLessThan(1);
  expect(await running.said('--all')).toContain(`${weekAgo?.day}  ${((weekAgo?.read ?? 0) * 100).toFixed(1)} % read`);

  const [source] = under.sources;
  expect(source).toMatchObject({ throttled: 5, budget: { requestsPerSecond: 50 } });
  expect(source?.requests['200']).toBeGreaterThan(100);
  expect(source?.budget.waitedSeconds).toBeGreaterThan(1);
  expect(await running.metric('sluice_requests_total{source="acme",status="429"}')).toBe(5);
  expect(await running.metric('sluice_throttled_total{source="acme"}')).toBe(5);
  expect(await running.metric('sluice_budget_used_ratio{source="acme"}')).toBeGreaterThan(0.1);
  expect(await running.metric('sluice_budget_wait_seconds_total{source="acme"}')).toBeGreaterThan(1);
  expect(await running.said()).toMatch(
    /source acme \(\w+\): [\d,]+ requests \(.*5 × 429.*\), 5 times asked for a slower pace; \d+ % of 50 a second (?:\(slowed to [\d.]+\) )?used/,
  );
  await running.stop();
}, 180_000);

test('5, 9: what was rejected, and why; which version is it, and are the templates current?', async () => {
  place = await workplace({ detections: 12, endTime: new Date().toISOString(), spanDays: 1 });
  const reason = "[1:9] failed to parse field [host.ip] of type [ip] in document with id 'a'";
  const cluster = createHttpServer(async (request, response) => {
    const sent = await buffer(request);
    const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent).toString();
    const say = (reply: object) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    if (/_bulk/.test(request.url ?? '')) {
      const documents = body.match(/^\{"create"/gm)?.length ?? 0;
      const refused = { status: 400, error: { type: 'document_parsing_exception', reason } };
      say({ items: Array.from({ length: documents }, (_, at) => ({ create: at < 2 ? refused : { status: 201 } })) });
    } else if (/_template/.test(request.url ?? '')) say({ index_templates: [], component_templates: [] });
    else say({ timed_out: false, _shards: { total: 1, successful: 1, failed: 0 }, hits: { hits: [] } });
  });
  cluster.listen(0, '127.0.0.1');
  await once(cluster, 'listening');
  const { port } = cluster.address() as { port: number };
  const sink = `{ name: files, type: elasticsearch, nodes: ["http://127.0.0.1:${port}"] }`;
  const running = await start({ sink, source: 'reading: { lookback: 2d }' });
  try {
    const stream = await eventually(running.stream, ({ delivered, rejected }) => delivered + rejected >= 12);
    const waiting = stream.rejections.waiting;
    const told = await eventually(
      running.stream,
      ({ state, rejections }) => state === 'degraded' && rejections.waiting >= 2,
    );
    expect(told.rejections).toMatchObject({
      causes: [
        { cause: 'mapping conflict', field: 'host.ip', reason, suggestion: expect.stringContaining('sluice setup') },
      ],
    });
    expect(waiting).toBeLessThanOrEqual(told.rejections.waiting);
    expect(await running.metric(`sluice_rejections_waiting{${LABELS}}`)).toBe(told.rejections.waiting);
    expect(await running.metric(`sluice_rejected_total{${LABELS}}`)).toBe(told.rejected);
    expect(await running.said()).toMatch(
      /\d documents refused: mapping conflict in host\.ip: .*failed to parse.*\n {2}→ The index has another type/,
    );

    const { version, sinks } = await eventually(
      running.status,
      (seen) => seen.sinks[0]?.templatesCurrent !== undefined,
    );
    expect(sinks).toMatchObject([
      { sink: 'files', type: 'elasticsearch', templatesCurrent: false, rejectionsWaiting: told.rejections.waiting },
    ]);
    expect(sinks[0]?.bytes).toBeGreaterThan(1000);
    expect(await running.metric('sluice_templates_current{sink="files"}')).toBe(0);
    expect(await running.metric(`sluice_build_info{version="${version}",node="${process.versions.node}"}`)).toBe(1);
    expect(await running.said()).toMatch(
      new RegExp(`^Sluice ${version}: degraded, running since[^]*templates are older: \`sluice setup\``),
    );
  } finally {
    await running.stop();
    cluster.closeAllConnections();
    cluster.close();
  }
}, 120_000);

test('where nobody runs, what the state remembers is told, and that nobody runs', async () => {
  place = await workplace({ detections: 10, endTime: new Date().toISOString(), spanDays: 1 });
  place.configure();
  const none = await place.sluice('status');
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no state in') });
  expect((await place.sluice('run', '--once')).code).toBe(0);
  const unset = await place.sluice('status');
  expect(unset.stdout).toMatch(/^health\.port is not set: this is what the state remembers\nSluice .*: not running\n/);
  expect(unset.stdout).toMatch(/acme\/cylance\.detection\/files +healthy +[\d.]+ m?s/);
  place.configure({ extra: `health: { port: ${await freePort()} }\n` });
  await place.sluice('pause', '--reason', 'a flood');
  const { code, stdout } = await place.sluice('status', '--json');
  const status = JSON.parse(stdout) as Status;
  expect({ code, status }).toMatchObject({
    code: 0,
    status: { isRunning: false, state: 'paused', streams: [{ state: 'paused' }] },
  });
  expect(status.streams[0]?.walks.map(({ walk }) => walk)).toEqual(expect.arrayContaining(['live']));
  expect((await place.sluice('status', '--url', 'http://127.0.0.1:9')).code).toBe(1);
  expect((await place.sluice('status', '--watch', '--json')).code).toBe(2);
}, 120_000);

test('it is shown again and again until it is stopped', async () => {
  place = await workplace({ detections: 5, endTime: new Date().toISOString(), spanDays: 1 });
  const running = await start({ source: 'reading: { lookback: 2d }' });
  const watching = place.start('status', '--watch');
  await until(() => (watching.said().match(/^Sluice .*: healthy, running since/gm) ?? []).length >= 2);
  watching.child.kill('SIGINT');
  expect((await watching.ended).code).toBe(0);
  await running.stop();
}, 60_000);
