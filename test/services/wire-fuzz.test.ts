/**
 * Damaged replies of both vendors, of the real Elasticsearch and of the real Kafka, beside a healthy pipeline: that one
 * loses and doubles nothing and is hardly later, what goes through the damaged sinks arrives, and the process lives.
 * `WIRE_DAMAGES` says how many (`npm run fuzz:wire`: 10,000).
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { itemsOfEach, startSimulator } from '../../simulator/index.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { documentsIn } from '../e2e/delivered.ts';
import { fakeVendor } from '../engine/fake-vendor.ts';
import { drawing, startWire, type Wire } from '../fuzz/wire.ts';
import { seed } from '../seed.ts';
import { allHits } from './data-stream.ts';
import { startElasticsearch } from './elasticsearch.ts';
import { freePort, startKafka } from './kafka.ts';
import { readCommitted } from './kafka-read.ts';

const WANTED = Number(process.env.WIRE_DAMAGES ?? 500);
/** What each of them gets of all damages: a session of Kafka is opened anew after each. */
const SHARES = { cylance: 0.71, apex: 0.15, elasticsearch: 0.11, kafka: 0.03 };
const QUIET_MS = 15_000;
const MIB = 1024 * 1024;
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const SECRETS = { tenantId: 'tenant', applicationId: 'application', applicationSecret: 'a-secret-of-the-tests' };
const APEX_KEY = 'k'.repeat(64);

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A vendor with a new detection every 100 ms, from a beginning on, until it is told to stop. */
async function steadyVendor() {
  const made: { Id: string; [member: string]: string }[] = [];
  const make = setInterval(() => {
    const now = new Date().toISOString();
    const about = { Severity: 'Low', Status: 'New', OccurrenceTime: now, ReceivedTime: now };
    made.push({ Id: `steady-${String(made.length).padStart(6, '0')}`, ...about });
  }, 100);
  const vendor = await fakeVendor({ detections: () => made });
  cleanUps.push(
    () => vendor.close(),
    () => clearInterval(make),
  );
  return { url: vendor.url, made, stop: () => clearInterval(make) };
}

interface Ports {
  steady: string;
  cylance: number;
  apex: number;
  elasticsearch: number;
  kafka: number;
  health: number;
}

function configOf(ports: Ports): string {
  const cylance = `tenant_id: ${SECRETS.tenantId}\n    application_id: ${SECRETS.applicationId}\n    application_secret: ${SECRETS.applicationSecret}`;
  const usual = `http: { proxy: none, timeout: 4s }
    rate: { requests_per_second: 300 }
    retry: { deadline: 10s, first_delay: 20ms, max_delay: 200ms }`;
  const reading = (more = '') =>
    `reading: { poll: 1s, live_range: 1m, lookback: 1h, sweeps: [], snapshot: 1s, child_repeat: 2s, settle_attempts: 3, task_poll: 20ms${more} }`;
  return `
health: { port: ${ports.health} }
batch: { wait: 200ms }
sources:
  - name: steady
    connector: cylance
    streams: [cylance.detection]
    base_url: ${ports.steady}
    ${cylance}
    ${usual}
    ${reading(', details: false')}
    sinks: [files, es, kafka]
  - name: odd
    connector: cylance
    base_url: http://127.0.0.1:${ports.cylance}
    ${cylance}
    ${usual}
    ${reading()}
    sinks: [odd]
  - name: apex
    connector: apex_central
    base_url: http://127.0.0.1:${ports.apex}
    application_id: ${SECRETS.applicationId}
    api_key: ${APEX_KEY}
    ${usual}
    ${reading()}
    sinks: [odd]
sinks:
  - { name: files, type: ndjson, path: ./healthy }
  - { name: odd, type: ndjson, path: ./odd }
  - { name: es, type: elasticsearch, nodes: ["http://127.0.0.1:${ports.elasticsearch}"], timeout: 2s, retry_deadline: 30s }
  - { name: kafka, type: kafka, brokers: ["127.0.0.1:${ports.kafka}"], timeout: 2s, retry_deadline: 30s }
`;
}

/** How late the documents came whose detections were made in this time, in the worst of a hundred. */
function lateMs(documents: EcsDocument[], fromMs: number, toMs: number): number {
  const all = documents
    .map(({ '@timestamp': made = '', event }) => [
      Date.parse(made),
      Date.parse((event as { ingested: string }).ingested),
    ])
    .filter(([made = 0]) => made >= fromMs && made < toMs)
    .map(([made = 0, ingested = 0]) => ingested - made)
    .sort((one, other) => one - other);
  return all[Math.floor(all.length * 0.99)] ?? Number.NaN;
}

const idsOf = (documents: EcsDocument[]): string[] =>
  documents.map(({ event }) => (event as { id: string }).id).filter((id) => id.startsWith('steady-'));

/** What is missing and what is there twice. */
function compared(made: readonly string[], found: readonly string[]) {
  const there = new Set(found);
  return { missing: made.filter((id) => !there.has(id)).length, doubled: found.length - there.size };
}

