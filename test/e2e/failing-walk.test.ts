/**
 * A list that answers 503 for ever, beside a tenant where nothing happens, in the whole program and in real time: the one
 * fails within five minutes while its refresh goes on, the other does not, and the log of what is well stays short.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { Status } from '../../src/observe/status/model.ts';
import { until, type Workplace, workplace } from '../cli/binary.ts';
import { startProxy } from '../services/proxy.ts';

let place: Workplace;
let proxy: Awaited<ReturnType<typeof startProxy>> | undefined;
afterEach(async () => {
  await place.close();
  await proxy?.stop();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a list that answers 503 for ever fails within five minutes, while refresh goes on; a quiet one does not', async () => {
  place = await workplace({ detections: 30, endTime: new Date().toISOString(), spanDays: 1 });
  let isDown = false;
  proxy = await startProxy(place.simulator.url, ({ path }) =>
    isDown && path === '/detections/v2' ? { status: 503, body: {} } : 'forward',
  );
  const port = await freePort();
  place.configure({ url: proxy.url, extra: `health: { port: ${port} }\nlog: { format: json }\n` });
  const file = join(place.folder, 'sluice.yaml');
  const reading =
    "    objective: 60s\n    reading: { poll: 1s, lookback: 2d, detail_refresh: ['1s'], sweeps: [{ range: 2d, every: 10s }] }\n";
  const [, ours = ''] = /sources:\n([\s\S]*?)sinks:/.exec(readFileSync(file, 'utf8')) ?? [];
  const [acme, calm] = [ours, ours.replace('name: acme', 'name: calm').replace(proxy.url, place.simulator.url)];
  writeFileSync(file, readFileSync(file, 'utf8').replace(ours, `${acme}${reading}${calm}${reading}`));
  const run = place.start('run');
  await until(() => /2 pipelines/.test(run.said()));
  const status = async () => (await (await fetch(`http://127.0.0.1:${port}/api/status`)).json()) as Status;
  const metric = async (name: string) =>
    (await (await fetch(`http://127.0.0.1:${port}/metrics`)).text())
      .split('\n')
      .find((line) => line.startsWith(`${name} `));
  const of = async (source: string) => (await status()).streams.find((one) => one.source === source);
  while ((await of('acme'))?.delivered !== 30 || (await of('calm'))?.delivered !== 30) await sleep(250);
  isDown = true;
  const startedAt = performance.now();
  const states = new Set<string>();
  let failing = await of('acme');
  while (failing?.state !== 'failing') {
    states.add(failing?.state ?? '');
    await sleep(500);
    failing = await of('acme');
  }
  expect((performance.now() - startedAt) / 1000).toBeLessThan(300);
  expect([...states]).not.toContain('silent');
  expect(failing).toMatchObject({ reason: expect.stringContaining('/detections/v2 answered 503') });
  const walk = (id: string) => failing?.walks.find((one) => one.walk === id);
  expect(walk('live')).toMatchObject({ state: 'failing', waiting: { for: 'vendor' } });
  expect(walk('refresh')).toMatchObject({ state: 'healthy' });
  expect(Date.now() - Date.parse(walk('refresh')?.lastSuccess ?? '')).toBeLessThan(30_000);
  const labels = (source: string) => `source="${source}",stream="cylance.detection",sink="files"`;
  expect(await metric(`sluice_walk_failing{${labels('acme')},walk="live"}`)).toMatch(/ 1$/);
  expect(await metric(`sluice_walk_failing{${labels('acme')},walk="refresh"}`)).toMatch(/ 0$/);
  expect(await metric(`sluice_walk_failing{${labels('calm')},walk="live"}`)).toMatch(/ 0$/);
  expect(await of('calm')).toMatchObject({ state: 'healthy', delivered: 30 });
  expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(503);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);

  await until(() => /"sluice.state":"failing"/.test(run.said())); // it is looked at every five seconds
  const lines = run
    .said()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  // More than a hundred polls, which are two hours of them at the usual pace: nothing to say of what is well.
  expect(lines.filter((line) => line['sluice.source'] === 'calm')).toEqual([]);
  expect(lines.filter((line) => line['sluice.state'] === 'failing')).toMatchObject([
    {
      'sluice.source': 'acme',
      'sluice.stream': 'cylance.detection',
      'sluice.sink': 'files',
      'sluice.state_before': expect.any(String),
    },
  ]);
  isDown = false;
  while ((await of('acme'))?.state !== 'healthy') await sleep(250);
  run.child.kill('SIGTERM');
  expect((await run.ended).code).toBe(0);
}, 420_000);
