/** Health and metrics of `sluice load`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, expect, test } from 'vitest';
import { createLoadStatistics, placeName } from '../../src/load/statistics.ts';
import { LOAD_METRICS, startLoadServer } from '../../src/observe/server/load.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const log = pino({ level: 'silent' });

test('each metric is in the docs', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'load.md'), 'utf8');
  for (const { name, labels } of LOAD_METRICS) expect(page).toContain(`| \`${name}\` | ${labels.join(', ')}`.trimEnd());
});

test('tells the lag of each partition, what became of records, and fails without progress', async () => {
  const statistics = createLoadStatistics(['t.one', 't.two'], 0);
  let nowMs = 60_000;
  const server = await startLoadServer(statistics, { host: '127.0.0.1', port: 0, group: 'g', log, now: () => nowMs });
  cleanUps.push(server.close);
  const ask = async (path: string) => {
    const reply = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: reply.status, text: await reply.text() };
  };
  const counts = statistics.topics.get('t.one');
  if (counts) Object.assign(counts, { records: 9, delivered: 4, there: 2, refused: 1, strangers: 2, removed: 7 });
  statistics.partitions.set(placeName('t.one', 3), { topic: 't.one', partition: 3, committed: 10n, end: 25n });
  const { text } = await ask('/metrics');
  for (const { name } of LOAD_METRICS) expect(text).toContain(`# HELP ${name} `);
  expect(text).toContain('sluice_load_lag{topic="t.one",partition="3"} 15');
  expect(text).toContain('sluice_load_committed_offset{topic="t.one",partition="3"} 10');
  expect(text).toContain('sluice_load_records{topic="t.one",outcome="removed"} 7');
  expect(text).toContain('sluice_load_records{topic="t.two",outcome="delivered"} 0');
  statistics.partitions.clear(); // given to another instance
  expect((await ask('/metrics')).text).not.toContain('sluice_load_lag{');

  expect(await ask('/readyz')).toMatchObject({ status: 200, text: expect.stringContaining('"healthy"') });
  nowMs = 121_000;
  statistics.waiting = 'the cluster is away';
  expect(await ask('/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('the cluster is away') });
  expect((await ask('/healthz')).status).toBe(200);
  nowMs = 3_601_000;
  expect((await ask('/healthz')).status).toBe(503);
  expect((await ask('/')).status).toBe(404);
  const taken = startLoadServer(statistics, { host: '127.0.0.1', port: server.port, group: 'g', log, now: () => 0 });
  await expect(taken).rejects.toMatchObject({ action: 'stop', advice: expect.stringContaining('--health-port') });
});
