/**
 * Several instances that share sources by the real Kafka: one is killed, one is added, one stands still and comes back. What
 * they deliver together is what the vendors have, once. `SLUICE_FLEET_REVISIONS=100000 SLUICE_FLEET_STILL=60` is the long form.
 */
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import pino from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openKafkaState } from '../../src/coordination/state/store.ts';
import { withDefaults } from '../../src/sinks/kafka/settings.ts';
import { until } from '../e2e/place.ts';
import { expectedDocuments, scratch } from '../engine/harness.ts';
import { seed } from '../seed.ts';
import { type Fleet, type Instance, openFleet, untilSpread } from './instances.ts';
import { type RunningKafka, startKafka } from './kafka.ts';
import { readCommitted } from './kafka-read.ts';

const SOURCES = 30;
const PER_SECOND = 10;
const PARTITIONS = 100;
/** What each source's state has already. */
const REVISIONS = Number(process.env.SLUICE_FLEET_REVISIONS ?? 2000);
/** How long one stands still: longer than a session. */
const STILL_MS = Number(process.env.SLUICE_FLEET_STILL ?? 12) * 1000;
const ARRIVALS = 40;
const log = pino({ level: 'silent' });

let kafka: RunningKafka;
let fleet: Fleet;
const instances: Instance[] = [];

beforeAll(async () => {
  console.log(`seed ${seed}`);
  kafka = await startKafka({ version: '4.2.0' });
  const living = { arrivals: ARRIVALS, everyMs: 3000 };
  const tenant = { detections: 60, spanDays: 20, living };
  fleet = await openFleet({ brokers: kafka.brokers, sources: SOURCES, requestsPerSecond: PER_SECOND, tenant, seed });
  for (let attempt = 1; ; attempt++) {
    const { code, output } = await fleet.command('setup', 'kafka', '--partitions', '1', '--replication', '1');
    if (code === 0) break;
    if (attempt === 3) throw new Error(output);
    await sleep(1000);
  }
  const inTurn = pLimit(4);
  await Promise.all([...fleet.tenants.keys()].map((name) => inTurn(() => remember(name))));
});

afterAll(async () => {
  await fleet?.close();
  await kafka?.stop();
});

/** Revisions of long ago, as many as an old tenant has. */
async function remember(source: string): Promise<void> {
  const folder = scratch();
  const state = await openKafkaState({
    ...{
      path: folder.path,
      source,
      now: Date.now,
      kafka: withDefaults({ brokers: kafka.brokers, retryDeadlineMs: 0 }),
    },
    ...{ topic: 'sluice.state', partitions: PARTITIONS, prefix: 'sluice', log, signal: new AbortController().signal },
  });
  const pipeline = state.store.pipeline(`${source}/cylance.detection/kafka`);
  pipeline.begin('backfill-0', 'backfill', { fromMs: 0, toMs: 1000 });
  for (let done = 0; done < REVISIONS; done += 5000) {
    const rows = Array.from({ length: Math.min(5000, REVISIONS - done) }, (_, index) => {
      const key = `${source}-${done + index}-of-long-ago`;
      const hash = Buffer.from(key).toString('base64url').padEnd(43, 'x').slice(0, 43);
      return {
        ...{ key, rowId: undefined, fingerprint: hash, revision: `r${hash.slice(1)}`, ordinal: 1, timeMs: 1 },
        ...{ digests: hash, deleted: false, refreshAtMs: null, refreshMs: 0, seenMs: null },
      };
    });
    const nothing = { ledger: [], rejections: [], children: [], receipt: null };
    pipeline.commit({ walk: 'backfill-0', number: done + 1, rows, ...nothing });
    await state.settled();
  }
  pipeline.finish('backfill-0', Date.now());
  await state.settled();
  await state.close();
  folder.remove();
}

