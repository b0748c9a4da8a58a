/**
 * `sluice load` between the real Kafka and the real Elasticsearch (JDK 21+, Maven): documents a second, and CPU of Sluice
 * per document, of one instance and of two, in turns. `node bench/load.ts [--documents 60000] [--rounds 3] [--json]`.
 *
 * Each round fills a new topic pattern of six partitions with transactions of the Kafka sink, and loads it into new data
 * streams; CPU is that of the processes, start included, as `wait4` tells it.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pino from 'pino';
import { documentId } from '../src/api/records/identity.ts';
import type { OutDocument } from '../src/api/sink.ts';
import { openKafka } from '../src/sinks/kafka/index.ts';
import { toJson } from '../src/sinks/serialize.ts';
import { startElasticsearch } from '../test/services/elasticsearch.ts';
import { startKafka } from '../test/services/kafka.ts';

export interface LoadFigures {
  instances: number;
  documents: number;
  seconds: number;
  perSecond: number;
  /** Of all instances together. */
  cpuMicrosPerDocument: number;
  peakMiB: number;
}

const { values } = parseArgs({
  options: {
    documents: { type: 'string', default: '60000' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const DOCUMENTS = Number(values.documents);
const ROUNDS = Number(values.rounds);
const PARTITIONS = 6;
const STREAM = 'cylance.detection';
const MAIN = join(import.meta.dirname, '..', 'src', 'main.ts');
const signal = new AbortController().signal;

/** 1.6 KB with artifacts, as a record of a list. */
function documentOf(key: string): OutDocument {
  const hash = `hash-${key}`;
  const artifact = (name: string) => ({
    name,
    path: `C:\\Program Files\\${key}\\${name}`,
    pid: 4321,
    hash: { sha256: hash },
  });
  const event = { id: key, kind: 'alert', dataset: STREAM, sequence: 1, hash, severity: 47, original: key.repeat(40) };
  const document = {
    '@timestamp': '2026-01-02T03:04:05.678Z',
    message: `${key} started ${'an unusual process '.repeat(8)}`,
    host: { name: `host-${key}`, id: key },
    cylance: { detection: { artifacts: ['one.exe', 'two.exe', 'three.dll'].map(artifact) } },
    event,
    data_stream: { type: 'logs', dataset: STREAM, namespace: 'bench' },
  };
  const names = { stream: STREAM, namespace: 'bench', key, revision: hash, ordinal: 1, hostId: undefined } as const;
  return { id: documentId(STREAM, key, 1, hash), ...names, ...toJson(document) };
}

const kafka = await startKafka({ version: '4.2.0' });
const elastic = await startElasticsearch({ version: '9.5.3' });
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-load-'));
try {
  const found: LoadFigures[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? [1, 2] : [2, 1];
    for (const instances of order) {
      const figures = await measure(instances, `r${round + 1}i${instances}`, round < 0 ? DOCUMENTS / 2 : DOCUMENTS);
      if (round < 0) continue; // warms the cluster
      found.push(figures);
      const { perSecond, cpuMicrosPerDocument: cpu, peakMiB } = figures;
      const load = loadavg()[0]?.toFixed(1);
      console.error(
        `${instances} instance(s): ${perSecond.toFixed(0)} documents/s, ${cpu.toFixed(1)} µs, ${peakMiB.toFixed(0)} MiB, load ${load}`,
      );
    }
  }
  const summary = [1, 2].map((instances) => {
    const own = found.filter((each) => each.instances === instances);
    const of = (name: keyof LoadFigures) => spreadOf(own.map((each) => each[name]));
    return {
      instances,
      perSecond: of('perSecond'),
      cpuMicrosPerDocument: of('cpuMicrosPerDocument'),
      peakMiB: of('peakMiB'),
    };
  });
  const [one, two] = summary.map(({ perSecond }) => perSecond.median) as [number, number];
  const result = { documents: DOCUMENTS, rounds: ROUNDS, summary, speedUp: two / one };
  if (values.json) console.log(JSON.stringify(result));
  else console.log(JSON.stringify(result, undefined, 2));
} finally {
  rmSync(folder, { recursive: true, force: true });
  await elastic.stop();
  await kafka.stop();
}

function spreadOf(numbers: number[]): { min: number; median: number; max: number } {
  const sorted = numbers.toSorted((one, other) => one - other);
  return { min: sorted[0] ?? 0, median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted.at(-1) ?? 0 };
}

async function measure(instances: number, name: string, documents: number): Promise<LoadFigures> {
  const sinks = [
    { name: 'kafka', type: 'kafka', brokers: kafka.brokers, topic: `${name}.{stream}`, transactional_id_prefix: name },
    { name: 'elastic', type: 'elasticsearch', nodes: [elastic.url], compression: 'none' },
  ];
  const source = {
    ...{ name: 'bench', connector: 'cylance', streams: [STREAM], base_url: 'http://127.0.0.1:9', sinks: ['kafka'] },
    ...{ tenant_id: 'bench', application_id: 'bench', application_secret: 'a-secret-of-the-benchmark' },
  };
  writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify({ sources: [source], sinks }));
  await run(['setup', 'kafka', '--rejected', '--partitions', String(PARTITIONS), '--replication', '1']).ended;
  await run(['setup', 'elasticsearch']).ended;
  await fetch(`${elastic.url}/logs-${STREAM}-bench`, { method: 'DELETE' });
  await fetch(`${elastic.url}/_data_stream/logs-${STREAM}-bench`, { method: 'DELETE' });
  const before = await count();
  const topic = `${name}.{stream}`;
  const sink = openKafka(
    { brokers: kafka.brokers, topic, transactionalIdPrefix: name },
    { log: pino({ level: 'silent' }), now: Date.now },
  );
  for (let at = 0, number = Date.now(); at < documents; at += 5000, number++) {
    const size = Math.min(5000, documents - at);
    const batch = Array.from({ length: size }, (_, index) => documentOf(`${name}-${at + index}`));
    await sink.write({ pipeline: 'bench/bench/kafka', walk: 'live', number, documents: batch }, signal);
  }
  await sink.close();
  const startedAt = performance.now();
  const running = Array.from({ length: instances }, () => run(['load', '--once']));
  const ended = await Promise.all(running.map((each) => each.ended));
  const seconds = (performance.now() - startedAt) / 1000;
  const there = (await count()) - before;
  if (there !== documents) throw new Error(`${there} of ${documents} documents are there`);
  const cpu = ended.reduce((sum, each) => sum + each.cpuSeconds, 0);
  return {
    ...{ instances, documents, seconds, perSecond: documents / seconds },
    cpuMicrosPerDocument: (cpu / documents) * 1e6,
    peakMiB: Math.max(...ended.map((each) => each.peakMiB)),
  };
}

async function count(): Promise<number> {
  await fetch(`${elastic.url}/logs-${STREAM}-bench/_refresh`, { method: 'POST' });
  const reply = await fetch(`${elastic.url}/logs-${STREAM}-bench/_count`);
  return reply.status === 200 ? ((await reply.json()) as { count: number }).count : 0;
}

/** Tells at its end what it took: the process itself writes it, since Node does not tell of its children. */
function run(argv: string[]): { ended: Promise<{ cpuSeconds: number; peakMiB: number }> } {
  const tell = `process.on('exit', () => { const fs = require('node:fs'); const u = process.resourceUsage(); const most = Number(/^VmHWM:\\s+(\\d+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]); fs.writeSync(3, JSON.stringify({ cpuSeconds: (u.userCPUTime + u.systemCPUTime) / 1e6, peakMiB: most / 1024 })); });`;
  const hook = join(folder, 'tell.cjs');
  writeFileSync(hook, tell);
  const child = spawn(process.execPath, ['--require', hook, MAIN, ...argv], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let told = '';
  let talk = '';
  child.stdio[3]?.on('data', (part) => (told += part));
  child.stderr?.on('data', (part) => (talk += part));
  const ended = new Promise<{ cpuSeconds: number; peakMiB: number }>((resolve, reject) => {
    child.once('close', async (code) => {
      await sleep(0);
      if (code === 0) resolve(JSON.parse(told));
      else reject(new Error(`sluice ${argv[0]} ended with ${code}: ${talk}`));
    });
  });
  return { ended };
}
