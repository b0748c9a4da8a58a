/** Sluice killed twenty times, and one of three brokers at a time, the coordinator of its transactions among them. */
import { afterEach, expect, test } from 'vitest';
import { startKafkaCluster } from './kafka.ts';
import { proveKills } from './kafka-kills.ts';
import { WRITER } from './kafka-place.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const DETECTIONS = Number(process.env.SLUICE_CLUSTER_DETECTIONS ?? 30_000);

test('Kafka 4.4.0, three brokers', { timeout: 600_000 }, async () => {
  const cluster = await startKafkaCluster({ version: '4.4.0' });
  cleanups.push(cluster.stop);
  const killed: string[] = [];
  let down: number | undefined;
  await proveKills(
    {
      brokers: cluster.brokers,
      direct: cluster.direct,
      replication: 3,
      logDir: () => cluster.logDirs[down === 0 ? 1 : 0] as string,
      detections: DETECTIONS,
      brokerDeaths: [3, 7, 11, 15],
      // The coordinator, the one after it, and both again: whichever leads by then.
      async brokerDies(nth) {
        const coordinator = await cluster.coordinatorOf(WRITER);
        down = nth % 2 === 1 ? coordinator : (coordinator + 1) % 3;
        await cluster.kill(down);
        killed.push(`${down}${down === coordinator ? ' (coordinator)' : ''}`);
        await cluster.restart(down);
        down = undefined;
      },
    },
    cleanups,
  );
  console.log(`brokers that died: ${killed.join(', ')}`);
  expect(killed.filter((each) => each.includes('coordinator'))).toHaveLength(2);
});