test(`${WANTED} damages of the wire`, { timeout: WANTED > 1000 ? 7_200_000 : 400_000 }, async () => {
  console.log(`seed ${seed}, ${WANTED} damages`);
  const [brokerPort, advertised] = [await freePort(), await freePort()];
  const [elasticsearch, kafka] = await Promise.all([
    startElasticsearch({ version: '9.5.3' }),
    startKafka({ version: '4.2.0', port: brokerPort, advertise: advertised }),
  ]);
  cleanUps.push(elasticsearch.stop, kafka.stop);
  const cylance = await startSimulator({
    ...SECRETS,
    seed,
    ...{ detections: 1200, instaQueries: 12, resultsPerQuery: 20, retrievedFiles: 20, items: itemsOfEach(12) },
    oddForms: true,
    living: { arrivals: 400, statusChanges: 400, commentChanges: 200, itemsMove: 5, dwellMs: 500, everyMs: 300 },
    apex: { applicationId: SECRETS.applicationId, apiKey: APEX_KEY, footprints: 10 },
  });
  cleanUps.push(() => cylance.close());
  const steady = await steadyVendor();

  let isHarmful = false;
  const targets = {
    cylance: cylance.url,
    apex: cylance.url,
    elasticsearch: elasticsearch.url,
    kafka: `x://x:${brokerPort}`,
  };
  const names = Object.keys(SHARES) as (keyof typeof SHARES)[];
  const quota = (name: keyof typeof SHARES): number => Math.ceil(WANTED * SHARES[name]);
  const wires = {} as Record<keyof typeof SHARES, Wire>;
  for (const [index, name] of names.entries()) {
    const listen = name === 'kafka' ? advertised : undefined;
    const target = Number(new URL(targets[name]).port);
    const most = () => (isHarmful ? quota(name) : 0);
    wires[name] = await startWire({ target, listen, draw: drawing(seed + index), share: 0.5, most });
    cleanUps.push(() => wires[name].close());
  }

  const folder = mkdtempSync(join(tmpdir(), 'sluice-wire-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const health = await freePort();
  const ports = { steady: steady.url, health, kafka: advertised };
  writeFileSync(
    join(folder, 'sluice.yaml'),
    configOf({ ...ports, cylance: wires.cylance.port, apex: wires.apex.port, elasticsearch: wires.elasticsearch.port }),
  );
  const start = (...argv: string[]) => {
    const env = { PATH: process.env.PATH, HOME: folder, MALLOC_ARENA_MAX: '2' };
    const child = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    cleanUps.push(() => child.kill('SIGKILL'));
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => (said = (said + text).slice(-200_000)));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { child, ended, said: () => said };
  };
  for (const sink of ['kafka', 'elasticsearch']) {
    const setup = start('setup', sink);
    expect(await setup.ended, setup.said()).toBe(0);
  }
  const sluice = start('run');
  const peakMiB = (): number => {
    const status = readFileSync(`/proc/${sluice.child.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  };
  while (!existsSync(join(folder, 'healthy'))) await sleep(100);
  await sleep(5000);
  const quietFrom = Date.now();
  await sleep(QUIET_MS);
  const harmFrom = Date.now();
  isHarmful = true;
  let exits = 0;
  sluice.child.once('exit', () => exits++);
  const took: Record<string, number> = {};
  const isDone = (name: keyof typeof SHARES): boolean => {
    const isOver = wires[name].count() >= quota(name);
    if (isOver) took[name] ??= Math.round((Date.now() - harmFrom) / 1000);
    return isOver;
  };
  while (exits === 0 && !names.map(isDone).every(Boolean)) await sleep(200);
  const harmTo = Date.now();
  isHarmful = false;
  expect(exits, sluice.said().slice(-5000)).toBe(0);
  await sleep(1000);
  steady.stop();
  const made = steady.made.map(({ Id }) => Id);
  const inFiles = (): string[] => idsOf(documentsIn(join(folder, 'healthy')));
  const delivered = async (sink: string): Promise<number> => {
    const text = await fetch(`http://127.0.0.1:${health}/metrics`).then((reply) => reply.text());
    const labels = `source="steady",stream="cylance\\.detection",sink="${sink}"`;
    return Number(new RegExp(`sluice_documents_total\\{${labels}\\} (\\d+)`).exec(text)?.[1]);
  };
  const deadline = Date.now() + 90_000;
  for (const sink of ['files', 'es', 'kafka'])
    while ((await delivered(sink)) < made.length && Date.now() < deadline) await sleep(500);
  const peak = peakMiB();
  sluice.child.kill('SIGTERM');
  expect(await sluice.ended, sluice.said().slice(-5000)).toBe(0);

  const healthy = documentsIn(join(folder, 'healthy'));
  const inElasticsearch: string[] = [];
  for await (const hit of allHits(elasticsearch.url, 'logs-cylance.detection-steady'))
    inElasticsearch.push((hit.source.event as { id: string }).id);
  const inKafka = (await readCommitted(kafka.direct, ['sluice.cylance.detection'])).map(
    ({ value }) => (JSON.parse(value.toString()).event as { id: string }).id,
  );
  const late = { quiet: lateMs(healthy, quietFrom, harmFrom), harm: lateMs(healthy, harmFrom, harmTo) };
  for (const name of names) console.log(`${name}: ${JSON.stringify(wires[name].done)} in ${took[name]} s`);
  console.log(
    `${((harmTo - harmFrom) / 1000).toFixed(0)} s, ${made.length} detections beside; p99 ${late.quiet} ms before, ${late.harm} ms meanwhile; peak ${peak.toFixed(0)} MiB; odd ones: ${documentsIn(join(folder, 'odd')).length}`,
  );
  console.log(
    `elasticsearch ${JSON.stringify(compared(made, inElasticsearch))}, kafka ${JSON.stringify(compared(made, inKafka))}`,
  );
  expect(compared(made, inFiles())).toEqual({ missing: 0, doubled: 0 });
  expect(compared(made, inElasticsearch)).toEqual({ missing: 0, doubled: 0 });
  expect(compared(made, inKafka)).toEqual({ missing: 0, doubled: 0 });
  expect(late.harm - late.quiet).toBeLessThan(1000);
  expect(peak * MIB).toBeLessThan(300 * MIB);
});
