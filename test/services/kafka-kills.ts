/** Sluice and Kafka, both killed again and again: shared by the proofs for one broker and for three. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { committedInAll, committedOf, confirmCommitted, preparedBatches } from '../e2e/committed.ts';
import { KILLS, killAgainAndAgain, randomFrom, refuseTrouble, runUntilQuiet } from '../e2e/kills.ts';
import { type Child, configOf, openPlace, type Place, TENANT } from '../e2e/place.ts';
import { expectedDocuments } from '../engine/harness.ts';
import { bytesTaken, documentsOfLists, PARTITIONS, setUpKafka } from './kafka-place.ts';
import { compareCommitted } from './kafka-read.ts';

export interface KillProof {
  /** To all of which Sluice and the reader can go. */
  brokers: string[];
  direct: string[];
  replication: number;
  /** Where a broker keeps its logs: of any broker that is not down. */
  logDir(): string;
  detections: number;
  /** Takes a broker down and brings it back, in this place. */
  brokerDies(nth: number): Promise<void>;
  /** After these kills of Sluice, counted from 1, a broker dies in the middle of the next life. */
  brokerDeaths: number[];
}

/** Few detections that live, with their details: their revisions have an order that can be looked at. */
const LIVING = 1000;
const changes = 30;
const living = {
  ...{ arrivals: 2 * changes, lateArrivals: changes, statusChanges: 2 * changes, returns: changes },
  ...{ commentChanges: changes, responseChanges: changes, deletions: changes, deletionsUnseen: changes / 5 },
  ...{ dwellMs: 100, everyRequests: 0, everyMs: 200, confirm: true },
};

/** And many that are only listed, since what is to be proven here is the sink: a list has hundreds in a reply. */
interface Tenants {
  place: Place;
  lists: Simulator;
}

async function openTenants(detections: number, cleanups: Cleanups): Promise<Tenants> {
  const place = await openPlace({ detections: LIVING, living });
  cleanups.push(place.close);
  // Nobody asks for these details; that they fail makes list records the truth.
  const faults = [{ fault: 'detail-fails' as const, fraction: 1 }];
  const lists = await startSimulator({ ...TENANT, seed: place.seed + 1, detections, faults });
  cleanups.push(lists.close);
  return { place, lists };
}

const PAGE = 500;

/** `pagesPerSecond` leaves work for every life; at the end there is no need to hold back. */
function configure({ place, lists }: Tenants, brokers: string[], pagesPerSecond: number): void {
  const sinks = [{ name: 'kafka', type: 'kafka', brokers }];
  const rate = (perSecond: number) => ({ requests_per_second: perSecond, concurrency: 8 });
  const alive = configOf({ url: place.simulator.url, sinks, source: { rate: rate(1500) } });
  const sweeps = [{ range: '400d', every: '10m' }];
  const listed = configOf({
    url: lists.url,
    sinks,
    source: { name: 'lists', rate: rate(pagesPerSecond) },
    reading: { details: false, page_size: PAGE, max_window_records: 10_000, poll: '5s', live_range: '1h', sweeps },
  });
  const batch = { documents: 2 * PAGE, wait: '150ms' };
  place.configure({ ...alive, sources: [alive, listed].flatMap(sourcesOf), batch });
}

function sourcesOf(config: object): object[] {
  return (config as { sources: object[] }).sources;
}

/** Each batch is seen as several: one for each partition. */
const SENDS = 4;

/** Dead in the moment when documents have reached a broker: their transaction cannot be over yet. */
function writeWatch(taken: () => number) {
  return async (child: Child, nth: number): Promise<void> => {
    let last = taken();
    for (let seen = 0; seen < nth * SENDS && child.hasEnded() === undefined; await sleep(1)) {
      const now = taken();
      if (now > last) seen++;
      last = now;
    }
  };
}

type Cleanups = (() => Promise<unknown>)[];

