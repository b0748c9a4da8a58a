/** What is told on call: no green light on a walk that cannot go on, or on a pipeline that has stopped. */

import { type AddressInfo, createServer } from 'node:net';
import pino from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { streams } from '../connectors/index.ts';
import { SluiceError } from '../src/api/errors.ts';
import type { Registered } from '../src/api/stream.ts';
import type { Gap, Page, Walk } from '../src/api/walk.ts';
import { runPipeline } from '../src/engine/runner.ts';
import { runWalk } from '../src/engine/walk.ts';
import { lockedOut } from '../src/net/credentials.ts';
import { createRefusals } from '../src/net/refusals.ts';
import { createTraffic } from '../src/net/traffic.ts';
import { type StatusServer, startServer } from '../src/observe/server/server.ts';
import { createStatistics } from '../src/observe/statistics.ts';
import { createStatus } from '../src/observe/status/status.ts';
import { createRedactor } from '../src/redaction/redactor.ts';
import { detectionsOf, fakeVendor } from './engine/fake-vendor.ts';
import { memorySink, openPipeline, scratch, testConfig } from './engine/harness.ts';

const MINUTE_MS = 60_000;
const LIVE: Walk = { id: 'live', kind: 'live', range: { fromMs: 0, toMs: 1 } };
const REFRESH: Walk = { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: 1 } };
const no = (): never => {
  throw new Error('nobody asked for this');
};
const noSwitches = { pause: no, resume: no, job: no };
const STATE = (state: string) =>
  `sluice_stream_state{source="acme",stream="cylance.detection",sink="files",state="${state}"} 1`;
const TOKEN = 'a-token-7f3QzLp0aVx9-mN4bRt';
let health: StatusServer | undefined;
afterEach(() => health?.close());

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function watched() {
  let nowMs = Date.UTC(2026, 10, 26);
  const config = testConfig('http://127.0.0.1:1', '/nowhere');
  config.health = { ...config.health, host: '127.0.0.1', port: 0 };
  const statistics = createStatistics('acme/cylance.detection/files', () => nowMs);
  const port = await freePort();
  const settings = { ...config, health: { ...config.health, port } };
  const [source] = config.sources;
  if (source === undefined) throw new Error('no source');
  const refusals = createRefusals(() => nowMs);
  const registered = streams.find(({ stream }) => stream.name === 'cylance.detection');
  if (registered === undefined) throw new Error('no stream');
  const plan = { source, registered, refusals, sinkName: 'files', traffic: createTraffic(10, () => nowMs) };
  const redactor = createRedactor();
  redactor.protect(TOKEN);
  const watched = [{ statistics, plan, rejections: () => [], days: () => [] }];
  const model = createStatus({
    ...{ config: () => settings, watched: () => watched, sinkTraffic: () => new Map(), startedMs: nowMs, version: '1' },
    ...{
      clocks: () => ({ nowMs, livedMs: nowMs }),
      clockTrouble: () => undefined,
      jobs: () => [],
    },
  });
  health = await startServer(settings.health, model, {
    log: pino({ level: 'silent' }),
    redactor,
    switchboard: noSwitches,
  });
  const ask = async (path: string) => {
    const reply = await fetch(`http://127.0.0.1:${port}/${path}`);
    return { status: reply.status, text: await reply.text() };
  };
  return {
    statistics,
    refusals,
    ask,
    pass(minutes: number, isWalking = true) {
      nowMs += minutes * MINUTE_MS;
      if (isWalking) statistics.events.walked(REFRESH); // the other walk of the pipeline succeeds all the time
    },
  };
}

