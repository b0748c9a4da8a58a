/**
 * Sluice killed twenty times, and two of three brokers in turn, three times: the coordinator of its transactions among them.
 * `SLUICE_CLUSTER_DETECTIONS` says how many detections there are; the long form has 200,000.
 */
import { afterEach, expect, test } from 'vitest';
import { startKafkaCluster } from './kafka.ts';
import { proveKills } from './kafka-kills.ts';
import { WRITER } from './kafka-place.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const DETECTIONS = Number(process.env.SLUICE_CLUSTER_DETECTIONS ?? 30_000);

test('Kafka 4.4.0, three brokers', { timeout: 600_000 + DETECTIONS * 10 }, async () => {
  const cluster = await startKafkaCluster({ version: '4.4.0' });
  cleanups.push(cluster.stop);
  const killed: string[] = [];
  let last = 0;
  let down: number | undefined;
  await proveKills(
    {
      brokers: cluster.brokers,
      direct: cluster.direct,
      replication: 3,
      logDir: () => cluster.logDirs[down === 0 ? 1 : 0] as string,
      detections: DETECTIONS,
      brokerDeaths: [2, 5, 8, 11, 14, 17],
      // The coordinator and then another one, three times.
      async brokerDies(nth) {
        const coordinator = await cluster.coordinatorOf(WRITER);
        last = nth % 2 === 1 ? coordinator : (last + 1) % 3;
        down = last;
        await cluster.kill(down);
        killed.push(`${down}${nth % 2 === 1 ? ' (coordinator)' : ''}`);
        await cluster.restart(down);
        down = undefined;
      },
    },
    cleanups,
  );
  console.log(`brokers that died: ${killed.join(', ')}`);
  expect(killed.filter((each) => each.includes('coordinator'))).toHaveLength(3);
});
