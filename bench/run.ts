/**
 * `npm run bench`: measures and writes docs/benchmarks.md.
 *
 * Every figure is a ratio within one run: the variants take turns, round by round, each in a process of its own, against
 * one simulator in this process. `--rounds N`, `--records N`, `--no-elasticsearch`, `--no-million`, `--no-giant`, `--no-kafka` make
 * it shorter; `--only-kafka` and `--only-giant` measure these, print the section and write nothing.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { startElasticsearch } from '../test/services/elasticsearch.ts';
import { startKafka } from '../test/services/kafka.ts';
import { createTopics } from './kafka.ts';
import { report, type Section } from './report.ts';
import { type Measured, type Task, TENANT } from './task.ts';
import { installTemplates } from './templates.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    records: { type: 'string', default: '100000' },
    'no-elasticsearch': { type: 'boolean', default: false },
    'no-million': { type: 'boolean', default: false },
    'no-giant': { type: 'boolean', default: false },
    'no-kafka': { type: 'boolean', default: false },
    'only-kafka': { type: 'boolean', default: false },
    'only-giant': { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const records = Number(options.records);
const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
const sections: Section[] = [];

type Variant = Partial<Task> & Pick<Task, 'mode'>;

async function measure(simulator: Simulator | undefined, variant: Variant, name: string): Promise<Measured> {
  const { start = 0, end = 0 } = simulator?.range ?? {};
  const range = { fromMs: new Date(start).getTime(), toMs: new Date(end).getTime() + 1 };
  const usual = { passes: 1, writesEveryPass: false, details: false, concurrency: 8 };
  const task: Task = { url: simulator?.url ?? '', folder: join(scratch, name), ...range, ...usual, ...variant };
  const child = join(import.meta.dirname, 'child.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [child, JSON.stringify(task)]);
  const measured = JSON.parse(stdout) as Measured;
  console.error(name, JSON.stringify(measured));
  return measured;
}

/** All variants in turn, `rounds` times. */
async function section(
  title: string,
  about: string,
  simulator: Simulator | undefined,
  variants: Record<string, Variant>,
  times = rounds,
  ratio: Section['ratio'] = 'cpu',
) {
  const results = new Map<string, Measured[]>(Object.keys(variants).map((name) => [name, []]));
  for (let round = 1; round <= times; round++) {
    for (const [index, [name, variant]] of Object.entries(variants).entries()) {
      const folder = `${title.replace(/\W+/g, '').toLowerCase().slice(0, 12)}${index}r${round}`;
      results.get(name)?.push(await measure(simulator, variant, folder));
    }
  }
  sections.push({ title, about, ratio, results });
}

/** With the odd forms that earlier versions always served, so that numbers stay comparable. */
const simulate = (detections: number, more: object = {}) =>
  startSimulator({ seed: 7, detections, oddForms: true, ...TENANT, endTime: '2026-01-01T00:00:00Z', ...more });

async function listRecords(): Promise<void> {
  const simulator = await simulate(records);
  await section('List records to NDJSON', LIST_ABOUT, simulator, {
    'Sluice (two passes, state, checkpoints)': { mode: 'sluice' },
    'raw floor, the same pages': { mode: 'raw', passes: 2, writesEveryPass: true },
    'raw floor, the same pages, each record written once': { mode: 'raw', passes: 2 },
    'raw floor, every page once': { mode: 'raw' },
    'mapped floor, every page once': { mode: 'mapped' },
  });
  await simulator.close();
}

async function details(): Promise<void> {
  const simulator = await simulate(5000, { latencyMs: 20 });
  const about =
    'Every detail is a request that the vendor answers after 20 ms; n at a time cannot be faster than n / 20 ms.';
  const variants = Object.fromEntries(
    [8, 32].map((concurrency) => [
      `Sluice, ${concurrency} requests at a time`,
      { mode: 'sluice' as const, details: true, concurrency },
    ]),
  );
  await section('Details at 20 ms vendor latency', about, simulator, variants, Math.min(rounds, 3));
  await simulator.close();
}

async function million(): Promise<void> {
  for (const [count, title] of [
    [100_000, 'Peak memory at 10^5 records'],
    [1_000_000, 'Peak memory at 10^6 records'],
  ] as const) {
    const simulator = await simulate(count);
    await section(title, 'List records to NDJSON.', simulator, { Sluice: { mode: 'sluice' } }, count > 500_000 ? 1 : 3);
    await simulator.close();
  }
}