describe('what others said', () => {
  const evil = `GET /x answered 503: \u001b[2J\u001b[31mRED\r\nforged\u202e\u009b31m ${TOKEN} ${btoa(TOKEN)}`;

  test('is shown and not obeyed, has an end, and holds no secret', async () => {
    const { statistics, refusals, ask, pass } = await watched();
    statistics.events.walkFailed(LIVE, `${evil}${'x'.repeat(100_000)}`);
    statistics.events.waiting(evil);
    statistics.events.alarmed(evil);
    pass(2);
    refusals.waits('', lockedOut(evil, { advice: evil, status: 401 }));
    pass(61);
    statistics.events.walkFailed(LIVE, `${evil}${'x'.repeat(100_000)}`);
    for (const path of ['healthz', 'readyz']) {
      const { status, text } = await ask(path);
      expect(status).toBe(503);
      expect(text).toContain('forged');
      expect(text).toMatch(/^[\x20-\x7e…]+\n$/);
      expect(text.length).toBeLessThan(4000);
      expect(text).not.toContain(TOKEN.slice(0, 12));
      expect(text).not.toContain(btoa(TOKEN).slice(-14, -2));
      // Whoever prints what it says prints nothing that is obeyed, either.
      expect(JSON.stringify(JSON.parse(text))).toMatch(/\\\\u001b\[2J/);
    }
    expect((await ask('metrics')).text).not.toMatch(/forged|[^\x20-\x7e\n]/);
  });

  test('stops a pipeline, too', async () => {
    const { statistics, ask } = await watched();
    statistics.stopped = { message: `${evil}${'x'.repeat(1000)}`, advice: evil };
    const { text } = await ask('healthz');
    expect(text).toMatch(/forged.*… \([\d,]+ characters more\)/);
    expect(text).toMatch(/^[\x20-\x7e…]+\n$/);
    expect(text).not.toContain(TOKEN.slice(-12));
  });
});

describe('a walk that cannot go on while another one succeeds', () => {
  test('is not ready after two minutes, not alive after an hour, and both again when it is through', async () => {
    const { statistics, ask, pass } = await watched();
    statistics.events.began(LIVE);
    statistics.events.walkFailed(LIVE, 'GET /detections/v2 answered 503');
    expect(await ask('readyz')).toMatchObject({ status: 200 });
    pass(2);
    expect(await ask('readyz')).toMatchObject({ status: 503, text: expect.stringContaining('answered 503') });
    expect(await ask('healthz')).toMatchObject({ status: 200 });
    pass(30);
    statistics.events.walkFailed(LIVE, 'GET /detections/v2 answered 403: blocked');
    pass(30);
    expect(await ask('healthz')).toMatchObject({ status: 503, text: expect.stringContaining('403: blocked') });
    expect((await ask('metrics')).text).toContain(
      'sluice_walk_failing{source="acme",stream="cylance.detection",sink="files",walk="live"} 1',
    );
    statistics.events.walked(LIVE);
    expect(await ask('healthz')).toMatchObject({ status: 200 });
    expect(await ask('readyz')).toMatchObject({ status: 200 });
  });
});

describe('a sink that is away', () => {
  const gauge = 'sluice_sink_failing{sink="files"}';

  test('is waited for, and seen as long as it takes nothing', async () => {
    const { statistics, ask, pass } = await watched();
    const place = scratch();
    const detections = detectionsOf(3, Date.now());
    const vendor = await fakeVendor({ detections: () => detections });
    const sink = memorySink();
    const { write } = sink;
    const away = async () => Promise.reject(new SluiceError('Elasticsearch cannot be reached', { action: 'retry' }));
    sink.write = away;
    const { events } = statistics;
    const { pipeline, store, close } = openPipeline(testConfig(vendor.url, place.path), { sink, events });
    const stop = new AbortController();
    const schedule = { lookbackMs: 86_400_000, pollMs: 200, liveRangeMs: 60_000, sweeps: [], snapshotMs: 1000 };
    const running = runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false });
    try {
      await expect
        .poll(() => statistics.sinkFailing?.reason, { timeout: 20_000 })
        .toBe('Elasticsearch cannot be reached');
      pass(2, false);
      expect(await ask('readyz')).toMatchObject({ status: 503, text: expect.stringContaining('cannot be reached') });
      const { status, text } = await ask('healthz');
      expect({ status, ...JSON.parse(text) }).toMatchObject({
        ...{ status: 'failing' },
        pipelines: [{ ok: true, why: 'the sink cannot go on for 2 min: Elasticsearch cannot be reached' }],
      });
      expect((await ask('metrics')).text).toContain(`${gauge} 1`);
      pass(60, false);
      expect(await ask('healthz')).toMatchObject({ status: 503, text: expect.stringContaining('cannot be reached') });
      // That it says what arrived does not mean that it takes anything.
      const asked = vi.spyOn(sink, 'recover');
      await expect.poll(() => asked.mock.settledResults.length, { timeout: 20_000 }).toBeGreaterThan(0);
      expect(await ask('healthz')).toMatchObject({
        status: 503,
        text: expect.stringContaining('the sink cannot go on for 62 min'),
      });
      sink.write = write;
      await expect.poll(() => sink.documents.length, { timeout: 20_000 }).toBe(3);
      for (const path of ['healthz', 'readyz'])
        expect(JSON.parse((await ask(path)).text)).toMatchObject({ status: 'healthy' });
      expect((await ask('metrics')).text).toContain(`${gauge} 0`);
    } finally {
      stop.abort();
      await running;
      await close();
      await vendor.close();
      place.remove();
    }
  }, 60_000);

  test('that keeps a batch and gives no answer is not ready after a minute', async () => {
    const { statistics, ask, pass } = await watched();
    statistics.events.asking('live');
    pass(2);
    expect(await ask('readyz')).toMatchObject({ status: 503, text: expect.stringContaining('has not answered yet') });
    expect((await ask('metrics')).text).toContain(`${gauge} 1`);
    statistics.events.answered('live', { taken: true });
    expect(await ask('readyz')).toMatchObject({ status: 200 });
  });

  test('when it is asked what arrived is seen, too, and over when it took what it was sent', async () => {
    const { statistics, ask, pass } = await watched();
    statistics.events.asking('recovery');
    pass(5);
    statistics.events.answered('recovery', { failure: 'no broker answers' });
    expect(await ask('readyz')).toMatchObject({ status: 503, text: expect.stringContaining('no broker answers') });
    statistics.events.answered('recovery', {});
    expect(await ask('readyz')).toMatchObject({ status: 503 });
    statistics.events.answered('recovery', { taken: true });
    expect(await ask('readyz')).toMatchObject({ status: 200 });
  });
});