/** The most requests that any tenant met in a second, beyond its budget. */
function watchBudgets(): { stop(): Map<string, number> } {
  const seen = new Map(
    [...fleet.tenants.keys()].map((name): [string, { at: number; requests: number }[]] => [name, []]),
  );
  const most = new Map<string, number>();
  const timer = setInterval(() => {
    const at = performance.now();
    for (const [name, tenant] of fleet.tenants) {
      const samples = seen.get(name) ?? [];
      samples.push({ at, requests: tenant.stats().requests });
      while (samples.length > 1 && at - (samples[0]?.at ?? 0) > 1000) samples.shift();
      const took = (samples.at(-1)?.requests ?? 0) - (samples[0]?.requests ?? 0);
      most.set(name, Math.max(most.get(name) ?? 0, took));
    }
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      return most;
    },
  };
}

/** With others: then a time says nothing of this one. */
function isBusy(): boolean {
  return (loadavg()[0] ?? 0) > 4 * availableParallelism();
}

function requestsOf(sources: readonly string[]): Map<string, number> {
  return new Map(sources.map((name) => [name, fleet.tenants.get(name)?.stats().requests ?? 0]));
}

/** How long it takes until each of the sources is asked again. */
async function askedAgain(sources: readonly string[], before: ReadonlyMap<string, number>): Promise<number> {
  const startedAt = performance.now();
  await until('every source is asked by another instance', 60_000, () =>
    sources.every((name) => (fleet.tenants.get(name)?.stats().requests ?? 0) > (before.get(name) ?? 0)),
  );
  return performance.now() - startedAt;
}

async function start(name: string): Promise<Instance> {
  const instance = await fleet.start(name);
  instances.push(instance);
  return instance;
}

test('sources are spread evenly, taken over, moved and fenced, and nothing is lost or doubled', async () => {
  const budgets = watchBudgets();
  const [one, two, three] = [await start('one'), await start('two'), await start('three')];
  await untilSpread([one, two, three], [10, 10, 10], 240_000);

  const lost = await three.owned();
  three.signal('SIGKILL');
  await three.ended;
  const before = requestsOf(lost);
  const tookMs = await askedAgain(lost, before);
  console.log(
    `killed: ${lost.length} sources with ${REVISIONS} revisions each are asked again after ${Math.round(tookMs)} ms`,
  );
  await untilSpread([one, two], [15, 15], 120_000);
  expect(tookMs).toBeLessThan(isBusy() ? 60_000 : 15_000);

  const four = await start('four');
  await untilSpread([one, two, four], [10, 10, 10], 120_000);

  const still = await two.owned();
  two.signal('SIGSTOP');
  await untilSpread([one, four], [15, 15], 120_000);
  await sleep(STILL_MS);
  const asked = two.said().length;
  two.signal('SIGCONT');
  await until('the one that stood still sees that it is out', 30_000, () =>
    /may belong to another instance|has taken over|goes on without this instance/.test(two.said().slice(asked)),
  );
  await untilSpread([one, two, four], [10, 10, 10], 120_000);
  console.log(`stood still for ${STILL_MS / 1000} s with ${still.length} sources`);

  await until('every tenant is at rest', 240_000, () =>
    [...fleet.tenants.values()].every((tenant) => tenant.stats().pending === 0),
  );
  await sleep(10_000); // two polls and more
  const most = budgets.stop();
  for (const instance of [one, two, four]) instance.signal('SIGTERM');
  expect(await Promise.all([one, two, four].map(({ ended }) => ended))).toEqual([0, 0, 0]);

  const topics = [...fleet.tenants.keys()].map((name) => `sluice.cylance.detection.${name}`);
  const found = Map.groupBy(await readCommitted(kafka.brokers, topics), ({ topic }) => topic);
  for (const [name, tenant] of fleet.tenants) {
    const ids = (found.get(`sluice.cylance.detection.${name}`) ?? []).map(({ headers }) => headers.id ?? '');
    expect(new Set(ids).size, `${name}: none doubled`).toBe(ids.length);
    expect(new Set(ids), `${name}: none lost`).toEqual(new Set(expectedDocuments(tenant).keys()));
  }
  const highest = Math.max(...most.values());
  console.log(`the most requests that a tenant met within a second: ${highest}, of ${PER_SECOND} a second`);
  expect(highest).toBeLessThanOrEqual(PER_SECOND + 2 * 4 + 2); // those under way of two instances, and the burst
});
