/**
 * How long after the vendor has a detection it can be found in the real Elasticsearch (JDK 21+, Maven): `sluice run` on a
 * living tenant, alone, and while a backfill takes what is left of the rate limit.
 * `node bench/latency.ts [--seconds 60] [--rate 50] [--poll 5] [--json]`. All times are wall-clock: a busy machine adds to them.
 *
 * A detection is available when the simulator has put it into its lists (`ReceivedTime`, `event.created` of its document), and
 * searchable when a search that is asked every 50 ms first finds it. Refreshes are those of the cluster: one each second.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { startElasticsearch } from '../test/services/elasticsearch.ts';

export interface LatencyFigures {
  mode: 'alone' | 'backfill';
  /** Detections that arrived and were found. */
  detections: number;
  p50: number;
  p99: number;
  max: number;
  /** Requests a second that the vendor answered, of those that are allowed. */
  requestsPerSecond: number;
  rate: number;
  /** The least and the most load of the machine meanwhile. */
  load: [number, number];
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '50' },
    poll: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const SECONDS = Number(values.seconds);
const RATE = Number(values.rate);
const POLL = Number(values.poll);
/** One arrival in so many milliseconds. */
const ARRIVAL_MS = 200;
const SETTLE_MS = 3 * POLL * 1000;
const LOOK_MS = 50;
const TENANT = { tenantId: 'bench', applicationId: 'bench', applicationSecret: 'secret-of-the-benchmark' };
const MAIN = join(import.meta.dirname, '..', 'src', 'main.ts');

const elastic = await startElasticsearch({ version: '9.5.3' });
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-latency-'));
const children = new Set<ChildProcess>();
try {
  const found: LatencyFigures[] = [];
  for (const mode of ['alone', 'backfill'] as const) {
    found.push(await measure(mode));
    const { p50, p99, max, detections, requestsPerSecond, load } = found.at(-1) as LatencyFigures;
    console.error(
      `${mode}: p50 ${p50} ms, p99 ${p99} ms, most ${max} ms of ${detections} detections; ${requestsPerSecond.toFixed(1)} of ${RATE} requests/s, load ${load.join(' to ')}`,
    );
  }
  const result = { pollMs: POLL * 1000, boundMs: POLL * 1000 + 2000, figures: found };
  console.log(values.json ? JSON.stringify(result) : JSON.stringify(result, undefined, 2));
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  await elastic.stop();
}

function start(...argv: string[]): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  children.add(child);
  let talk = '';
  child.stderr?.on('data', (part) => (talk += part));
  child.once('exit', (code) => {
    children.delete(child);
    if (code !== 0 && code !== null) console.error(`sluice ${argv[0]} ended with ${code}: ${talk.slice(-2000)}`);
  });
  return child;
}

async function run(...argv: string[]): Promise<void> {
  const [code] = await once(start(...argv), 'exit');
  if (code !== 0) throw new Error(`sluice ${argv.join(' ')} ended with ${code}`);
}

async function measure(mode: LatencyFigures['mode']): Promise<LatencyFigures> {
  const wholeMs = SECONDS * 1000 + 2 * SETTLE_MS + 60_000;
  // More details than the rate limit lets through meanwhile: the backfill never ends by itself.
  const detections = mode === 'alone' ? 100 : Math.ceil((1.5 * RATE * wholeMs) / 1000);
  const living = { arrivals: Math.ceil(wholeMs / ARRIVAL_MS), everyMs: ARRIVAL_MS, everyRequests: 0 };
  const simulator = await startSimulator({ ...TENANT, seed: 7, detections, living });
  try {
    return await watch(mode, simulator);
  } finally {
    await simulator.close();
  }
}

async function watch(mode: LatencyFigures['mode'], simulator: Simulator): Promise<LatencyFigures> {
  const source = {
    ...{ name: mode, connector: 'cylance', streams: ['cylance.detection'], base_url: simulator.url },
    ...{ tenant_id: 'bench', application_id: 'bench', application_secret: TENANT.applicationSecret },
    rate: { requests_per_second: RATE, concurrency: 16 },
    http: { proxy: 'none' },
    reading: { lookback: '1m', poll: `${POLL}s`, live_range: '5m', sweeps: [{ range: '1h', every: '1h' }] },
  };
  const sinks = [{ name: 'elastic', type: 'elasticsearch', nodes: [elastic.url], compression: 'none' }];
  const config = { sources: [source], sinks, state: { path: `./state-${mode}` } };
  writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify(config));
  await run('setup', 'elasticsearch');
  const running = start('run');
  if (mode === 'backfill') {
    await sleep(SETTLE_MS);
    await run('backfill', '--from', '3650d', '--detach');
  }
  await sleep(SETTLE_MS);
  const loads = [now()];
  const [fromMs, requests] = [Date.now(), simulator.stats().requests];
  const toMs = fromMs + SECONDS * 1000;
  const seen = new Map<string, number>();
  let asked = 0;
  // Those that arrive in the end are waited for.
  while (Date.now() < toMs + SETTLE_MS) {
    if (Date.now() > toMs && asked === 0) {
      asked = simulator.stats().requests - requests;
      loads.push(now());
    }
    for (const { id, createdMs } of await arrivedBetween(mode, fromMs, toMs))
      if (!seen.has(id)) seen.set(id, Date.now() - createdMs);
    await sleep(LOOK_MS);
  }
  const arrived = arrivals(simulator, fromMs, toMs);
  if (seen.size !== arrived) throw new Error(`${seen.size} of ${arrived} detections were found`);
  const exited = once(running, 'exit');
  running.kill('SIGTERM');
  await exited;
  const sorted = [...seen.values()].sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return {
    ...{ mode, detections: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) },
    ...{ requestsPerSecond: asked / SECONDS, rate: RATE, load: [Math.min(...loads), Math.max(...loads)] },
  };
}

function now(): number {
  return Number((loadavg()[0] ?? 0).toFixed(1));
}

/** What the vendor itself received in that time. */
function arrivals(simulator: Simulator, fromMs: number, toMs: number): number {
  let count = 0;
  for (const { ordinal, record } of simulator.truth()) {
    const received = Date.parse(String((record as { ReceivedTime?: string } | null)?.ReceivedTime));
    if (ordinal === 1 && received >= fromMs && received < toMs) count++;
  }
  return count;
}

interface Searched {
  hits?: { hits: { _id: string; _source: { event: { created: string } } }[] };
}

async function arrivedBetween(namespace: string, fromMs: number, toMs: number) {
  const range = { 'event.created': { gte: fromMs, lt: toMs, format: 'epoch_millis' } };
  const query = { bool: { filter: [{ range }, { term: { 'event.sequence': 1 } }] } };
  const reply = await fetch(`${elastic.url}/logs-cylance.detection-${namespace}/_search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ size: 10_000, _source: ['event.created'], query }),
  });
  const { hits } = (await reply.json()) as Searched;
  return (hits?.hits ?? []).map(({ _id: id, _source: { event } }) => ({ id, createdMs: Date.parse(event.created) }));
}