test('gaps are told as long as there are some, with the age of the oldest', async () => {
  const { statistics, ask } = await watched();
  const place = scratch();
  const gap = (id: string, sinceMs: number): Gap => ({
    ...{ id, kind: 'unreadable', range: { fromMs: 0, toMs: 1 }, place: null, reason: 'odd' },
    ...{ sinceMs, nextAtMs: 9e12, attempts: 0 },
  });
  const said: Pick<Page, 'gaps' | 'closedGaps'>[] = [
    { gaps: [gap('a', 7_000), gap('b', 5_000)] },
    { closedGaps: ['b'] },
    { closedGaps: ['a'] },
  ];
  const detection = streams.find(({ stream }) => stream.name === 'cylance.detection') as Registered;
  const pages: Registered['stream']['pages'] = async function* () {
    yield { records: [], cursor: null, ...said.shift() };
  };
  const registered = { ...detection, stream: { ...detection.stream, pages, peek: undefined } };
  const config = testConfig('http://127.0.0.1:1', place.path);
  const opened = openPipeline(config, { sink: memorySink(), events: statistics.events, streams: [registered] });
  const counted = async () => {
    await runWalk(opened.pipeline, LIVE, new AbortController().signal);
    const { text } = await ask('metrics');
    return ['gaps', 'oldest_gap_timestamp_seconds'].map((name) =>
      Number(new RegExp(`^sluice_${name}\\{.*\\} (.*)$`, 'm').exec(text)?.[1] ?? 0),
    );
  };
  try {
    expect(await counted()).toEqual([2, 5]);
    expect(await counted()).toEqual([1, 7]);
    expect(await counted()).toEqual([0, 0]);
  } finally {
    await opened.close();
    place.remove();
  }
});

