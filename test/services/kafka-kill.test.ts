/** Sluice killed twenty times and its only broker three times: each detection is there once, in order. `npm run test:long` has 100,000. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { startKafka } from './kafka.ts';
import { proveKills } from './kafka-kills.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const DETECTIONS = Number(process.env.SLUICE_KILL_DETECTIONS ?? 30_000);

/** 4.4.0 itself splits a transaction when its only broker dies while it is ended (KAFKA-20734). */
test('Kafka 4.2.0, one broker', { timeout: 600_000 }, async () => {
  const node = await startKafka({ version: '4.2.0' });
  cleanups.push(node.stop);
  let deaths = 0;
  await proveKills(
    {
      brokers: node.brokers,
      direct: node.direct,
      replication: 1,
      logDir: () => node.logDir,
      detections: DETECTIONS,
      brokerDeaths: [4, 9, 15],
      async brokerDies() {
        await node.kill();
        deaths++;
        await sleep(300);
        await node.restart();
      },
    },
    cleanups,
  );
  expect(deaths).toBe(3);
});
