/**
 * A backfill into the real Elasticsearch, through one trouble after the other: read-only, overloaded, down, killed. It goes
 * on each time by itself, and in the end every document is there once. `SLUICE_DOWN_SECONDS` says how long it is down.
 */
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { committedRevisions } from '../e2e/committed.ts';
import { configOf, openPlace, until } from '../e2e/place.ts';
import { ask, compare, DATA_STREAM } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { freePort } from './kafka.ts';
import { startProxy, type Verdict } from './proxy.ts';

const DETECTIONS = Number(process.env.SLUICE_BACKFILL_DETECTIONS ?? 8000);
const DOWN_MS = Number(process.env.SLUICE_DOWN_SECONDS ?? 10) * 1000;
const BUSY: Verdict = {
  status: 429,
  body: { error: { type: 'es_rejected_execution_exception', reason: 'full queue' } },
};

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test('read-only, overloaded, down, killed and restarted', { timeout: 600_000 }, async () => {
  const dataDir = join(tmpdir(), `sluice-es-backfill-${process.pid}`);
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const options = { version: '9.5.3', dataDir, port: await freePort() } as const;
  let node = await startElasticsearch(options);
  cleanUps.push(() => node.stop());
  let verdict: Verdict = 'forward';
  const proxy = await startProxy(node.url, ({ path }) => (path.endsWith('/_bulk') ? verdict : 'forward'));
  cleanUps.push(proxy.stop);
  const place = await openPlace({ detections: DETECTIONS });
  cleanUps.push(place.close);
  const sink = { name: 'elastic', type: 'elasticsearch', nodes: [proxy.url] };
  const source = { rate: { requests_per_second: 400, concurrency: 8 } };
  const reading = { poll: '5s' };
  const batch = { documents: 100, wait: '100ms' };
  place.configure(configOf({ url: place.simulator.url, sinks: [sink], source, reading, batch }));
  expect((await place.sluice('setup', 'elasticsearch')).code).toBe(0);

  const delivered = (): number => committedRevisions(join(place.folder, 'sluice-state'), 1);
  const backfill = place.start(['backfill', '--from', '400d']);
  let peakKb = 0;
  const watching = setInterval(() => {
    const status = backfill.hasEnded() === undefined ? readFileSync(`/proc/${backfill.pid}/status`, 'utf8') : '';
    peakKb = Math.max(peakKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
  }, 100);
  cleanUps.push(() => clearInterval(watching));
  /** Some more are delivered, and some are left. */
  const goesOn = async (): Promise<void> => {
    const before = delivered();
    await until('it goes on', 60_000, () => delivered() > before);
    expect(delivered()).toBeLessThan(DETECTIONS);
  };
  const said: string[] = [];
  const standsStill = async (what: string, ms: number): Promise<void> => {
    await sleep(Math.min(2000, ms / 2)); // what was under way
    const before = delivered();
    await sleep(ms);
    said.push(`${what}: ${before} delivered before, ${delivered()} after, ${Math.round(peakKb / 1024)} MiB at most`);
    expect(delivered(), what).toBe(before);
  };

  await goesOn();
  await ask(node.url, 'PUT', `/${DATA_STREAM}/_settings`, { 'index.blocks.write': true });
  await standsStill('read-only', 4000);
  await ask(node.url, 'PUT', `/${DATA_STREAM}/_settings`, { 'index.blocks.write': null });
  await goesOn();
  verdict = BUSY;
  await standsStill('overloaded', 4000);
  verdict = 'forward';
  await goesOn();
  await node.stop();
  await standsStill('down', DOWN_MS);
  node = await startElasticsearch(options);
  await goesOn();
  await node.kill();
  await sleep(2000);
  node = await startElasticsearch(options);

  const { code, stderr } = await backfill.ended;
  expect({ code, stderr }).toMatchObject({ code: 0 });
  console.log(`${said.join('; ')}; peak ${Math.round(peakKb / 1024)} MiB`);
  const { documents, wrong } = await compare(node.url, place.simulator);
  expect({ documents, wrong }).toEqual({ documents: DETECTIONS, wrong: [] });
  expect(peakKb).toBeGreaterThan(0);
  expect(peakKb).toBeLessThan(250 * 1024);
});