test('durations are those that the process lived through: a clock that is set says nothing', async () => {
  let nowMs = Date.UTC(2026, 10, 26);
  let livedMs = 0;
  const statistics = createStatistics(
    'acme/cylance.detection/files',
    () => nowMs,
    () => livedMs,
  );
  statistics.events.walkFailed(LIVE, 'GET /detections/v2 answered 503');
  nowMs += 48 * 60 * MINUTE_MS;
  livedMs += 1000;
  statistics.events.walked(REFRESH);
  expect(statistics).toMatchObject({ lastSignMs: 1000, lastSuccessMs: nowMs });
  expect(statistics.failing.get('live')?.sinceMs).toBe(0);
});

test('a pipeline that has stopped is not healthy, and says what to do', async () => {
  const { statistics, ask } = await watched();
  statistics.stopped = { message: 'the scope "x:list" is missing', advice: 'Grant it.' };
  for (const path of ['healthz', 'readyz']) {
    expect(await ask(path)).toMatchObject({ status: 503, text: expect.stringContaining('Grant it.') });
  }
});

test('a full store of rejected documents is failing at once, says what to do, and is over when there is room', async () => {
  const { statistics, ask } = await watched();
  statistics.events.blocked({ message: 'the store is full', advice: 'Drop some.' });
  for (const path of ['healthz', 'readyz'])
    expect(await ask(path)).toMatchObject({ status: 503, text: expect.stringMatching(/the store is full.*Drop some/) });
  expect((await ask('metrics')).text).toContain(STATE('failing'));
  statistics.events.blocked(undefined);
  expect((await ask('healthz')).status).toBe(200);
});

test('what a person should look at is told, and is no failure', async () => {
  const { statistics, ask } = await watched();
  statistics.events.alarmed('the list has 0 records of 20');
  for (const path of ['healthz', 'readyz']) {
    const { status, text } = await ask(path);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      status: 'degraded',
      pipelines: [{ why: 'the list has 0 records of 20' }],
    });
  }
  expect((await ask('metrics')).text).toContain(STATE('degraded'));
  statistics.events.alarmed(undefined);
  expect(JSON.parse((await ask('healthz')).text)).toMatchObject({ status: 'healthy' });
});

describe('what the vendor refuses', () => {
  const LIST = '/detections/v2';

  test('is told as degraded after a minute, and over when it is answered', async () => {
    const { refusals, ask, pass } = await watched();
    const error = new SluiceError('GET /detections/v2 answered 429', {
      action: 'retry',
      general: 'route',
      status: 429,
    });
    refusals.count(error);
    refusals.waits(LIST, error);
    refusals.waits('/devices/v2', new SluiceError('not ours', { action: 'retry', status: 429 }));
    expect(JSON.parse((await ask('healthz')).text)).toMatchObject({ status: 'healthy' });
    pass(2);
    for (const path of ['healthz', 'readyz']) {
      const { status, text } = await ask(path);
      expect(status).toBe(200);
      const why = 'GET /detections/v2 answered 429';
      expect(JSON.parse(text)).toMatchObject({ status: 'degraded', pipelines: [{ why }] });
    }
    refusals.answered(LIST);
    expect(JSON.parse((await ask('healthz')).text)).toMatchObject({ status: 'healthy' });
  });

  test('is failing at once where nobody is let in, and after an hour of nothing but 403s', async () => {
    const { refusals, ask, pass } = await watched();
    refusals.waits('', lockedOut('the vendor refused the credentials', { advice: 'Check the secret.' }));
    for (const path of ['healthz', 'readyz']) {
      expect(await ask(path)).toMatchObject({ status: 503, text: expect.stringContaining('Check the secret.') });
    }
    refusals.answered('');
    refusals.waits(LIST, new SluiceError('answered 403: blocked', { action: 'forbidden', status: 403 }));
    pass(1);
    expect(await ask('readyz')).toMatchObject({ status: 200, text: expect.stringContaining('degraded') });
    pass(58);
    expect(await ask('readyz')).toMatchObject({ status: 503, text: expect.stringContaining('failing') });
    expect(await ask('healthz')).toMatchObject({ status: 200 });
    pass(2);
    expect(await ask('healthz')).toMatchObject({ status: 503, text: expect.stringContaining('403: blocked') });
    refusals.answered(LIST);
    expect(await ask('healthz')).toMatchObject({ status: 200 });
  });
});
