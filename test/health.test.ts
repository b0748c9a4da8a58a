/** What is told on call: no green light on a walk that cannot go on, or on a pipeline that has stopped. */
import pino from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { type Health, startHealth } from '../src/health.ts';
import type { Walk } from '../src/types.ts';
import { createWatch } from '../src/watch.ts';
import { testConfig } from './engine/harness.ts';

const MINUTE_MS = 60_000;
const LIVE: Walk = { id: 'live', kind: 'live', range: { fromMs: 0, toMs: 1 } };
const REFRESH: Walk = { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: 1 } };
let health: Health | undefined;
let opened = 0;
afterEach(() => health?.close());

async function watched() {
  let nowMs = Date.UTC(2026, 10, 26);
  const config = testConfig('http://127.0.0.1:1', '/nowhere');
  config.health = { ...config.health, host: '127.0.0.1', port: 0 };
  const watch = createWatch('acme/cylance.detection/files', () => nowMs);
  const port = 30_000 + (process.pid % 20_000) + opened++;
  const settings = { ...config, health: { ...config.health, port } };
  const [source] = config.sources;
  if (source === undefined) throw new Error('no source');
  health = await startHealth(settings, [{ watch, line: { source } }], pino({ level: 'silent' }), () => nowMs);
  const ask = async (path: string) => {
    const reply = await fetch(`http://127.0.0.1:${port}/${path}`);
    return { status: reply.status, text: await reply.text() };
  };
  return {
    watch,
    ask,
    pass(minutes: number) {
      nowMs += minutes * MINUTE_MS;
      watch.events.walked(REFRESH); // the other walk of the pipeline succeeds all the time
    },
  };
}

describe('a walk that cannot go on while another one succeeds', () => {
  test('is not ready after a minute, not healthy after an hour, and both again when it is through', async () => {
    const { watch, ask, pass } = await watched();
    watch.events.walkFailed(LIVE, 'GET /detections/v2 answered 503');
    expect(await ask('readyz')).toMatchObject({ status: 200 });
    pass(2);
    expect(await ask('readyz')).toMatchObject({ status: 503, text: expect.stringContaining('answered 503') });
    expect(await ask('healthz')).toMatchObject({ status: 200 });
    pass(30);
    watch.events.walkFailed(LIVE, 'GET /detections/v2 answered 403: blocked');
    pass(30);
    expect(await ask('healthz')).toMatchObject({ status: 503, text: expect.stringContaining('403: blocked') });
    expect((await ask('metrics')).text).toContain('sluice_walks_failing{pipeline="acme/cylance.detection/files"} 1');
    watch.events.walked(LIVE);
    expect(await ask('healthz')).toMatchObject({ status: 200 });
    expect(await ask('readyz')).toMatchObject({ status: 200 });
  });
});

test('a pipeline that has stopped is not healthy, and says what to do', async () => {
  const { watch, ask } = await watched();
  watch.stopped = { message: 'the scope "x:list" is missing', advice: 'Grant it.' };
  for (const path of ['healthz', 'readyz']) {
    expect(await ask(path)).toMatchObject({ status: 503, text: expect.stringContaining('Grant it.') });
  }
});

test('what a person should look at is told, and is no failure', async () => {
  const { watch, ask } = await watched();
  watch.events.alarmed('the list has 0 records of 20');
  for (const path of ['healthz', 'readyz']) {
    const { status, text } = await ask(path);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      status: 'degraded',
      pipelines: [{ warning: 'the list has 0 records of 20' }],
    });
  }
  expect((await ask('metrics')).text).toContain('sluice_alarm{pipeline="acme/cylance.detection/files"} 1');
  watch.events.alarmed(undefined);
  expect(JSON.parse((await ask('healthz')).text)).toMatchObject({ status: 'ok' });
});