/** Every page is asked for twice, and of each life only a part is left for reading. */
const READING_S = 20;

export async function proveKills(proof: KillProof, cleanups: Cleanups): Promise<void> {
  const tenants = await openTenants(proof.detections, cleanups);
  const { place, lists } = tenants;
  const { simulator } = place;
  const state = join(place.folder, 'sluice-state');
  const random = randomFrom(place.seed ^ 0x6b61);
  configure(tenants, proof.brokers, Math.ceil((2 * proof.detections) / PAGE / READING_S));
  await setUpKafka(place, proof.replication);
  const confirmer = confirmCommitted(simulator, state, 1, 'acme');
  cleanups.push(confirmer.stop);

  const startedAt = Date.now();
  const known: number[] = [];
  const total: number[] = [];
  const left: number[] = [];
  const deaths: { at: number; committed: number }[] = [];
  let brokerDown = Promise.resolve();
  const dead = async (kill: number): Promise<void> => {
    left.push(preparedBatches(state));
    known.push(committedOf(state, 'lists'));
    total.push(committedInAll(state));
    if (!proof.brokerDeaths.includes(kill)) return;
    await brokerDown;
    brokerDown = (async () => {
      await sleep(1000 + random() * 1500);
      deaths.push({ at: kill, committed: committedOf(state, 'lists') });
      await proof.brokerDies(deaths.length);
    })();
    brokerDown.catch(() => {});
  };
  const write = writeWatch(() => bytesTaken(proof.logDir()));
  await killAgainAndAgain({ place, upToMs: 5000, write, dead });
  await brokerDown;
  const killedMs = Date.now() - startedAt;

  configure(tenants, proof.brokers, 5000);
  // Below zero until the lists are complete: only then is it quiet when nothing more comes.
  const count = () => {
    const missing = committedOf(state, 'lists') - proof.detections;
    return missing < 0 ? missing : committedOf(state, 'acme');
  };
  const ended = await runUntilQuiet(place, count, 240_000);
  console.log(`list records committed at each kill: ${known.join(' ')}`);
  console.log(`batches left between write and commit: ${left.join(' ')}`);
  console.log(`a broker died ${deaths.map(({ at, committed }) => `after kill ${at} (${committed})`).join(', ')}`);
  console.log(`killing took ${killedMs} ms, the rest ${Date.now() - startedAt - killedMs} ms`);
  refuseTrouble(ended, 'at the end');
  expect(ended.code).toBe(0);
  expect(simulator.stats()).toMatchObject({ pending: 0, unserved: 0 });

  const readAt = Date.now();
  const expected = new Map([...expectedDocuments(simulator), ...documentsOfLists(lists)]);
  let later = 0;
  const each = ({ event }: EcsDocument): void => {
    if ((event as { sequence: number }).sequence > 1) later++;
  };
  const { documents, partitions, wrong } = await compareCommitted(proof.direct, { expected, each });
  console.log(`${documents} documents in ${partitions} partitions, ${later} of them later revisions`);
  console.log(`reading and comparing took ${Date.now() - readAt} ms`);
  expect(wrong).toEqual([]);
  expect(documents).toBe(proof.detections + simulator.summary().revisions);
  expect((await place.sluice('rejections', 'list', '--json')).stdout).toBe('');

  // All of which would be true of a sink that was never disturbed.
  expect(later).toBeGreaterThan(changes);
  expect(partitions).toBe(PARTITIONS);
  expect(total.filter((count, index) => count > (total[index - 1] ?? 0)).length).toBeGreaterThanOrEqual(KILLS / 4);
  expect(known.filter((count) => count < proof.detections).length).toBeGreaterThanOrEqual(KILLS / 2);
  expect(left.filter((batches) => batches > 0).length).toBeGreaterThanOrEqual(3);
  expect(deaths).toHaveLength(proof.brokerDeaths.length);
  for (const { committed } of deaths) expect(committed).toBeLessThan(proof.detections);
}