async function giant(): Promise<void> {
  const simulator = await simulate(0, { giantResults: GIANT });
  await section(
    'One reply of 300 MB',
    GIANT_ABOUT,
    simulator,
    {
      'read part by part (stream-json)': { mode: 'parts' },
      'read and parsed whole (JSON.parse)': { mode: 'whole' },
      'Sluice to NDJSON': { mode: 'sluice', stream: 'cylance.instaquery_result' },
    },
    Math.min(rounds, 3),
    'throughput',
  );
  await simulator.close();
}

const GIANT = 300_000;
const GIANT_ABOUT =
  `${GIANT.toLocaleString('en')} results of 1 KiB in one array, so a thousand records are a megabyte. The first two only download and parse. ` +
  'Every result becomes a document of about 2.5 KB.';

async function elasticsearch(): Promise<void> {
  const node = await startElasticsearch({ version: '9.5.3' });
  try {
    await installTemplates(node.url);
    const simulator = await simulate(50_000);
    await measure(simulator, { mode: 'sluice' }, 'documents');
    const documents = wholeFile(join(scratch, 'documents', 'out'));
    for (let warm = 0; warm < 3; warm++)
      await measure(simulator, { mode: 'bulk', elasticsearch: node.url, documents }, `warm${warm}`);
    await section('List records to Elasticsearch 9.5.3', ELASTICSEARCH_ABOUT, simulator, {
      Sluice: { mode: 'sluice', elasticsearch: node.url },
      'the same documents, posted from prebuilt bodies': { mode: 'bulk', elasticsearch: node.url, documents },
    });
    await simulator.close();
  } finally {
    await node.stop();
  }
}

async function kafka(): Promise<void> {
  const broker = await startKafka({ version: '4.2.0', heap: '512m' });
  try {
    for (const [documents, batches, compression] of KAFKA_SIZES) {
      const topic = `bench.${documents}.${compression}`;
      await createTopics(broker.brokers, [topic]);
      const task = { brokers: broker.brokers, topic, compression, batches, documents, bytes: 1000 };
      const title = `Kafka 4.2.0, batches of ${documents.toLocaleString('en')}, compression ${compression}`;
      const variants = {
        'the sink': { mode: 'kafka' as const, kafka: task },
        'kafkajs, the same transactions': { mode: 'kafkajs' as const, kafka: task },
      };
      for (const variant of Object.values(variants)) await measure(undefined, variant, `warm-${topic}-${variant.mode}`);
      await section(title, KAFKA_ABOUT, undefined, variants, rounds, 'throughput');
    }
  } finally {
    await broker.stop();
  }
}

/** Documents of a batch, and how many batches. */
const KAFKA_SIZES = [
  [5000, 20, 'gzip'],
  [5000, 20, 'none'],
  [1000, 60, 'gzip'],
] as const;
const KAFKA_ABOUT =
  'One broker on the same two cores, 6 partitions, documents of about 1 KB. The comparison sends the same values in the same sends and transactions; ' +
  'it does nothing else, and divides the records before the clock starts.';

function wholeFile(folder: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ndjson'));
  return join(folder, names[0] as string);
}

const LIST_ABOUT =
  'CPU is user and system time of all threads of the process, divided by the number of different records. ' +
  'Sluice reads every window twice, because only two passes that agree prove that no record slipped between two pages. ' +
  '"The same pages" therefore downloads every page twice, as Sluice does.';
const ELASTICSEARCH_ABOUT =
  'One real node on the same two cores, warmed up. The bodies of the comparison are made before the clock starts.';

try {
  const only = options['only-kafka'] || options['only-giant'];
  if (options['only-giant']) await giant();
  if (!only) {
    await listRecords();
    await details();
    if (!options['no-million']) await million();
    if (!options['no-giant']) await giant();
    if (!options['no-elasticsearch']) await elasticsearch();
  }
  if (!options['no-kafka'] && !options['only-giant']) await kafka();
  const machine = `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}`;
  const page = report(sections, { machine, rounds, records });
  if (only) console.log(page);
  else writeFileSync(join(import.meta.dirname, '../docs/benchmarks.md'), page);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
